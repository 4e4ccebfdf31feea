#include "store_into.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "concurrently.hpp"

namespace dialogstore::cli {
namespace {

constexpr unsigned saves_in_flight = 32;

asio::awaitable<void> store_one(DBContextStorage& storage, OnExisting on_existing,
                                KeyedContext item, StoredCounts& counts) {
  auto& [key, context] = item;
  if (on_existing == OnExisting::overwrite) {
    co_await storage.set_item_async(key, context, asio::use_awaitable,
                                    {.on_conflict = ConflictPolicy::overwrite});
    ++counts.stored;
    co_return;
  }
  try {
    co_await storage.create_async(key, context, asio::use_awaitable);
    ++counts.stored;
  } catch (const StorageError& error) {
    if (error.reason() != errc::already_exists || on_existing == OnExisting::fail) throw;
    ++counts.skipped;
  }
}

asio::awaitable<bool> store_next(DBContextStorage& storage, OnExisting on_existing,
                                 const std::function<std::optional<KeyedContext>()>& next,
                                 StoredCounts& counts) {
  auto item = next();
  if (!item) co_return false;
  co_await store_one(storage, on_existing, std::move(*item), counts);
  co_return true;
}

}  // namespace

void store_all(DBContextStorage& storage, OnExisting on_existing,
               const std::function<std::optional<KeyedContext>()>& next, StoredCounts& counts) {
  run_concurrently(saves_in_flight, [&] { return store_next(storage, on_existing, next, counts); });
}

}  // namespace dialogstore::cli
