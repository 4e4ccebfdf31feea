// What the program is connected to, and how it may talk there: colour, width, progress.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dialogstore::cli {

enum class Style : std::uint8_t { plain, bold, dim, user, bot, good, bad };

struct Terminal {
  bool color = false;        ///< stdout is a terminal and nobody asked for none
  bool progress = false;     ///< stderr is a terminal and not --quiet
  bool interactive = false;  ///< stdin and stderr are terminals: a question can be asked
  std::size_t width = 80;

  /// Looks at the file descriptors and at NO_COLOR, TERM and COLUMNS.
  static Terminal detect(bool no_color, bool quiet);
  /// `text` in a style, or as it is without colour.
  [[nodiscard]] std::string paint(Style style, std::string_view text) const;
};

/// A line on stderr that is drawn again and again; nothing at all when the terminal wants none.
class Progress {
 public:
  /// @param total 0 when it is not known
  Progress(const Terminal& terminal, std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t by = 1);
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

 private:
  void draw(std::chrono::steady_clock::time_point now);

  bool shown_;
  bool drawn_ = false;
  std::size_t width_;
  std::string what_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = begin_;
};

}  // namespace dialogstore::cli
