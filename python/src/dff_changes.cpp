// What a comparison found becomes changes of the twin.
#include <algorithm>
#include <string_view>

#include "dff_fields.hpp"
#include "model/json_access.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

using State = ContextAccess::State;

/// The turns of a twin that has none and is new: as if they had been read from JSON.
void fill(State& state, const Changes& changes, const std::shared_ptr<const std::string>& texts) {
  std::array<std::vector<PartText>, turn_parts> parts;
  for (const auto& [part, index, begin, size] : changes.set) {
    const auto text = std::string_view(*texts).substr(begin, size);
    parts[static_cast<std::size_t>(part)].push_back({index, SharedText(text, texts)});
  }
  for (std::size_t i = 0; i < turn_parts; ++i) {
    if (parts[i].empty()) continue;
    std::sort(parts[i].begin(), parts[i].end(),
              [](const PartText& a, const PartText& b) { return a.index < b.index; });
    state.next[i] = std::max(parts[i].back().index + 1, std::int64_t{0});
    state.turns.merge(static_cast<TurnPart>(i), std::move(parts[i]));
  }
}

}  // namespace

Seen DffFields::apply(Changes& changes, const PyContext& twin, const PyContext* content,
                      const nb::object& is_same) {
  const HeldContext held(twin);
  Context& context = held.get();
  State& state = ContextAccess::state(context);
  // A save that nobody answered may have stored it without what comes now, which is a change then.
  const bool goes_as_a_whole = !state.position && !state.pending;
  const auto texts = std::make_shared<const std::string>(std::move(changes.texts));
  const auto same = same_value(is_same);
  const auto erase = [](std::vector<std::string>& names, auto erase_one) {
    for (const auto& name : names) erase_one(name);
  };
  for (const auto& [part, index] : changes.gone) context.erase(index, part);
  erase(changes.misc.gone, [&](const auto& name) { context.erase_misc(name); });
  erase(changes.framework_states.gone,
        [&](const auto& name) { context.erase_framework_state(name); });

  if (goes_as_a_whole && state.turns.empty()) {
    fill(state, changes, texts);
  } else {
    for (const auto& [part, index, begin, size] : changes.set) {
      const auto text = std::string_view(*texts).substr(begin, size);
      const TurnText* const turn = state.turns.find(index);
      const SharedText old =
          turn == nullptr ? SharedText() : turn->parts[static_cast<std::size_t>(part)];
      if (!old.empty() && same && same(old, text)) continue;
      set_turn_part(state, index, part, SharedText(text, texts));
    }
  }
  const auto set = [&](JsonObject& present, Changes::Members& members, auto set_one) {
    if (!members.all.empty()) {
      JsonObject added = JsonAccess::parse(std::move(members.all));
      if (goes_as_a_whole && present.empty()) {
        present = std::move(added);
      } else {
        for (const auto& [name, value] : added) set_one(name, value);
      }
    }
    for (auto& [name, text] : members.set) {
      const Json* const old = present.find(name);
      if (old != nullptr && same && same(std::string(old->text()), text)) continue;
      set_one(name, Json::from_valid_text(std::move(text)));
    }
  };
  set(state.misc, changes.misc,
      [&](const auto& name, Json value) { context.set_misc(name, std::move(value)); });
  set(state.framework_states, changes.framework_states,
      [&](const auto& name, Json value) { context.set_framework_state(name, std::move(value)); });
  if (content != nullptr) context.update(content->get(), same);
  return std::move(changes.now);
}

}  // namespace dialogstore::python
