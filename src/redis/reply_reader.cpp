#include "redis/reply_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

namespace dialogstore::redis {
namespace {

// A status, an error or a number is one line; the longest a server sends is a script's error text.
constexpr std::size_t max_line_bytes = 64U << 10;
// A type, a number in decimal and the end of line.
constexpr std::size_t max_header_bytes = 24;
// No server counts further than this.
constexpr std::int64_t largest_count = std::numeric_limits<std::int32_t>::max();
// Of a verbatim string: what its text is, "txt:" or "mkd:".
constexpr std::size_t format_bytes = 4;

bool has_number(char type) noexcept {
  return std::string_view("$*:!=~%>|").find(type) != std::string_view::npos;
}

// The longest line of a type, with all that belongs to it.
std::size_t most_bytes(char type) noexcept {
  return has_number(type) ? max_header_bytes : 1 + max_line_bytes + 2;
}

const char* no_number_text(char type) noexcept {
  return type == ':' ? "an integer that is not a number" : "a length that is not a number";
}

const char* endless_text(char type) noexcept {
  return has_number(type) ? no_number_text(type) : "a line that does not end";
}

std::string printable(char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (byte > ' ' && byte <= '~') return {'"', byte, '"'};
  const auto value = static_cast<unsigned char>(byte);
  return std::string("the byte 0x") + digits[value >> 4U] + digits[value & 15U];
}

}  // namespace

// A number and the end of its line.
struct ReplyReader::Number {
  const char* behind = nullptr;  ///< null: it is not all there, or none
  std::int64_t value = 0;
  bool is_unfinished = false;

  static Number read(const char* at, const char* end) noexcept {
    constexpr std::ptrdiff_t most_digits = 19;
    const bool is_negative = at != end && *at == '-';
    if (is_negative || (at != end && *at == '+')) ++at;
    const char* const first = at;
    const char* const stop = end - at > most_digits ? at + most_digits : end;
    std::uint64_t value = 0;
    for (; at != stop && *at >= '0' && *at <= '9'; ++at) {
      value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    if (at == end) return {nullptr, 0, true};
    if (at == first || *at != '\r') return {};
    if (at + 1 == end) return {nullptr, 0, true};
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (at[1] != '\n' || value > most + (is_negative ? 1 : 0)) return {};
    return {at + 2, static_cast<std::int64_t>(is_negative ? 0 - value : value), false};
  }
};

bool ReplyReader::feed(std::string_view bytes, std::vector<Reply>& replies) {
  if (failure_ != errc{}) return false;
  try {
    read(bytes, replies);
  } catch (const std::bad_alloc&) {
    fail(errc::too_large, "there is no memory for the server's reply");
  } catch (const std::length_error&) {
    fail(errc::too_large, "there is no memory for the server's reply");
  }
  return failure_ == errc{};
}

void ReplyReader::read(std::string_view bytes, std::vector<Reply>& replies) {
  if (!line_.empty()) bytes = complete_line(bytes, replies);
  if (string_.begin != nullptr) bytes = complete_string(bytes, replies);
  if (failure_ != errc{} || bytes.empty()) return;
  const char* const end = bytes.data() + bytes.size();
  const char* const at = read_parts(bytes.data(), end, replies);
  if (at == nullptr) return;
  if (at != end) line_.assign(at, end);
  builder_.keep();
}

// What follows the line. Only the bytes that are new are searched for its end.
std::string_view ReplyReader::complete_line(std::string_view bytes, std::vector<Reply>& replies) {
  const char type = line_[0];
  const std::size_t most = most_bytes(type) - line_.size();
  const std::size_t end = bytes.substr(0, most).find('\n');
  const std::string_view piece = bytes.substr(0, end == std::string_view::npos ? most : end + 1);
  line_ += piece;
  if (end == std::string_view::npos) {
    if (piece.size() == most) fail_protocol(endless_text(type));
    return {};
  }
  if (read_parts(line_.data(), line_.data() + line_.size(), replies) == nullptr) return {};
  builder_.keep();
  line_.clear();
  return bytes.substr(piece.size());
}

std::string_view ReplyReader::complete_string(std::string_view bytes, std::vector<Reply>& replies) {
  const std::size_t size = std::min(bytes.size(), string_.size - string_.filled);
  if (size != 0) std::memcpy(string_.begin + string_.filled, bytes.data(), size);
  string_.filled += size;
  if (string_.filled < string_.size) return {};
  const std::string_view text(string_.begin, string_.size - 2);
  string_.begin = nullptr;
  bool is_whole = false;
  if (!add_string(string_.type, text, true, is_whole)) return {};
  if (is_whole) take_reply(replies);
  return bytes.substr(size);
}

// Where the first part begins that is not whole; null when the reader has failed.
const char* ReplyReader::read_parts(const char* at, const char* end, std::vector<Reply>& replies) {
  while (at != end) {
    bool is_whole = false;
    const char* const behind = read_part(at, end, is_whole);
    if (behind == at || behind == nullptr) return behind;
    at = behind;
    if (is_whole) take_reply(replies);
  }
  return at;
}

// What is behind the part that begins at `at`: `at` itself when the part's line is not all there,
// null when the reader has failed.
const char* ReplyReader::read_part(const char* at, const char* end, bool& is_whole) {
  switch (*at) {
    case '$':
    case '=':
    case '!':
      return read_string(at, end, is_whole);
    case ':': {
      const Number number = Number::read(at + 1, end);
      if (number.behind == nullptr) return no_number(number, at);
      is_whole = builder_.add_integer(number.value);
      return number.behind;
    }
    case '*':
    case '~':
    case '%':
    case '>':
    case '|':
      return read_list(at, end, is_whole);
    case '+':
    case '-':
    case '_':
    case '#':
    case ',':
    case '(':
      return read_line(at, end, is_whole);
    default:
      return fail(
          errc::protocol_error,
          "the server does not speak the Redis protocol: a reply begins with " + printable(*at));
  }
}

const char* ReplyReader::read_string(const char* at, const char* end, bool& is_whole) {
  const Number number = Number::read(at + 1, end);
  if (number.behind == nullptr) return no_number(number, at);
  if (number.value < 0) {
    if (number.value != -1 || *at != '$') return fail_protocol("a length below zero");
    is_whole = builder_.add_nil();
    return number.behind;
  }
  const auto length = static_cast<std::uint64_t>(number.value);
  if (!has_room_for(length)) return nullptr;
  const auto there = static_cast<std::size_t>(end - number.behind);
  if (there < length + 2) {
    string_ = {builder_.reserve(length + 2), length + 2, there, *at};
    std::memcpy(string_.begin, number.behind, there);
    return end;
  }
  if (!add_string(*at, {number.behind, length}, false, is_whole)) return nullptr;
  return number.behind + length + 2;
}

// Two bytes follow `text`. False when the reader has failed.
bool ReplyReader::add_string(char type, std::string_view text, bool is_reserved, bool& is_whole) {
  const char* const end = text.data() + text.size();
  if (end[0] != '\r' || end[1] != '\n') {
    return fail_protocol("a string longer than announced") != nullptr;
  }
  if (type == '=') {
    if (text.size() < format_bytes || text[format_bytes - 1] != ':') {
      return fail_protocol("a verbatim string without a format") != nullptr;
    }
    text.remove_prefix(format_bytes);
  }
  const auto kind = type == '!' ? ReplyKind::error : ReplyKind::string;
  is_whole = is_reserved ? builder_.add_reserved(kind, text) : builder_.add_text(kind, text);
  return true;
}

const char* ReplyReader::read_list(const char* at, const char* end, bool& is_whole) {
  const char type = *at;
  const Number number = Number::read(at + 1, end);
  if (number.behind == nullptr) return no_number(number, at);
  if (number.value == -1 && type == '*') {
    is_whole = builder_.add_nil();
    return number.behind;
  }
  if (number.value < 0) return fail_protocol("a count below zero");
  if (number.value > largest_count) return fail_protocol("a count that is too large");
  if (type == '>' && builder_.depth() != 0) return fail_protocol("a push inside another reply");
  if (builder_.depth() == limits::reply_depth) {
    return fail(errc::protocol_error, "the server's reply is nested too deep");
  }
  const bool has_pairs = type == '%' || type == '|';
  const std::size_t count = static_cast<std::size_t>(number.value) * (has_pairs ? 2 : 1);
  // An attribute counts itself: there may be any number of them without an element.
  const std::size_t counted = count + (type == '|' ? 1 : 0);
  if (counted > limits::reply_elements - elements_) {
    return fail(errc::too_large, "the server's reply has more than " +
                                     std::to_string(limits::reply_elements) + " elements");
  }
  elements_ += counted;
  const auto list = type == '>'   ? ReplyList::push
                    : type == '|' ? ReplyList::attribute
                                  : ReplyList::array;
  is_whole = builder_.open(list, count);
  return number.behind;
}

const char* ReplyReader::read_line(const char* at, const char* end, bool& is_whole) {
  const char type = *at;
  const std::size_t most = std::min(most_bytes(type), static_cast<std::size_t>(end - at));
  const auto* newline = static_cast<const char*>(std::memchr(at, '\n', most));
  if (newline == nullptr) return most == most_bytes(type) ? fail_protocol(endless_text(type)) : at;
  if (newline[-1] != '\r') return fail_protocol("a line that ends without a carriage return");
  const std::string_view text(at + 1, static_cast<std::size_t>(newline - at) - 2);
  if (!add_line(type, text, is_whole)) return nullptr;
  return newline + 1;
}

// False when the reader has failed.
bool ReplyReader::add_line(char type, std::string_view text, bool& is_whole) {
  if (type == '_') {
    if (!text.empty()) return fail_protocol("a null with a value") != nullptr;
    is_whole = builder_.add_nil();
    return true;
  }
  if (type == '#') {
    if (text != "t" && text != "f") return fail_protocol("a boolean that is none") != nullptr;
    is_whole = builder_.add_integer(text == "t" ? 1 : 0);
    return true;
  }
  const bool is_number = type == ',' || type == '(';
  if (is_number && text.empty()) return fail_protocol("a number without digits") != nullptr;
  if (!has_room_for(text.size())) return false;
  const auto kind = type == '+'   ? ReplyKind::status
                    : type == '-' ? ReplyKind::error
                                  : ReplyKind::string;
  is_whole = builder_.add_text(kind, text);
  return true;
}

// Counts a text of the reply. False when the reader has failed.
bool ReplyReader::has_room_for(std::uint64_t length) {
  if (length > max_reply_bytes_ - text_bytes_) {
    fail(errc::too_large,
         "the server's reply is larger than " + std::to_string(max_reply_bytes_) + " bytes");
    return false;
  }
  text_bytes_ += length;
  return true;
}

void ReplyReader::take_reply(std::vector<Reply>& replies) {
  replies.push_back(builder_.take());
  text_bytes_ = 0;
  elements_ = 0;
}

// `at` when the line of the part that begins there is not all there.
const char* ReplyReader::no_number(const Number& number, const char* at) {
  return number.is_unfinished ? at : fail_protocol(no_number_text(*at));
}

std::nullptr_t ReplyReader::fail_protocol(const char* what) {
  return fail(errc::protocol_error, std::string("the server sent ") + what);
}

std::nullptr_t ReplyReader::fail(errc failure, std::string detail) {
  failure_ = failure;
  detail_ = std::move(detail);
  builder_ = {};
  string_ = {};
  return nullptr;
}

}  // namespace dialogstore::redis
