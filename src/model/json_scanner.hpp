// Finds the ends of JSON values without building anything: one validating pass over bytes.
// No allocation, never throws, never reads past the end, no recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dialogstore/json.hpp"
#include "dialogstore/limits.hpp"

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
      : text_(text), max_depth_(max_depth) {}

  /// Validates and consumes one value of any kind; `span` is its text without outer white space.
  bool value(std::string_view& span) noexcept;
  /// Consumes `{` (or `[`); false with wrong_type when another value stands there.
  bool enter_object() noexcept;
  bool enter_array() noexcept;
  /// The next member's name, raw between its quotes (escapes undecoded); its value is up to the
  /// caller. False at the closing bracket (consumed, no fault) or on a fault.
  bool next_name(std::string_view& name) noexcept;
  /// The same for arrays: true when the walk stands before an element.
  bool next_item() noexcept;
  /// The next member: its name as in `next_name`, its value validated and consumed.
  bool next_member(std::string_view& name, std::string_view& span) noexcept;
  bool next_element(std::string_view& span) noexcept;
  /// True when only white space is left; else trailing_bytes.
  bool at_end() noexcept;

  /// Records what the caller finds wrong at an offset, or with a part of the text. Always false.
  bool fail_at(JsonFault fault, std::size_t offset) noexcept;
  bool fail_at(JsonFault fault, std::string_view part) noexcept;
  [[nodiscard]] JsonFault fault() const noexcept { return fault_; }
  [[nodiscard]] std::size_t offset() const noexcept { return position_; }

 private:
  bool enter(char bracket) noexcept;
  bool next(char closing) noexcept;
  bool fail_here(JsonFault fault) noexcept {
    fault_ = fault;
    return false;
  }
  void skip_space() noexcept {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (position_ != text_.size() && is_space(text_[position_])) ++position_;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t position_ = 0;
  bool first_ = true;
  JsonFault fault_ = JsonFault::none;
};

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
