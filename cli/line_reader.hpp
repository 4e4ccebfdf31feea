// Lines of a file or of stdin, gzip or plain.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace dialogstore::cli {

/// Reads lines of at most limits::context_bytes. What is compressed is recognised by its content.
class LineReader {
 public:
  /// @param path "-" is stdin. Throws CommandError (file).
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  /// The next line without its end; nullopt at the end of the file, or when Ctrl-C
  /// ended the wait for more.
  /// Throws CommandError: file, damaged (broken or cut gzip), full (a line too long).
  std::optional<std::string> next();
  /// The number of the line that `next` gave, from 1.
  [[nodiscard]] std::size_t line() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Everything up to the end. Throws as LineReader.
std::string read_whole(const std::string& path);

}  // namespace dialogstore::cli
