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

CommandWriter::CommandWriter(std::size_t arguments, std::size_t bytes) {
  // What stands before an argument of less than 100,000 bytes, and behind it.
  constexpr std::size_t around = 10;
  out_.reserve(around + arguments * around + bytes);
  append_header(out_, '*', arguments);
}

CommandWriter& CommandWriter::add(std::string_view argument) {
  begin(argument.size()).append(argument);
  end();
  return *this;
}

std::string& CommandWriter::begin(std::size_t size) {
  append_header(out_, '$', size);
  return out_;
}

std::string encode_command(std::span<const std::string_view> arguments) {
  std::size_t bytes = 0;
  for (const std::string_view argument : arguments) bytes += argument.size();
  CommandWriter out(arguments.size(), bytes);
  for (const std::string_view argument : arguments) out.add(argument);
  return out.take();
}

std::string encode_command(std::initializer_list<std::string_view> arguments) {
  return encode_command(std::span<const std::string_view>(arguments.begin(), arguments.size()));
}

}  // namespace dialogstore::redis
