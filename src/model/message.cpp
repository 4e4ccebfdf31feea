#include "dialogstore/message.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "dialogstore/error.hpp"
#include "model/json_access.hpp"
#include "model/message_text.hpp"

namespace dialogstore {
namespace {

void append_text(std::string& out, std::string_view text, std::string_view place) {
  if (append_json_string(out, text)) return;
  throw_error(errc::invalid_json, "", "", std::string(place) + ": the text is not UTF-8");
}

std::string decoded_string(std::string_view span) {
  std::string out;
  append_decoded(out, span.substr(1, span.size() - 2));
  return out;
}

bool is_known_field(std::string_view name) {
  return std::find(message_fields.begin(), message_fields.end(), name) != message_fields.end();
}

void check_extra_name(const std::string& name) {
  if (!is_known_field(name)) return;
  throw_error(errc::invalid_json, "", "", name + ": an extra field has this field's name");
}

// The value in it, checked: one made of others may be nested deeper than one that was read.
std::string_view value_in(const Json& json, std::string_view field) {
  JsonCursor cursor(json.text(), limits::json_depth);
  std::string_view span;
  if (!cursor.value(span) || !cursor.at_end()) throw_fault(cursor, field);
  return span;
}

Json field_value(std::string_view span) {
  return span.empty() ? Json() : Json::from_valid_text(std::string(span));
}

}  // namespace

std::string Label::to_json() const {
  std::string out;
  out.reserve(flow.size() + node.size() + 7);
  append_text(out += '[', flow, "label");
  append_text(out += ',', node, "label");
  out += ']';
  return out;
}

Label Label::from_json(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  LabelSpans spans;
  if (!read_label(cursor, spans) || !cursor.at_end()) throw_fault(cursor, "label");
  return {decoded_string(spans.flow), decoded_string(spans.node)};
}

bool read_label(JsonCursor& cursor, LabelSpans& spans) {
  const auto read_string = [&cursor](std::string_view& span) {
    if (!cursor.next_item()) return false;
    if (!cursor.value(span)) return false;
    return json_kind(span) == JsonKind::string || cursor.fail_at(JsonFault::wrong_type, span);
  };
  if (!cursor.enter_array()) return false;
  const std::size_t begin = cursor.offset() - 1;
  const bool two_strings = read_string(spans.flow) && read_string(spans.node);
  if (two_strings && !cursor.next_item() && cursor.fault() == JsonFault::none) return true;
  return cursor.fail_at(JsonFault::wrong_type, begin);  // too few or too many, or a fault already
}

std::string Message::to_json() const {
  std::string out = "{\"text\":";
  if (text) {
    append_text(out, *text, "text");
  } else {
    out += "null";
  }
  out.append(",\"commands\":").append(commands.text());
  out.append(",\"attachments\":").append(attachments.text());
  out.append(",\"annotations\":").append(annotations.text());
  out.append(",\"misc\":").append(misc.text());
  for (const auto& [name, value] : extra) {
    check_extra_name(name);
    append_text(out += ',', name, "extra");
    out.append(1, ':').append(value.text());
  }
  out += '}';
  return out;
}

std::string stored_text(const Message& message) {
  const std::array fields{&message.commands, &message.attachments, &message.annotations,
                          &message.misc};
  std::array<std::string_view, fields.size()> values;
  constexpr std::size_t punctuation = 6;  // `,"":` and the quotes of a text
  std::size_t size = 2;
  if (message.text) size += message_fields[0].size() + message.text->size() + punctuation;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    values[i] = value_in(*fields[i], message_fields[i + 1]);
    size += message_fields[i + 1].size() + values[i].size() + punctuation;
  }
  std::string out;
  out.reserve(size);
  const auto open_field = [&out](std::string_view name) {
    out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
  };
  if (message.text) {
    open_field(message_fields[0]);
    append_text(out, *message.text, "text");
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (values[i] == "null") continue;
    open_field(message_fields[i + 1]);
    out += values[i];
  }
  for (const auto& [name, value] : message.extra) {
    check_extra_name(name);
    append_text(out += out.empty() ? '{' : ',', name, "extra");
    out.append(1, ':').append(value_in(value, {}));
  }
  out += out.empty() ? "{}" : "}";
  return out;
}

Message Message::from_json(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  MessageSpans spans;
  std::string_view field;
  if (!read_message(cursor, spans, field) || !cursor.at_end()) throw_fault(cursor, field);
  Message message;
  const auto& [text_span, commands, attachments, annotations, misc] = spans.known;
  if (json_kind(text_span) == JsonKind::string) message.text = decoded_string(text_span);
  message.commands = field_value(commands);
  message.attachments = field_value(attachments);
  message.annotations = field_value(annotations);
  message.misc = field_value(misc);
  std::string buffer;
  for (const auto& [name, value] : spans.extra) {
    message.extra.set(decoded_name(name, buffer), field_value(value));
  }
  return message;
}

}  // namespace dialogstore
