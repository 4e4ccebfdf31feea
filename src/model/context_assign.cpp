// Taking over the content of another context as changes: the diff of two contexts.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/context.hpp"
#include "model/context_access.hpp"

namespace dialogstore {
namespace {

using State = ContextAccess::State;

bool is_same_text(std::string_view present, std::string_view wanted,
                  const Context::SameValue& is_same) {
  return present == wanted || (is_same && is_same(present, wanted));
}

template <class Erase>
void erase_superfluous(const JsonObject& present, const JsonObject& wanted, Erase erase) {
  std::vector<std::string> superfluous;
  for (const auto& [name, value] : present) {
    if (!wanted.contains(name)) superfluous.push_back(name);
  }
  for (const auto& name : superfluous) erase(name);
}

template <class Set>
void update_members(const JsonObject& present, const JsonObject& wanted,
                    const Context::SameValue& is_same, Set set) {
  for (const auto& [name, value] : wanted) {
    const Json* old = present.find(name);
    if (old == nullptr || !is_same_text(old->text(), value.text(), is_same)) set(name, value);
  }
}

std::vector<std::pair<std::int64_t, TurnPart>> superfluous_parts(const State& present,
                                                                 const State& wanted) {
  std::vector<std::pair<std::int64_t, TurnPart>> found;
  auto other = wanted.turns.all().begin();
  const auto end = wanted.turns.all().end();
  for (const TurnText& turn : present.turns.all()) {
    while (other != end && other->index < turn.index) ++other;
    const bool is_there = other != end && other->index == turn.index;
    for (std::size_t part = 0; part < turn_parts; ++part) {
      const bool stays = is_there && !other->parts[part].empty();
      if (!turn.parts[part].empty() && !stays) {
        found.emplace_back(turn.index, static_cast<TurnPart>(part));
      }
    }
  }
  return found;
}

}  // namespace

void Context::assign(const Context& content, const SameValue& is_same) {
  if (this == &content) return;
  const State& state = *state_;
  const State& wanted = *content.state_;
  // Reads turns that are unread before anything changes.
  const auto superfluous = superfluous_parts(state, wanted);
  erase_superfluous(state.misc, wanted.misc, [this](const auto& name) { erase_misc(name); });
  erase_superfluous(state.framework_states, wanted.framework_states,
                    [this](const auto& name) { erase_framework_state(name); });
  erase_superfluous(state.extra, wanted.extra, [this](const auto& name) { erase_extra(name); });
  for (const auto& [index, part] : superfluous) erase(index, part);
  update(content, is_same);
}

void Context::update(const Context& content, const SameValue& is_same) {
  if (this == &content) return;
  State& state = *state_;
  const State& wanted = *content.state_;
  const auto& turns = wanted.turns.all();
  // Where turns are to be compared that are unread, they are read before anything changes.
  if (!turns.empty()) static_cast<void>(state.turns.find(turns.front().index));
  set_id(wanted.id);
  set_validation(wanted.validation);
  update_members(state.misc, wanted.misc, is_same,
                 [this](const auto& name, const Json& value) { set_misc(name, value); });
  update_members(state.framework_states, wanted.framework_states, is_same,
                 [this](const auto& name, const Json& value) { set_framework_state(name, value); });
  update_members(state.extra, wanted.extra, is_same,
                 [this](const auto& name, const Json& value) { set_extra(name, value); });
  for (const TurnText& turn : turns) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      const SharedText& text = turn.parts[part];
      if (text.empty()) continue;
      const TurnText* old = state.turns.find(turn.index);
      const bool had_one = old != nullptr && !old->parts[part].empty();
      if (had_one && is_same_text(old->parts[part], text, is_same)) continue;
      set_turn_part(state, turn.index, static_cast<TurnPart>(part), text);
    }
  }
}

}  // namespace dialogstore
