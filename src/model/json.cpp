#include "dialogstore/json.hpp"

#include <utility>

#include "dialogstore/error.hpp"
#include "model/json_access.hpp"
#include "model/json_number.hpp"

namespace dialogstore {

Json::Json(double value) : text_(number_text(value)) {}

Json::Json(std::string_view value) {
  text_.clear();
  text_.reserve(value.size() + 2);
  if (!append_json_string(text_, value)) {
    throw_error(errc::invalid_json, "", "", "a string is not UTF-8");
  }
}

Json::Json(const JsonObject& object) : text_(object.to_text()) {}

Json Json::parse(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  std::string_view span;
  if (!cursor.value(span) || !cursor.at_end()) throw_fault(cursor, "");
  return from_valid_text(std::string(span));
}

Json Json::array(const std::vector<Json>& items) {
  std::string text = "[";
  for (const Json& item : items) {
    if (text.size() > 1) text += ',';
    text += item.text();
  }
  return from_valid_text(std::move(text += ']'));
}

Json Json::from_valid_text(std::string text) noexcept {
  Json value;
  value.text_ = std::move(text);
  return value;
}

JsonKind Json::kind() const noexcept {
  return json_kind(text_);
}

std::optional<bool> Json::as_bool() const noexcept {
  if (kind() != JsonKind::boolean) return std::nullopt;
  return text_.front() == 't';
}

std::optional<std::int64_t> Json::as_int64() const noexcept {
  if (kind() != JsonKind::number) return std::nullopt;
  return exact_int64(text_);
}

std::optional<double> Json::as_double() const noexcept {
  if (kind() != JsonKind::number) return std::nullopt;
  return nearest_double(text_);
}

std::optional<std::string> Json::as_string() const {
  if (kind() != JsonKind::string) return std::nullopt;
  std::string out;
  append_decoded(out, std::string_view(text_).substr(1, text_.size() - 2));
  return out;
}

std::optional<std::vector<Json>> Json::as_array() const {
  if (kind() != JsonKind::array) return std::nullopt;
  JsonCursor cursor(text_);
  std::vector<Json> items;
  std::string_view span;
  cursor.enter_array();
  while (cursor.next_element(span)) items.push_back(from_valid_text(std::string(span)));
  if (cursor.fault() != JsonFault::none) throw_fault(cursor, "");
  return items;
}

std::optional<JsonObject> Json::as_object() const {
  if (kind() != JsonKind::object) return std::nullopt;
  return JsonObject::parse(text_);
}

std::string_view decoded_name(std::string_view raw, std::string& buffer) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  buffer.clear();
  append_decoded(buffer, raw);
  return buffer;
}

std::string fault_text(const JsonCursor& cursor, std::string_view place) {
  std::string text(place);
  if (!text.empty()) text += ": ";
  text += describe(cursor.fault());
  return text.append(", at byte ").append(std::to_string(cursor.offset()));
}

void throw_fault(const JsonCursor& cursor, std::string_view place) {
  throw_error(errc::invalid_json, "", "", fault_text(cursor, place));
}

Json checked_value(Json value, std::string_view place) {
  JsonCursor cursor(value.text(), limits::json_depth);
  std::string_view span;
  if (!cursor.value(span) || !cursor.at_end()) throw_fault(cursor, place);
  if (span.size() == value.text().size()) return value;
  return Json::from_valid_text(std::string(span));
}

}  // namespace dialogstore
