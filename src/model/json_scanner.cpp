#include "model/json_scanner.hpp"

#include <algorithm>
#include <array>

#include "model/json_chars.hpp"

namespace dialogstore {
namespace {

using namespace json_chars;

// Which of the containers around the scan are objects, innermost last: one bit each.
class OpenContainers {
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

class Scanner {
 public:
  Scanner(const char* at, const char* end) noexcept : at_(at), end_(end) {}

  bool value(std::size_t max_depth) noexcept;
  bool string() noexcept;
  bool name() noexcept;
  bool name(std::string_view& raw) noexcept;
  void skip_space() noexcept {
    while (at_ != end_ && is_space(*at_)) ++at_;
  }

  [[nodiscard]] const char* at() const noexcept { return at_; }
  [[nodiscard]] JsonFault fault() const noexcept { return fault_; }

 private:
  enum class Next : std::uint8_t { value, done, failed };

  bool begin_value(std::size_t max_depth, bool& complete) noexcept;
  Next end_value() noexcept;
  bool scalar() noexcept;
  bool literal(std::string_view word) noexcept;
  bool number() noexcept;
  bool digits() noexcept;
  bool beyond_ascii() noexcept;
  bool escape() noexcept;
  bool unicode_escape() noexcept;
  bool fail(JsonFault fault) noexcept {
    fault_ = fault;
    return false;
  }
  bool fail_unexpected() noexcept {
    return fail(at_ == end_ ? JsonFault::unexpected_end : JsonFault::unexpected_byte);
  }

  const char* at_;
  const char* end_;
  JsonFault fault_ = JsonFault::none;
  OpenContainers open_;
};

bool Scanner::value(std::size_t max_depth) noexcept {
  Next next = Next::value;
  while (next == Next::value) {
    bool complete = false;
    if (!begin_value(max_depth, complete)) return false;
    if (complete) next = end_value();
  }
  return next == Next::done;
}

// Consumes a scalar or empty container whole, or the beginning of a container up to a value.
bool Scanner::begin_value(std::size_t max_depth, bool& complete) noexcept {
  skip_space();
  if (at_ == end_) return fail(JsonFault::unexpected_end);
  const char first = *at_;
  if (first == '"') {
    complete = true;
    return string();
  }
  if (first != '{' && first != '[') {
    complete = true;
    return scalar();
  }
  const bool object = first == '{';
  if (!open_.push(object, max_depth)) return fail(JsonFault::too_deep);
  ++at_;
  skip_space();
  if (at_ != end_ && *at_ == (object ? '}' : ']')) {
    ++at_;
    open_.pop();
    complete = true;
    return true;
  }
  return !object || name();
}

Scanner::Next Scanner::end_value() noexcept {
  while (!open_.empty()) {
    skip_space();
    const bool object = open_.in_object();
    if (at_ != end_ && *at_ == ',') {
      ++at_;
      return !object || name() ? Next::value : Next::failed;
    }
    if (at_ == end_ || *at_ != (object ? '}' : ']')) {
      fail_unexpected();
      return Next::failed;
    }
    ++at_;
    open_.pop();
  }
  return Next::done;
}

// A member's name and the colon behind it.
bool Scanner::name() noexcept {
  std::string_view raw;
  return name(raw);
}

bool Scanner::name(std::string_view& raw) noexcept {
  skip_space();
  if (at_ == end_ || *at_ != '"') return fail_unexpected();
  const char* const begin = at_ + 1;
  if (!string()) return false;
  raw = std::string_view(begin, static_cast<std::size_t>(at_ - begin) - 1);
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail_unexpected();
  ++at_;
  return true;
}

bool Scanner::string() noexcept {
  ++at_;
  while (true) {
    at_ = skip_plain(at_, end_);
    if (at_ == end_) return fail(JsonFault::unexpected_end);
    const char c = *at_;
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!escape()) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return fail(JsonFault::control_in_string);
    } else if (!beyond_ascii()) {
      return false;
    }
  }
}

// A run of characters that are not ASCII.
bool Scanner::beyond_ascii() noexcept {
  do {
    const std::size_t length = utf8_length(at_, end_);
    if (length == 0) return fail(JsonFault::not_utf8);
    at_ += length;
  } while (at_ != end_ && static_cast<unsigned char>(*at_) >= 0x80);
  return true;
}

bool Scanner::escape() noexcept {
  if (end_ - at_ < 2) return fail(JsonFault::unexpected_end);
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
      return fail(JsonFault::bad_escape);
  }
}

bool Scanner::unicode_escape() noexcept {
  const int code = hex4(at_ + 2, end_);
  if (code < 0) return fail(JsonFault::bad_escape);
  if (is_low_surrogate(code)) return fail(JsonFault::lone_surrogate);
  if (!is_high_surrogate(code)) {
    at_ += 6;
    return true;
  }
  const bool paired =
      end_ - at_ >= 12 && at_[6] == '\\' && at_[7] == 'u' && is_low_surrogate(hex4(at_ + 8, end_));
  if (!paired) return fail(JsonFault::lone_surrogate);
  at_ += 12;
  return true;
}

bool Scanner::scalar() noexcept {
  switch (*at_) {
    case 'n':
      return literal("null");
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    default:
      return *at_ == '-' || is_digit(*at_) ? number() : fail(JsonFault::unexpected_byte);
  }
}

bool Scanner::literal(std::string_view word) noexcept {
  for (const char expected : word) {
    if (at_ == end_ || *at_ != expected) return fail_unexpected();
    ++at_;
  }
  return true;
}

bool Scanner::number() noexcept {
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

bool Scanner::digits() noexcept {
  if (at_ == end_) return fail(JsonFault::unexpected_end);
  if (!is_digit(*at_)) return fail(JsonFault::bad_number);
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return true;
}

}  // namespace

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
  const std::size_t begin = position_;
  // The most frequent value of all in DFF's JSON.
  if (text_.substr(begin).starts_with('n') && text_.compare(begin, 4, "null") == 0) {
    position_ += 4;
    span = text_.substr(begin, 4);
    return true;
  }
  Scanner scanner(text_.data() + position_, text_.data() + text_.size());
  const bool valid = scanner.value(max_depth_);
  position_ = static_cast<std::size_t>(scanner.at() - text_.data());
  if (!valid) return fail_here(scanner.fault());
  span = text_.substr(begin, position_ - begin);
  return true;
}

bool JsonCursor::enter_object() noexcept {
  return enter('{');
}
bool JsonCursor::enter_array() noexcept {
  return enter('[');
}

bool JsonCursor::enter(char bracket) noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (position_ == text_.size()) return fail_here(JsonFault::unexpected_end);
  if (text_[position_] != bracket) {
    // A byte that begins no value at all is the better thing to complain of.
    const bool begins_value =
        std::string_view("{[\"-0123456789tfn").find(text_[position_]) != std::string_view::npos;
    return fail_here(begins_value ? JsonFault::wrong_type : JsonFault::unexpected_byte);
  }
  ++position_;
  first_ = true;
  return true;
}

// Consumes the comma before the next entry, or the closing bracket.
bool JsonCursor::next(char closing) noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (position_ == text_.size()) return fail_here(JsonFault::unexpected_end);
  const bool was_first = first_;
  first_ = false;
  if (text_[position_] == closing) {
    ++position_;
    return false;
  }
  if (was_first) return true;
  if (text_[position_] != ',') return fail_here(JsonFault::unexpected_byte);
  ++position_;
  return true;
}

bool JsonCursor::next_name(std::string_view& name) noexcept {
  if (!next('}')) return false;
  Scanner scanner(text_.data() + position_, text_.data() + text_.size());
  const bool valid = scanner.name(name);
  position_ = static_cast<std::size_t>(scanner.at() - text_.data());
  return valid || fail_here(scanner.fault());
}

bool JsonCursor::next_item() noexcept {
  return next(']');
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
  return position_ == text_.size() || fail_here(JsonFault::trailing_bytes);
}

bool JsonCursor::fail_at(JsonFault fault, std::size_t offset) noexcept {
  if (fault_ != JsonFault::none) return false;
  position_ = offset;
  return fail_here(fault);
}

bool JsonCursor::fail_at(JsonFault fault, std::string_view part) noexcept {
  return fail_at(fault, static_cast<std::size_t>(part.data() - text_.data()));
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
