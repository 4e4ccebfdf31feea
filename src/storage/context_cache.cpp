#include "storage/context_cache.hpp"

#include <algorithm>

#include "format/change_set.hpp"
#include "model/context_access.hpp"

namespace dialogstore {

namespace {

/// What the rows from the keyframe on hold: older turns leave, as if they had not been loaded.
void keep_unsealed(ContextAccess::State& state) {
  auto& position = *state.position;
  if (position.complete && position.pages.empty()) return;
  state.next = format::numbering(state);
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
  if (history_ == History::recent) keep_unsealed(ContextAccess::state(copy));
  contexts_.put(key, std::move(copy));
}

}  // namespace dialogstore
