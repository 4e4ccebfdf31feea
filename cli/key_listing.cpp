#include "key_listing.hpp"

#include <unordered_set>
#include <utility>

#include "interrupt.hpp"

namespace dialogstore::cli {

void for_each_key_page(DBContextStorage& storage, ScanOrder order, const std::string& prefix,
                       const std::function<bool(std::vector<ContextKey>)>& use,
                       std::size_t page_size) {
  std::unordered_set<std::string> given;
  std::string cursor;
  do {
    ScanPage page = storage.scan(cursor, {.page_size = page_size, .order = order});
    cursor = std::move(page.cursor);
    std::vector<ContextKey> fresh;
    for (auto& key : page.keys) {
      if (!key.text().starts_with(prefix) || !given.insert(key.text()).second) continue;
      fresh.push_back(std::move(key));
    }
    if (!fresh.empty() && !use(std::move(fresh))) return;
  } while (!cursor.empty() && !interrupted());
}

}  // namespace dialogstore::cli
