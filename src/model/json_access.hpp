// Building JSON values from the walk over a text, without scanning anything twice, and the words
// for what is wrong with a text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/json.hpp"
#include "model/json_scanner.hpp"
#include "model/shared_text.hpp"

namespace dialogstore {

struct JsonAccess {
  /// Reads the object at the cursor, which walks over a text of `source`, value by value as they
  /// came. False with the cursor's fault (repeated_name stands at the object's beginning).
  static bool read_object(JsonCursor& cursor, JsonObject& object, const TextSource& source = {});
  /// JsonObject::parse of a text that it may keep.
  static JsonObject parse(std::string text);
  /// The object's text where it is at hand, as append_to would write it.
  static std::optional<std::string_view> text_of(const JsonObject& object) noexcept;

 private:
  static std::optional<bool> read_unsplit(JsonCursor& cursor, std::size_t expected,
                                          JsonObject& object, const TextSource& source);
};

/// The name between the quotes: `raw` itself, or decoded into `buffer` when it has escapes.
std::string_view decoded_name(std::string_view raw, std::string& buffer);

/// `<place>: <fault>, at byte <n>`; without the place when it is empty. Never a byte of the text.
std::string fault_text(const JsonCursor& cursor, std::string_view place);

/// Throws FormatError (invalid_json) with that text.
[[noreturn]] void throw_fault(const JsonCursor& cursor, std::string_view place);

/// `value` as it may be stored: one valid value, nested no deeper than limits::json_depth, without
/// outer white space. Throws FormatError naming `place`; text that came through Json::parse passes.
Json checked_value(Json value, std::string_view place);

}  // namespace dialogstore
