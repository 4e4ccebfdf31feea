#include "chatsky_values.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "context.hpp"
#include "model/context_access.hpp"
#include "model/json_access.hpp"
#include "model/message_text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

enum Field : std::size_t { text, commands, attachments, annotations, misc };

/// Whether the name under which Chatsky pickles may be one of a key in it. A letter of it may be
/// spelled as an escape, which no writer of JSON does without a purpose.
bool may_hold_pickles(std::string_view json) {
  if (json.find("pickled_extra_fields") != std::string_view::npos) return true;
  constexpr std::string_view escape = "\\u00";
  for (auto at = json.find(escape); at != std::string_view::npos; at = json.find(escape, at + 1)) {
    const std::size_t digit = at + escape.size();
    if (digit < json.size() && json[digit] >= '2' && json[digit] <= '7') return true;
  }
  return false;
}

/// Whether a message has nothing that is left out unless pickles are allowed.
bool is_harmless(std::string_view json, const MessageSpans& spans) {
  if (may_hold_pickles(json)) return false;
  for (const auto& [name, value] : spans.extra) {
    std::string buffer;
    if (decoded_name(name, buffer) == "origin" && value != "null") return false;
  }
  return true;
}

bool append_message(std::string& out, std::string_view stored, bool allow_pickle) {
  JsonCursor cursor(stored);
  MessageSpans spans;
  std::string_view field;
  if (!read_message(cursor, spans, field)) return false;
  if (!allow_pickle && !is_harmless(stored, spans)) return false;
  for (const Field known : {text, commands, attachments, annotations, misc}) {
    const std::string_view span = spans.known[known];
    if (span.empty() && known == commands) continue;  // a field of DFF's
    out += known == text ? "{\"" : ",\"";
    out.append(message_fields[known]).append("\":").append(span.empty() ? "null" : span);
  }
  for (const auto& [name, value] : spans.extra) {
    out.append(",\"").append(name).append("\":").append(value);
  }
  out += '}';
  return true;
}

bool append_label(std::string& out, std::string_view stored) {
  JsonCursor cursor(stored);
  LabelSpans label;
  if (!read_label(cursor, label)) return false;
  out.append("{\"flow_name\":").append(label.flow);
  out.append(",\"node_name\":").append(label.node).append("}");
  return true;
}

nb::object chatsky_value(const PyContext& core, std::int64_t index, TurnPart part,
                         bool allow_pickle) {
  const TurnText* const turn = ContextAccess::state(core.get()).turns.find(index);
  if (turn == nullptr) return nb::none();
  const std::string_view stored = turn->parts[static_cast<std::size_t>(part)];
  std::string out;
  out.reserve(stored.size() + 64);
  const bool known =
      !stored.empty() && (part == TurnPart::label ? append_label(out, stored)
                                                  : append_message(out, stored, allow_pickle));
  if (!known) return nb::none();
  return nb::bytes(out.data(), out.size());
}

/// The stored form of a value.
std::optional<std::string> stored_value(const nb::bytes& value, TurnPart part, bool allow_pickle) {
  const std::string_view json(value.c_str(), value.size());
  if (part != TurnPart::label) {
    JsonCursor cursor(json, limits::json_depth);
    MessageSpans spans;
    std::string_view field;
    if (!read_message(cursor, spans, field) || !cursor.at_end()) return std::nullopt;
    if (!allow_pickle && !is_harmless(json, spans)) return std::nullopt;
    std::string stored;
    spans.append_stored(stored);
    return stored;
  }
  JsonCursor cursor(json);
  std::string_view name;
  std::string_view flow;
  std::string_view node;
  if (!cursor.enter_object()) return std::nullopt;
  if (!cursor.next_member(name, flow) || name != "flow_name") return std::nullopt;
  if (!cursor.next_member(name, node) || name != "node_name") return std::nullopt;
  if (cursor.next_member(name, name) || !cursor.at_end()) return std::nullopt;
  if (json_kind(flow) != JsonKind::string || json_kind(node) != JsonKind::string) {
    return std::nullopt;
  }
  return std::string("[").append(flow).append(",").append(node).append("]");
}

}  // namespace

void bind_chatsky_values(nb::module_& module) {
  module.def("chatsky_value", &chatsky_value, "core"_a, "index"_a, "part"_a, "allow_pickle"_a);
  module.def("stored_value", &stored_value, "value"_a, "part"_a, "allow_pickle"_a);
}

}  // namespace dialogstore::python
