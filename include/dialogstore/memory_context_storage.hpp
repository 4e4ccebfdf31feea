// Contexts in this process's memory, for tests and as the reference of how every storage behaves.
#pragma once

#include <string_view>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

/// Keeps the same rows as the other storages, in memory. `memory://` is a store of its own;
/// `memory://name` is shared by every storage of this process that names it.
class MemoryContextStorage : public DBContextStorage {
 public:
  explicit MemoryContextStorage(std::string_view path = "memory://");
  explicit MemoryContextStorage(StorageOptions options);
};

}  // namespace dialogstore
