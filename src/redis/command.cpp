#include "redis/command.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace dialogstore::redis {
namespace {

// A type byte, the number in decimal (20 digits at most) and the end of line.
constexpr std::size_t header_bytes = 1 + 20 + 2;

void append_header(std::string& out, char type, std::size_t number) {
  std::array<char, header_bytes> text{type};
  char* end = std::to_chars(text.data() + 1, text.data() + text.size() - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), end);
}

}  // namespace

std::string encode_command(std::span<const std::string_view> arguments) {
  std::size_t bytes = header_bytes;
  for (const std::string_view argument : arguments) {
    bytes += header_bytes + argument.size() + 2;
  }
  std::string out;
  out.reserve(bytes);
  append_header(out, '*', arguments.size());
  for (const std::string_view argument : arguments) {
    append_header(out, '$', argument.size());
    out.append(argument);
    out.append("\r\n");
  }
  return out;
}

std::string encode_command(std::initializer_list<std::string_view> arguments) {
  return encode_command(std::span<const std::string_view>(arguments.begin(), arguments.size()));
}

}  // namespace dialogstore::redis
