// The turns of a context: numbering, access, and what is remembered of every change.
#include <algorithm>
#include <array>
#include <utility>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "model/context_access.hpp"
#include "model/message_text.hpp"

namespace dialogstore {
namespace {

using State = ContextAccess::State;

constexpr std::size_t slot(TurnPart part) noexcept {
  return static_cast<std::size_t>(part);
}

constexpr std::uint8_t bit(TurnPart part) noexcept {
  return static_cast<std::uint8_t>(1U << slot(part));
}

bool is_partial(const State& state) noexcept {
  return state.position && !state.position->complete;
}

std::string stored_text(const Label& label) {
  return label.to_json();
}

std::string_view part_text(const State& state, std::int64_t index, TurnPart part) {
  const TurnText* turn = state.turns.find(index);
  return turn == nullptr ? std::string_view() : turn->parts[slot(part)].view();
}

void mark(State& state, std::int64_t index, TurnPart part) {
  std::uint8_t& marks = state.changes.turns[index];
  marks = static_cast<std::uint8_t>(marks | bit(part));
}

// Behind every turn of the sequence, loaded or not.
std::int64_t behind_all(const State& state, TurnPart part) {
  const auto last = state.turns.last_index(part);
  return std::max(last ? *last + 1 : keep_all, state.next[slot(part)]);
}

// The index from which on every stored turn is here: pages hold lower ones than the rows behind.
std::int64_t loaded_from(const State& state) noexcept {
  if (!is_partial(state)) return state.turns.here_from();
  const auto& unsealed = state.position->unsealed_turns;
  return unsealed.empty() ? std::int64_t{state.position->next_turn} : unsealed.front();
}

// The first one of the sequence that is kept, as far as it was ever trimmed.
std::int64_t first_stored(const State& state, TurnPart part) noexcept {
  const std::int64_t before = state.position ? state.position->first[slot(part)] : keep_all;
  return std::max(before, state.changes.first[slot(part)]);
}

bool was_erased(const State& state, std::int64_t index, TurnPart part) {
  const auto found = state.changes.turns.find(index);
  return found != state.changes.turns.end() && (found->second & bit(part)) != 0 &&
         part_text(state, index, part).empty();
}

std::int64_t next_index(const State& state, TurnPart part) {
  const auto next = known_next_index(state, part);
  if (!next) {
    throw_error(errc::partial_context, "", "",
                "the last turns of the sequence were erased and those before were not loaded; load "
                "with history=all to number the next one");
  }
  return *next;
}

std::int64_t add_part(State& state, TurnPart part, std::string text) {
  const std::int64_t index = next_index(state, part);
  if (index > limits::turn_index_max) {
    throw_error(errc::too_large, "", "", "the last turn index is taken");
  }
  set_turn_part(state, index, part, std::move(text));
  return index;
}

void set_last_part(State& state, TurnPart part, std::string text) {
  const auto last = state.turns.last_index(part);
  const std::int64_t none = last || !is_partial(state) ? 0 : next_index(state, part);
  set_turn_part(state, last.value_or(none), part, std::move(text));
}

template <class Value>
std::optional<Value> value_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return Value::from_json(text);
}

template <class Value>
std::optional<Value> part_at(const State& state, std::optional<std::int64_t> index, TurnPart part) {
  if (!index) return std::nullopt;
  return value_of<Value>(part_text(state, *index, part));
}

template <class Value>
std::map<std::int64_t, Value> sequence(const State& state, TurnPart part) {
  std::map<std::int64_t, Value> values;
  for (const TurnText& turn : state.turns.all()) {
    const SharedText& text = turn.parts[slot(part)];
    if (!text.empty()) values.emplace_hint(values.end(), turn.index, Value::from_json(text));
  }
  return values;
}

Turn parsed(const TurnText& turn) {
  return {turn.index, value_of<Label>(turn.parts[slot(TurnPart::label)]),
          value_of<Message>(turn.parts[slot(TurnPart::request)]),
          value_of<Message>(turn.parts[slot(TurnPart::response)])};
}

// The first index to keep so that `hold` parts of the sequence stay; keep_all when all do.
std::int64_t first_kept(const State& state, TurnPart part, std::size_t hold) {
  const auto has_part = [part](const TurnText& turn) { return !turn.parts[slot(part)].empty(); };
  const auto& turns = state.turns.all();
  const auto count = static_cast<std::size_t>(std::count_if(turns.begin(), turns.end(), has_part));
  if (count < hold && is_partial(state)) {
    throw_error(errc::partial_context, "", "",
                "clear: fewer turns were loaded than are to be kept; load with history=all");
  }
  if (hold == 0) {
    if (count == 0 && !is_partial(state)) return keep_all;
    return behind_all(state, part);
  }
  if (count < hold || (count == hold && !is_partial(state))) return keep_all;
  std::size_t dropped = count - hold;
  const auto kept = std::find_if(turns.begin(), turns.end(), [&](const TurnText& turn) {
    return has_part(turn) && dropped-- == 0;
  });
  return kept->index;
}

// What is dropped needs no marks of its own.
void drop_marks(ContextChanges& changes, TurnPart part, std::int64_t first) {
  for (auto& [index, marks] : changes.turns) {
    if (index >= first) break;
    marks = static_cast<std::uint8_t>(marks & ~bit(part));
  }
  std::erase_if(changes.turns, [](const auto& entry) { return entry.second == 0; });
}

void clear_members(JsonObject& object, MemberChanges& changes) {
  for (const auto& member : object) changes.note_erased(member.first);
  object.clear();
}

}  // namespace

void set_turn_part(State& state, std::int64_t index, TurnPart part, SharedText text) {
  if (index < limits::turn_index_min || index > limits::turn_index_max) {
    throw_error(errc::invalid_argument, "", "",
                "turn index " + std::to_string(index) + " is out of range");
  }
  if (part_text(state, index, part) == text) return;
  mark(state, index, part);
  state.turns.set_part(index, part, std::move(text));
  state.next[slot(part)] = std::max(state.next[slot(part)], index + 1);
}

std::optional<std::int64_t> next_index_here(const State& state, TurnPart part) {
  const auto last = state.turns.last_index_here(part);
  const std::int64_t next = state.next[slot(part)];
  const std::int64_t loaded = loaded_from(state);
  const bool is_all_here = first_stored(state, part) >= loaded;
  if (!is_all_here && state.turns.needs_reading_to_number()) return std::nullopt;
  if (last && (is_all_here || *last >= loaded)) return *last + 1;
  if (is_all_here) return next;
  // So the last one lies in a page, just before `next`; unless one behind it was erased.
  if (next > loaded || was_erased(state, next - 1, part)) return std::nullopt;
  return next;
}

std::optional<std::int64_t> known_next_index(const State& state, TurnPart part) {
  const auto next = next_index_here(state, part);
  if (next || is_partial(state)) return next;
  static_cast<void>(state.turns.all());  // reads
  const auto last = state.turns.last_index(part);
  return last ? *last + 1 : state.next[slot(part)];
}

bool knows_numbering(const State& state) {
  if (!is_partial(state)) return true;
  return known_next_index(state, TurnPart::label) && known_next_index(state, TurnPart::request) &&
         known_next_index(state, TurnPart::response);
}

std::int64_t Context::add_label(const Label& label) {
  return add_part(*state_, TurnPart::label, stored_text(label));
}
std::int64_t Context::add_request(const Message& request) {
  return add_part(*state_, TurnPart::request, stored_text(request));
}
std::int64_t Context::add_response(const Message& response) {
  return add_part(*state_, TurnPart::response, stored_text(response));
}

std::optional<Label> Context::last_label() const {
  return part_at<Label>(*state_, state_->turns.last_index(TurnPart::label), TurnPart::label);
}
std::optional<Message> Context::last_request() const {
  return part_at<Message>(*state_, state_->turns.last_index(TurnPart::request), TurnPart::request);
}
std::optional<Message> Context::last_response() const {
  return part_at<Message>(*state_, state_->turns.last_index(TurnPart::response),
                          TurnPart::response);
}

void Context::set_last_label(const Label& label) {
  set_last_part(*state_, TurnPart::label, stored_text(label));
}
void Context::set_last_request(const Message& request) {
  set_last_part(*state_, TurnPart::request, stored_text(request));
}
void Context::set_last_response(const Message& response) {
  set_last_part(*state_, TurnPart::response, stored_text(response));
}

std::optional<Label> Context::label(std::int64_t index) const {
  return part_at<Label>(*state_, index, TurnPart::label);
}
std::optional<Message> Context::request(std::int64_t index) const {
  return part_at<Message>(*state_, index, TurnPart::request);
}
std::optional<Message> Context::response(std::int64_t index) const {
  return part_at<Message>(*state_, index, TurnPart::response);
}

void Context::set_label(std::int64_t index, const Label& label) {
  set_turn_part(*state_, index, TurnPart::label, stored_text(label));
}
void Context::set_request(std::int64_t index, const Message& request) {
  set_turn_part(*state_, index, TurnPart::request, stored_text(request));
}
void Context::set_response(std::int64_t index, const Message& response) {
  set_turn_part(*state_, index, TurnPart::response, stored_text(response));
}

bool Context::erase(std::int64_t index, TurnPart part) {
  if (!part_text(*state_, index, part).empty()) {
    state_->turns.read();  // may fail, and then nothing is marked
    mark(*state_, index, part);
    return state_->turns.erase_part(index, part);
  }
  if (is_partial(*state_) && index < state_->next[slot(part)]) {
    throw_error(errc::partial_context, "", "",
                "erase: turn " + std::to_string(index) + " was not loaded; load with history=all");
  }
  return false;
}

std::map<std::int64_t, Label> Context::labels() const {
  return sequence<Label>(*state_, TurnPart::label);
}
std::map<std::int64_t, Message> Context::requests() const {
  return sequence<Message>(*state_, TurnPart::request);
}
std::map<std::int64_t, Message> Context::responses() const {
  return sequence<Message>(*state_, TurnPart::response);
}

std::vector<std::int64_t> Context::turn_indices() const {
  std::vector<std::int64_t> indices;
  indices.reserve(state_->turns.all().size());
  for (const TurnText& turn : state_->turns.all()) indices.push_back(turn.index);
  return indices;
}

std::optional<Turn> Context::turn(std::int64_t index) const {
  const TurnText* found = state_->turns.find(index);
  if (found == nullptr) return std::nullopt;
  return parsed(*found);
}

std::size_t Context::turn_count() const {
  return state_->turns.all().size();
}

void Context::clear(std::size_t hold_last_n, std::initializer_list<ContextField> fields) {
  FirstKept first{keep_all, keep_all, keep_all};
  const auto named = [&](ContextField field) {
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  };
  constexpr std::array sequences{ContextField::labels, ContextField::requests,
                                 ContextField::responses};
  for (std::size_t i = 0; i < turn_parts; ++i) {  // all that may be refused comes before any change
    const auto part = static_cast<TurnPart>(i);
    if (named(sequences[i])) first[i] = first_kept(*state_, part, hold_last_n);
  }
  ContextChanges& changes = state_->changes;
  for (std::size_t i = 0; i < turn_parts; ++i) {
    changes.first[i] = std::max(changes.first[i], first[i]);
    state_->next[i] = std::max(state_->next[i], first[i]);
    drop_marks(changes, static_cast<TurnPart>(i), first[i]);
  }
  state_->turns.trim(first);
  if (named(ContextField::misc)) clear_members(state_->misc, changes.misc);
  if (named(ContextField::framework_states)) {
    clear_members(state_->framework_states, changes.framework_states);
  }
}

}  // namespace dialogstore
