// Requests in the Redis protocol (RESP2 arrays of bulk strings). Any byte is legal in an argument.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace dialogstore::redis {

/// Writes one command argument by argument, into memory that is taken once.
class CommandWriter {
 public:
  /// `bytes`: of all arguments together; more only costs time.
  CommandWriter(std::size_t arguments, std::size_t bytes);
  CommandWriter& add(std::string_view argument);
  /// An argument of `size` bytes that the caller appends to the string itself, before anything
  /// else.
  std::string& begin(std::size_t size);
  void end() { out_.append("\r\n"); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Encodes one command with its arguments.
std::string encode_command(std::initializer_list<std::string_view> arguments);
std::string encode_command(std::span<const std::string_view> arguments);

}  // namespace dialogstore::redis
