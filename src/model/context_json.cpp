#include "model/context_json.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "model/context_access.hpp"
#include "model/json_access.hpp"
#include "model/message_text.hpp"

namespace dialogstore {
namespace {

using State = ContextAccess::State;

// Positions in context_fields; the three sequences stand there in the order of TurnPart.
enum Field : std::size_t { id, labels, requests, responses, misc, validation, framework_states };

std::size_t field_of(std::string_view name) noexcept {
  return static_cast<std::size_t>(std::find(context_fields.begin(), context_fields.end(), name) -
                                  context_fields.begin());
}

// Only the canonical spelling: "01", "+1" and "-0" would come back as another key.
std::optional<std::int64_t> turn_index(std::string_view raw) noexcept {
  const std::string_view digits = raw.starts_with('-') ? raw.substr(1) : raw;
  const bool canonical = !digits.empty() && (digits.front() != '0' || raw == "0");
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), index);
  const bool whole = canonical && error == std::errc{} && end == raw.data() + raw.size();
  if (!whole || index < limits::turn_index_min || index > limits::turn_index_max) {
    return std::nullopt;
  }
  return index;
}

bool comes_before(const PartText& a, const PartText& b) noexcept {
  return a.index < b.index;
}

// One walk over the text, each part read where it stands.
class ContextReader {
 public:
  ContextReader(std::string_view text, State& state) noexcept
      : cursor_(text, limits::json_depth), state_(state) {}

  void read() {
    if (!read_fields() || !cursor_.at_end()) throw_fault(cursor_, place());
  }

 private:
  bool read_fields();
  bool read_field(std::size_t field);
  bool read_extra(std::string_view name, std::string_view raw);
  bool read_id();
  bool read_validation();
  bool read_sequence(TurnPart part);
  bool read_part(TurnPart part, std::string& text);
  bool take_sequence(TurnPart part, std::vector<PartText> parts, std::size_t begin);
  [[nodiscard]] std::string place() const;

  JsonCursor cursor_;
  State& state_;
  std::array<bool, context_fields.size()> seen_{};
  MessageSpans spans_;
  // Where the walk is, for the text of a failure.
  std::string_view field_;
  std::optional<std::int64_t> index_;
  std::string_view message_field_;
};

bool ContextReader::read_fields() {
  if (!cursor_.enter_object()) return false;
  std::string_view raw;
  std::string buffer;
  while (cursor_.next_name(raw)) {
    const std::string_view name = decoded_name(raw, buffer);
    const std::size_t field = field_of(name);
    if (field == context_fields.size()) {
      if (!read_extra(name, raw)) return false;
      continue;
    }
    if (std::exchange(seen_[field], true)) return cursor_.fail_at(JsonFault::repeated_name, raw);
    field_ = context_fields[field];
    if (!read_field(field)) return false;
    field_ = {};
  }
  return cursor_.fault() == JsonFault::none;
}

bool ContextReader::read_field(std::size_t field) {
  switch (field) {
    case Field::id:
      return read_id();
    case Field::misc:
      return JsonAccess::read_object(cursor_, state_.misc);
    case Field::validation:
      return read_validation();
    case Field::framework_states:
      return JsonAccess::read_object(cursor_, state_.framework_states);
    default:
      return read_sequence(static_cast<TurnPart>(field - Field::labels));
  }
}

bool ContextReader::read_extra(std::string_view name, std::string_view raw) {
  if (state_.extra.contains(name)) return cursor_.fail_at(JsonFault::repeated_name, raw);
  std::string_view value;
  if (!cursor_.value(value)) return false;
  state_.extra.set(name, Json::from_valid_text(std::string(value)));
  return true;
}

bool ContextReader::read_id() {
  std::string_view value;
  if (!cursor_.value(value)) return false;
  if (!is_context_id(value)) return cursor_.fail_at(JsonFault::wrong_type, value);
  state_.id = Json::from_valid_text(std::string(value));
  return true;
}

bool ContextReader::read_validation() {
  std::string_view value;
  if (!cursor_.value(value)) return false;
  if (json_kind(value) != JsonKind::boolean) return cursor_.fail_at(JsonFault::wrong_type, value);
  state_.validation = value == "true";
  return true;
}

bool ContextReader::read_sequence(TurnPart part) {
  if (!cursor_.enter_object()) return false;
  const std::size_t begin = cursor_.offset() - 1;
  std::vector<PartText> parts;
  parts.reserve(state_.turns.all().size());
  std::string_view key;
  while (cursor_.next_name(key)) {
    index_ = turn_index(key);
    if (!index_) return cursor_.fail_at(JsonFault::bad_turn_index, key);
    std::string text;
    if (!read_part(part, text)) return false;
    parts.push_back({*index_, std::move(text)});
    index_.reset();
  }
  return cursor_.fault() == JsonFault::none && take_sequence(part, std::move(parts), begin);
}

bool ContextReader::read_part(TurnPart part, std::string& text) {
  if (part != TurnPart::label) {
    if (!read_message(cursor_, spans_, message_field_)) return false;
    text.reserve(spans_.stored_size());
    spans_.append_stored(text);
    return true;
  }
  LabelSpans label;
  if (!read_label(cursor_, label)) return false;
  text.reserve(label.flow.size() + label.node.size() + 3);
  text.append(1, '[').append(label.flow).append(1, ',').append(label.node).append(1, ']');
  return true;
}

bool ContextReader::take_sequence(TurnPart part, std::vector<PartText> parts, std::size_t begin) {
  if (!std::is_sorted(parts.begin(), parts.end(), comes_before)) {
    std::sort(parts.begin(), parts.end(), comes_before);
  }
  const auto same = std::adjacent_find(
      parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.index == b.index; });
  if (same != parts.end()) {
    index_ = same->index;
    return cursor_.fail_at(JsonFault::repeated_name, begin);
  }
  if (!parts.empty()) {
    state_.next[static_cast<std::size_t>(part)] = std::max(parts.back().index + 1, std::int64_t{0});
  }
  state_.turns.merge(part, std::move(parts));
  return true;
}

// "requests.12.text"
std::string ContextReader::place() const {
  std::string text(field_);
  if (index_) text.append(1, '.').append(std::to_string(*index_));
  if (!message_field_.empty()) text.append(1, '.').append(message_field_);
  return text;
}

void append_field(std::string& out, Field field) {
  out += field == Field::id ? '{' : ',';
  out.append(1, '"').append(context_fields[field]).append("\":");
}

void append_sequence(std::string& out, const TurnTable& turns, TurnPart part) {
  char separator = '{';
  for (const TurnText& turn : turns.all()) {
    const SharedText& text = turn.parts[static_cast<std::size_t>(part)];
    if (text.empty()) continue;
    out.append(1, separator).append(1, '"').append(std::to_string(turn.index)).append("\":");
    separator = ',';
    if (part == TurnPart::label) {
      out += text.view();
    } else {
      append_dff_message(out, text);
    }
  }
  out += separator == '{' ? "{}" : "}";
}

// Enough that the text is never moved: the nulls of a message and a turn's keys are 100 bytes.
std::size_t size_estimate(const State& state) {
  std::size_t size = 256;
  for (const TurnText& turn : state.turns.all()) {
    for (const SharedText& part : turn.parts) size += part.size() + 100;
  }
  for (const JsonObject* object : {&state.misc, &state.framework_states, &state.extra}) {
    for (const auto& [name, value] : *object) size += name.size() + value.text().size() + 8;
  }
  return size;
}

}  // namespace

bool is_known_field(std::string_view name) noexcept {
  return field_of(name) != context_fields.size();
}

bool is_context_id(std::string_view value) noexcept {
  const JsonKind kind = json_kind(value);
  return kind == JsonKind::string ||
         (kind == JsonKind::number && value.find_first_of(".eE") == std::string_view::npos);
}

Context Context::from_json(std::string_view text) {
  if (text.size() > limits::context_bytes) {
    throw_error(errc::too_large, "", "",
                "the JSON has " + std::to_string(text.size()) + " bytes; at most " +
                    std::to_string(limits::context_bytes) + " are allowed");
  }
  Context context;
  ContextReader(text, *context.state_).read();
  return context;
}

std::string Context::to_json() const {
  if (!is_complete()) {
    throw_error(errc::partial_context, "", "",
                "to_json: older turns were not loaded; load with history=all");
  }
  return loaded_to_json();
}

std::string Context::loaded_to_json() const {
  const State& state = *state_;
  std::string out;
  out.reserve(size_estimate(state));
  append_field(out, Field::id);
  out += state.id.text();
  for (const Field field : {Field::labels, Field::requests, Field::responses}) {
    append_field(out, field);
    append_sequence(out, state.turns, static_cast<TurnPart>(field - Field::labels));
  }
  append_field(out, Field::misc);
  state.misc.append_to(out);
  append_field(out, Field::validation);
  out += state.validation ? "true" : "false";
  append_field(out, Field::framework_states);
  state.framework_states.append_to(out);
  for (const auto& [name, value] : state.extra) {
    static_cast<void>(append_json_string(out += ',', name));
    out.append(1, ':').append(value.text());
  }
  out += '}';
  return out;
}

}  // namespace dialogstore
