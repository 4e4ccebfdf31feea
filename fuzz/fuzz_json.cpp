// Any bytes as a JSON value: we agree with Boost.JSON on what is one, and what we read survives
// being taken apart and written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../tests/support/json_reference.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "dialogstore/limits.hpp"
#include "model/json_scanner.hpp"
#include "model/message_text.hpp"

namespace {

using dialogstore::Json;
using dialogstore::testing::ReferenceVerdict;

void require(bool holds) {
  if (!holds) std::abort();
}

bool we_accept(std::string_view text) {
  dialogstore::JsonCursor cursor(text, dialogstore::limits::json_depth);
  std::string_view span;
  const bool valid = cursor.value(span) && cursor.at_end();
  require(valid == (cursor.fault() == dialogstore::JsonFault::none));
  require(cursor.offset() <= text.size());
  return valid;
}

void take_apart(const Json& json) {
  static_cast<void>(json.as_int64());
  if (const auto number = json.as_double()) require(*number == *number);
  if (const auto text = json.as_string()) require(Json(*text).as_string() == text);
  if (const auto items = json.as_array()) require(Json::array(*items).as_array() == items);
  try {
    if (const auto object = json.as_object()) require(Json(*object).as_object() == object);
  } catch (const dialogstore::FormatError&) {
    // A repeated name is fine for JSON and refused by us.
  }
}

void as_message(std::string_view text) {
  std::string stored;
  try {
    stored = dialogstore::to_stored_message(text);
  } catch (const dialogstore::FormatError&) {
    return;
  }
  require(dialogstore::to_stored_message(stored) == stored);
  std::string dff;
  dialogstore::append_dff_message(dff, stored);
  require(dialogstore::to_stored_message(dff) == stored);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool accepted = we_accept(text);
  const auto verdict =
      dialogstore::testing::reference_verdict(text, dialogstore::limits::json_depth);
  if (verdict != ReferenceVerdict::refuses_exponent) {
    require(accepted == (verdict == ReferenceVerdict::accepts));
  }
  if (accepted) {
    const Json json = Json::parse(text);
    require(Json::parse(json.text()) == json);
    take_apart(json);
  }
  as_message(text);
  std::string quoted;
  require(dialogstore::append_json_string(quoted, text) == dialogstore::is_utf8(text));
  require(quoted.empty() || we_accept(quoted));
  return 0;
}
