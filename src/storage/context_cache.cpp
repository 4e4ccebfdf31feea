#include "storage/context_cache.hpp"

#include <algorithm>

#include "model/context_access.hpp"

namespace dialogstore {

namespace {

/// What the rows from the keyframe on hold: older turns leave, as if they had not been loaded.
void keep_unsealed(ContextAccess::State& state) {
  auto& position = *state.position;
  if (position.complete && position.pages.empty()) return;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    const auto last = state.turns.last_index(static_cast<TurnPart>(part));
    if (last) state.next[part] = *last + 1;
  }
  std::erase_if(state.turns.all(), [&](const TurnText& turn) {
    return !std::ranges::binary_search(position.unsealed_turns, turn.index);
  });
  position.complete = false;
  position.pages.clear();
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
  if (history_ == History::recent) keep_unsealed(state);
  if (knows_numbering(state)) {
    contexts_.put(key, std::move(copy));
  } else {
    contexts_.forget(key);  // only a load of everything says how the next turn is numbered
  }
}

}  // namespace dialogstore
