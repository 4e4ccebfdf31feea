// The keys of a storage, each once.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "dialogstore/context_storage.hpp"

namespace dialogstore::cli {

/// Calls `use` with the keys that begin with `prefix`, page by page, each key once, until it gives
/// false, the keys end or the program is interrupted. Cost: remembers every key it has given.
void for_each_key_page(DBContextStorage& storage, ScanOrder order, const std::string& prefix,
                       const std::function<bool(std::vector<ContextKey>)>& use,
                       std::size_t page_size = 1000);

}  // namespace dialogstore::cli
