// The contexts used last, kept in memory. A load compares their version with the last stored row,
// so what it gives is never older than without the cache; only the rows before that one, and
// reading them, are saved. Used on the storage's thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/recent_map.hpp"
#include "dialogstore/context.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

class ContextCache {
 public:
  /// `capacity`: contexts; at least one. With `history` recent only what a load of the recent turns
  /// brings is kept, so that memory does not grow with the dialogs.
  ContextCache(std::size_t capacity, History history) : contexts_(capacity), history_(history) {}

  /// The context under this key, if it has what `history` asks for. Valid until the next call.
  [[nodiscard]] const Context* find(std::string_view key, History history);
  /// Keeps a copy of a context that is as it is stored.
  void put(std::string_view key, const Context& context);
  void forget(std::string_view key) { contexts_.forget(key); }
  void clear() noexcept { contexts_.clear(); }

 private:
  RecentMap<Context> contexts_;
  History history_;
};

}  // namespace dialogstore
