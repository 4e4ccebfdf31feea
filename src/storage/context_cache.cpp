#include "storage/context_cache.hpp"

#include <algorithm>

#include "model/context_access.hpp"

namespace dialogstore {

namespace {

/// What the rows from the keyframe on hold: older turns leave, as if they had not been loaded.
/// False when it takes unread ones to say how the next turn is numbered.
bool keep_unsealed(ContextAccess::State& state) {
  auto& position = *state.position;
  if (position.complete && position.pages.empty()) return true;
  for (std::size_t i = 0; i < turn_parts; ++i) {
    const auto part = static_cast<TurnPart>(i);
    const auto last = state.turns.last_index_here(part);
    const auto next = last ? *last + 1 : next_index_here(state, part);
    if (position.complete && !next) return false;
    state.next[i] = next.value_or(state.next[i]);
  }
  state.turns.forget_unread();
  std::erase_if(state.turns.all_to_change(), [&](const TurnText& turn) {
    return !std::ranges::binary_search(position.unsealed_turns, turn.index);
  });
  position.complete = false;
  position.pages.clear();
  return knows_numbering(state);
}

}  // namespace

const Context* ContextCache::find(std::string_view key, History history) {
  const auto* context = contexts_.use(key);
  if (context == nullptr || (history == History::all && !context->is_complete())) return nullptr;
  return context;
}

void ContextCache::put(std::string_view key, const Context& context) {
  auto copy = context;
  auto& state = ContextAccess::state(copy);
  if (history_ == History::recent ? keep_unsealed(state) : knows_numbering(state)) {
    contexts_.put(key, std::move(copy));
  } else {
    contexts_.forget(key);  // only a load of everything says how the next turn is numbered
  }
}

}  // namespace dialogstore
