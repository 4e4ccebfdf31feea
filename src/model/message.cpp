#include "dialogstore/message.hpp"

#include <algorithm>
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

Json field_value(std::string_view span) {
  return span.empty() ? Json() : Json::from_valid_text(std::string(span));
}

}  // namespace

std::string Label::to_json() const {
  std::string out;
  out.reserve(flow.size() + node.size() + 7);
  append_text(out += '[', flow, "label");
  append_text(out += ',', node, "label");
  return out += ']';
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
    if (std::find(message_fields.begin(), message_fields.end(), name) != message_fields.end()) {
      throw_error(errc::invalid_json, "", "", name + ": an extra field has this field's name");
    }
    append_text(out += ',', name, "extra");
    out.append(1, ':').append(value.text());
  }
  return out += '}';
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
