// Putting contexts from elsewhere into a storage, for import and migrate.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "dialogstore/context_storage.hpp"

namespace dialogstore::cli {

struct StoredCounts {
  std::uint64_t stored = 0;
  std::uint64_t skipped = 0;  ///< something was stored under the key already, and was kept
};

using KeyedContext = std::pair<ContextKey, Context>;

/// Stores what `next` gives until it gives nothing or the program is interrupted, several at once.
/// Throws what `next` or a save throws, after the saves in hand have ended; with OnExisting::fail a
/// ConflictError at the first key that is taken. `counts` is right in that case too.
void store_all(DBContextStorage& storage, OnExisting on_existing,
               const std::function<std::optional<KeyedContext>()>& next, StoredCounts& counts);

}  // namespace dialogstore::cli
