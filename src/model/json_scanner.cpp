#include "model/json_scanner.hpp"

#include <algorithm>
#include <array>

#include "model/json_chars.hpp"

namespace dialogstore {

using namespace json_chars;

// Which of the containers around the scan are objects, innermost last: one bit each.
class JsonCursor::OpenContainers {
 public:
  static constexpr std::size_t capacity = 256;
  static_assert(capacity >= limits::json_depth + envelope_depth);

  bool push(bool object, std::size_t max_depth) noexcept {
    if (depth_ >= std::min(max_depth, capacity)) return false;
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    auto& word = bits_[depth_ / 64];
    if (depth_ % 64 == 0) word = 0;  // cleared on first use: most values never get here
    word = object ? word | bit : word & ~bit;
    ++depth_;
    return true;
  }
  void pop() noexcept { --depth_; }
  [[nodiscard]] bool empty() const noexcept { return depth_ == 0; }
  [[nodiscard]] bool in_object() const noexcept {
    return ((bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1U) != 0;
  }

 private:
  std::array<std::uint64_t, capacity / 64> bits_;
  std::size_t depth_ = 0;
};

std::string_view describe(JsonFault fault) noexcept {
  constexpr auto texts = std::to_array<std::string_view>({
      "no fault",
      "the text ends too early",
      "this byte cannot stand here",
      "not a JSON number",
      "not a JSON escape",
      "half of a surrogate pair",
      "an unescaped control byte in a string",
      "not UTF-8",
      "nested too deep",
      "more text behind the value",
      "a name is repeated",
      "a value of another type is expected",
      "not a turn index, or out of range",
  });
  static_assert(texts.size() == static_cast<std::size_t>(JsonFault::bad_turn_index) + 1);
  return texts[static_cast<std::size_t>(fault)];
}

bool JsonCursor::value(std::string_view& span) noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (at_ == end_) return fail_here(JsonFault::unexpected_end);
  const char* const begin = at_;
  const char first = *at_;
  const bool valid = first == '"'                   ? string()
                     : first == '{' || first == '[' ? container()
                                                    : scalar();
  span = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  return valid;
}

// Stands at an opening bracket; consumes all up to the one that closes it.
bool JsonCursor::container() noexcept {
  OpenContainers open;
  do {
    skip_space();
    if (at_ == end_) return fail_here(JsonFault::unexpected_end);
    const char first = *at_;
    if (first == '{' || first == '[') {
      const bool object = first == '{';
      if (!open.push(object, max_depth_)) return fail_here(JsonFault::too_deep);
      ++at_;
      skip_space();
      if (at_ == end_ || *at_ != (object ? '}' : ']')) {
        std::string_view name;
        if (object && !read_name(name)) return false;
        continue;  // with its first value
      }
      ++at_;
      open.pop();
    } else if (!(first == '"' ? string() : scalar())) {
      return false;
    }
    if (!next_in(open)) return false;
  } while (!open.empty());
  return true;
}

// Behind a value: goes on to the next, out of the containers that end here.
bool JsonCursor::next_in(OpenContainers& open) noexcept {
  while (!open.empty()) {
    skip_space();
    const bool object = open.in_object();
    if (at_ != end_ && *at_ == ',') {
      ++at_;
      std::string_view name;
      return !object || read_name(name);
    }
    if (at_ == end_ || *at_ != (object ? '}' : ']')) return fail_unexpected();
    ++at_;
    open.pop();
  }
  return true;
}

bool JsonCursor::read_any_name(std::string_view& name) noexcept {
  skip_space();
  if (at_ == end_ || *at_ != '"') return fail_unexpected();
  const char* const begin = at_ + 1;
  if (!string()) return false;
  name = std::string_view(begin, static_cast<std::size_t>(at_ - begin) - 1);
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail_unexpected();
  ++at_;
  return true;
}

bool JsonCursor::string() noexcept {
  ++at_;
  while (true) {
    at_ = skip_plain(at_, end_);
    if (at_ == end_) return fail_here(JsonFault::unexpected_end);
    const char c = *at_;
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!escape()) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return fail_here(JsonFault::control_in_string);
    } else if (!beyond_ascii()) {
      return false;
    }
  }
}

// A run of characters that are not ASCII.
bool JsonCursor::beyond_ascii() noexcept {
  do {
    const std::size_t length = utf8_length(at_, end_);
    if (length == 0) return fail_here(JsonFault::not_utf8);
    at_ += length;
  } while (at_ != end_ && static_cast<unsigned char>(*at_) >= 0x80);
  return true;
}

bool JsonCursor::escape() noexcept {
  if (end_ - at_ < 2) return fail_here(JsonFault::unexpected_end);
  switch (at_[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      at_ += 2;
      return true;
    case 'u':
      return unicode_escape();
    default:
      return fail_here(JsonFault::bad_escape);
  }
}

bool JsonCursor::unicode_escape() noexcept {
  const int code = hex4(at_ + 2, end_);
  if (code < 0) return fail_here(JsonFault::bad_escape);
  if (is_low_surrogate(code)) return fail_here(JsonFault::lone_surrogate);
  if (!is_high_surrogate(code)) {
    at_ += 6;
    return true;
  }
  const bool paired =
      end_ - at_ >= 12 && at_[6] == '\\' && at_[7] == 'u' && is_low_surrogate(hex4(at_ + 8, end_));
  if (!paired) return fail_here(JsonFault::lone_surrogate);
  at_ += 12;
  return true;
}

bool JsonCursor::scalar() noexcept {
  switch (*at_) {
    case 'n':
      return literal("null");
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    default:
      return *at_ == '-' || is_digit(*at_) ? number() : fail_here(JsonFault::unexpected_byte);
  }
}

bool JsonCursor::literal(std::string_view word) noexcept {
  for (const char expected : word) {
    if (at_ == end_ || *at_ != expected) return fail_unexpected();
    ++at_;
  }
  return true;
}

bool JsonCursor::number() noexcept {
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return false;
  }
  return true;
}

bool JsonCursor::digits() noexcept {
  if (at_ == end_) return fail_here(JsonFault::unexpected_end);
  if (!is_digit(*at_)) return fail_here(JsonFault::bad_number);
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return true;
}

bool JsonCursor::plain_pair(std::string_view& span) noexcept {
  // The shortest is ["",""].
  constexpr std::ptrdiff_t shortest = 7;
  if (fault_ != JsonFault::none || end_ - at_ < shortest || at_[0] != '[' || at_[1] != '"') {
    return false;
  }
  const char* const comma = skip_plain(at_ + 2, end_);
  if (end_ - comma < 5 || comma[0] != '"' || comma[1] != ',' || comma[2] != '"') return false;
  const char* const last = skip_plain(comma + 3, end_);
  if (end_ - last < 2 || last[0] != '"' || last[1] != ']') return false;
  span = std::string_view(at_, static_cast<std::size_t>(last + 2 - at_));
  at_ = last + 2;
  return true;
}

bool JsonCursor::fail_to_enter() noexcept {
  if (at_ == end_) return fail_here(JsonFault::unexpected_end);
  // A byte that begins no value at all is the better thing to complain of.
  const bool begins_value =
      std::string_view("{[\"-0123456789tfn").find(*at_) != std::string_view::npos;
  return fail_here(begins_value ? JsonFault::wrong_type : JsonFault::unexpected_byte);
}

bool JsonCursor::next_member(std::string_view& name, std::string_view& span) noexcept {
  return next_name(name) && value(span);
}

bool JsonCursor::next_element(std::string_view& span) noexcept {
  return next_item() && value(span);
}

bool JsonCursor::at_end() noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  return at_ == end_ || fail_here(JsonFault::trailing_bytes);
}

bool JsonCursor::fail_at(JsonFault fault, std::size_t offset) noexcept {
  if (fault_ != JsonFault::none) return false;
  at_ = begin_ + offset;
  return fail_here(fault);
}

bool JsonCursor::fail_at(JsonFault fault, std::string_view part) noexcept {
  return fail_at(fault, static_cast<std::size_t>(part.data() - begin_));
}

JsonKind json_kind(std::string_view text) noexcept {
  switch (text.empty() ? 'n' : text.front()) {
    case 'n':
      return JsonKind::null;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case '"':
      return JsonKind::string;
    case '[':
      return JsonKind::array;
    case '{':
      return JsonKind::object;
    default:
      return JsonKind::number;
  }
}

}  // namespace dialogstore
