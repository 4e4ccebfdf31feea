// Contexts as a storage would hand them out, without a storage.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "model/context_access.hpp"

namespace dialogstore::testing {

inline constexpr std::uint8_t label_bit = 1;
inline constexpr std::uint8_t request_bit = 2;
inline constexpr std::uint8_t response_bit = 4;

using Marks = std::map<std::int64_t, std::uint8_t>;

inline ContextAccess::State& inside(Context& context) {
  return ContextAccess::state(context);
}
inline ContextChanges& changes(Context& context) {
  return inside(context).changes;
}

// As if it had just been loaded from, or saved to, a storage.
inline void settle(Context& context, bool complete = true) {
  inside(context).position.emplace();
  inside(context).position->complete = complete;
  changes(context).clear();
}

// Turns 0 to count - 1, each with all parts.
inline Context with_turns(int count) {
  Context context(Json("c"));
  for (int i = 0; i < count; ++i) {
    context.add_label({"flow", "node" + std::to_string(i)});
    context.add_request("q" + std::to_string(i));
    context.add_response("a" + std::to_string(i));
  }
  settle(context);
  return context;
}

// The last two of a hundred turns, as history=recent loads them; the last response is that of 89.
inline Context recent() {
  Context context(Json("c"));
  for (const std::int64_t i : {98, 99}) {
    context.set_label(i, {"flow", "node"});
    context.set_request(i, "q");
  }
  settle(context, false);
  inside(context).next = {100, 100, 90};
  inside(context).position->next_turn = 100;
  inside(context).position->unsealed_turns = {98, 99};
  return context;
}

inline errc reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const StorageError& error) {
    return error.reason();
  }
  return errc{};
}

}  // namespace dialogstore::testing
