#include "model/message_text.hpp"

#include <algorithm>

#include "model/json_access.hpp"

namespace dialogstore {
namespace {

// Position in message_fields, or its size.
std::size_t known_field(std::string_view name) noexcept {
  return static_cast<std::size_t>(std::find(message_fields.begin(), message_fields.end(), name) -
                                  message_fields.begin());
}

bool is_text(std::string_view value) noexcept {
  return json_kind(value) == JsonKind::string || json_kind(value) == JsonKind::null;
}

// The first extra field whose name came before; nullptr when all differ.
const std::string_view* repeated_name(const MessageSpans& spans) {
  if (spans.extra.size() < 2) return nullptr;
  std::vector<std::pair<std::string, const std::string_view*>> names;
  names.reserve(spans.extra.size());
  for (const auto& [raw, value] : spans.extra) {
    names.emplace_back();
    append_decoded(names.back().first, raw);
    names.back().second = &raw;
  }
  std::sort(names.begin(), names.end());
  const auto same = std::adjacent_find(
      names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  return same == names.end() ? nullptr : std::next(same)->second;
}

MessageSpans read_whole(std::string_view json) {
  JsonCursor cursor(json, limits::json_depth);
  MessageSpans spans;
  std::string_view field;
  if (!read_message(cursor, spans, field) || !cursor.at_end()) throw_fault(cursor, field);
  return spans;
}

}  // namespace

void MessageSpans::clear() {
  known.fill({});
  extra.clear();
}

std::size_t MessageSpans::stored_size() const noexcept {
  constexpr std::size_t punctuation = 4;  // `,"":`
  std::size_t size = 2;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i].empty() || known[i] == "null") continue;
    size += message_fields[i].size() + known[i].size() + punctuation;
  }
  for (const auto& [name, value] : extra) size += name.size() + value.size() + punctuation;
  return size;
}

void MessageSpans::append_stored(std::string& out) const {
  const std::size_t begin = out.size();
  const auto append = [&out](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":").append(value);
  };
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (!known[i].empty() && known[i] != "null") append(message_fields[i], known[i]);
  }
  for (const auto& [name, value] : extra) append(name, value);
  if (out.size() == begin) {
    out += "{}";
  } else {
    out[begin] = '{';
    out += '}';
  }
}

bool read_message(JsonCursor& cursor, MessageSpans& spans, std::string_view& field) {
  spans.clear();
  field = {};
  if (!cursor.enter_object()) return false;
  std::string_view raw;
  std::string buffer;
  std::size_t next = 0;  // DFF always writes the known fields in their order
  while (cursor.next_name(raw)) {
    const bool foreseen = next < message_fields.size() && raw == message_fields[next];
    const std::size_t which = foreseen ? next : known_field(decoded_name(raw, buffer));
    next = which + 1;
    const bool known = which < message_fields.size();
    field = known ? message_fields[which] : std::string_view{};
    if (known && !spans.known[which].empty()) {
      return cursor.fail_at(JsonFault::repeated_name, raw);
    }
    std::string_view value;
    if (!cursor.value(value)) return false;
    if (!known) {
      spans.extra.emplace_back(raw, value);
    } else if (which == 0 && !is_text(value)) {
      return cursor.fail_at(JsonFault::wrong_type, value);
    } else {
      spans.known[which] = value;
    }
  }
  field = {};
  if (cursor.fault() != JsonFault::none) return false;
  const std::string_view* repeated = repeated_name(spans);
  return repeated == nullptr || cursor.fail_at(JsonFault::repeated_name, *repeated);
}

std::string to_stored_message(std::string_view json) {
  const MessageSpans spans = read_whole(json);
  std::string out;
  out.reserve(spans.stored_size());
  spans.append_stored(out);
  return out;
}

void append_dff_message(std::string& out, std::string_view stored) {
  const MessageSpans spans = read_whole(stored);
  char separator = '{';
  for (std::size_t i = 0; i < message_fields.size(); ++i) {
    const std::string_view value = spans.known[i].empty() ? "null" : spans.known[i];
    out.append(1, separator).append(1, '"').append(message_fields[i]).append("\":").append(value);
    separator = ',';
  }
  for (const auto& [name, value] : spans.extra) {
    out.append(",\"").append(name).append("\":").append(value);
  }
  out += '}';
}

}  // namespace dialogstore
