// Finds the ends of JSON values without building anything: one validating pass over bytes.
// No allocation, never throws, never reads past the end, no recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dialogstore/json.hpp"
#include "dialogstore/limits.hpp"
#include "model/json_chars.hpp"

namespace dialogstore {

enum class JsonFault : std::uint8_t {
  none,
  unexpected_end,
  unexpected_byte,
  bad_number,
  bad_escape,
  lone_surrogate,
  control_in_string,
  not_utf8,
  too_deep,
  trailing_bytes,
  repeated_name,
  wrong_type,
  bad_turn_index
};
std::string_view describe(JsonFault fault) noexcept;

/// Rows and whole contexts wrap values in a few containers of their own. A reader of those accepts
/// that much more nesting, so that every value the model accepted can be read back.
inline constexpr std::size_t envelope_depth = 8;

/// Walks one JSON text. Containers that the caller enters are walked in place, without a second
/// pass: `enter_object`, then `next_name` and `value` (or `enter_*`) by turns until `next_name` is
/// false; the walk then stands behind the container, in the one around it.
/// After a fault every call returns false; `fault()` and `offset()` say what and where.
class JsonCursor {
 public:
  /// @param max_depth nesting accepted within each value that is consumed whole
  explicit JsonCursor(std::string_view text,
                      std::size_t max_depth = limits::json_depth + envelope_depth) noexcept
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        max_depth_(max_depth) {}

  /// Validates and consumes one value of any kind; `span` is its text without outer white space.
  bool value(std::string_view& span) noexcept;
  /// Consumes `{` (or `[`); false with wrong_type when another value stands there.
  bool enter_object() noexcept { return enter('{'); }
  bool enter_array() noexcept { return enter('['); }
  /// The next member's name, raw between its quotes (escapes undecoded); its value is up to the
  /// caller. False at the closing bracket (consumed, no fault) or on a fault.
  bool next_name(std::string_view& name) noexcept { return next('}') && read_name(name); }
  /// The same, and whether the name is plain: ASCII without escapes, the colon right behind it.
  bool next_name(std::string_view& name, bool& is_plain) noexcept;
  /// The same for arrays: true when the walk stands before an element.
  bool next_item() noexcept { return next(']'); }
  /// The next member: its name as in `next_name`, its value validated and consumed.
  bool next_member(std::string_view& name, std::string_view& span) noexcept;
  bool next_element(std::string_view& span) noexcept;
  /// Consumes `["…","…"]` when it stands there without spaces and escapes, as labels mostly are:
  /// cheaper than `value`. Else false and nothing is consumed, whatever stands there.
  bool plain_pair(std::string_view& span) noexcept;
  /// Consumes a string of ASCII without escapes when one stands right here, as `plain_pair` does.
  bool plain_string(std::string_view& span) noexcept;
  /// True when only white space is left; else trailing_bytes.
  bool at_end() noexcept;

  /// Records what the caller finds wrong at an offset, or with a part of the text. Always false.
  bool fail_at(JsonFault fault, std::size_t offset) noexcept;
  bool fail_at(JsonFault fault, std::string_view part) noexcept;
  [[nodiscard]] JsonFault fault() const noexcept { return fault_; }
  [[nodiscard]] std::size_t offset() const noexcept {
    return static_cast<std::size_t>(at_ - begin_);
  }
  /// What was consumed since an offset.
  [[nodiscard]] std::string_view since(std::size_t offset) const noexcept {
    return {begin_ + offset, at_};
  }
  /// Bytes that are unread.
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  class OpenContainers;

  bool enter(char bracket) noexcept;
  bool fail_to_enter() noexcept;
  bool next(char closing) noexcept;
  bool read_name(std::string_view& name) noexcept;
  bool read_plain_name(std::string_view& name) noexcept;
  bool read_any_name(std::string_view& name) noexcept;

  bool container() noexcept;
  bool next_in(OpenContainers& open) noexcept;
  bool string() noexcept;
  bool beyond_ascii() noexcept;
  bool escape() noexcept;
  bool unicode_escape() noexcept;
  bool scalar() noexcept;
  bool literal(std::string_view word) noexcept;
  bool number() noexcept;
  bool digits() noexcept;

  bool fail_here(JsonFault fault) noexcept {
    fault_ = fault;
    return false;
  }
  bool fail_unexpected() noexcept {
    return fail_here(at_ == end_ ? JsonFault::unexpected_end : JsonFault::unexpected_byte);
  }
  void skip_space() noexcept {
    while (at_ != end_ && json_chars::is_space(*at_)) ++at_;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t max_depth_;
  bool first_ = true;
  JsonFault fault_ = JsonFault::none;
};

// What a reader of rows calls for every member is inline: most of its work is here.

inline bool JsonCursor::enter(char bracket) noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (at_ == end_ || *at_ != bracket) return fail_to_enter();
  ++at_;
  first_ = true;
  return true;
}

// Consumes the comma before the next entry, or the closing bracket.
inline bool JsonCursor::next(char closing) noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (at_ == end_) return fail_here(JsonFault::unexpected_end);
  const bool was_first = first_;
  first_ = false;
  if (*at_ == closing) {
    ++at_;
    return false;
  }
  if (was_first) return true;
  if (*at_ != ',') return fail_here(JsonFault::unexpected_byte);
  ++at_;
  return true;
}

// As writers of compact JSON spell nearly all names. Else nothing is consumed.
inline bool JsonCursor::read_plain_name(std::string_view& name) noexcept {
  if (at_ == end_ || *at_ != '"') return false;
  const char* const begin = at_ + 1;
  const char* const quote = json_chars::skip_plain(begin, end_);
  if (end_ - quote < 2 || quote[0] != '"' || quote[1] != ':') return false;
  name = std::string_view(begin, static_cast<std::size_t>(quote - begin));
  at_ = quote + 2;
  return true;
}

// A member's name and the colon behind it.
inline bool JsonCursor::read_name(std::string_view& name) noexcept {
  return read_plain_name(name) || read_any_name(name);
}

inline bool JsonCursor::next_name(std::string_view& name, bool& is_plain) noexcept {
  if (!next('}')) return false;
  is_plain = read_plain_name(name);
  return is_plain || read_any_name(name);
}

inline bool JsonCursor::plain_string(std::string_view& span) noexcept {
  if (fault_ != JsonFault::none || at_ == end_ || *at_ != '"') return false;
  const char* const quote = json_chars::skip_plain(at_ + 1, end_);
  if (quote == end_ || *quote != '"') return false;
  span = std::string_view(at_, static_cast<std::size_t>(quote + 1 - at_));
  at_ = quote + 1;
  return true;
}

/// Kind of a value by its first byte. `text` must be one valid value.
JsonKind json_kind(std::string_view text) noexcept;

/// Decodes the raw span between the quotes of a valid JSON string into UTF-8.
void append_decoded(std::string& out, std::string_view raw);
/// Appends `text` as a JSON string with quotes, as pydantic spells it: raw UTF-8, `\n` and the like
/// short, other control bytes as lower-case \u00xx, `/` and U+2028 unescaped.
/// False when `text` is not UTF-8 (nothing useful appended).
[[nodiscard]] bool append_json_string(std::string& out, std::string_view text);

bool is_utf8(std::string_view text) noexcept;
/// Bytes of the UTF-8 character that `text` begins with; 0 when it is not one (RFC 3629).
std::size_t utf8_length(std::string_view text) noexcept;

}  // namespace dialogstore
