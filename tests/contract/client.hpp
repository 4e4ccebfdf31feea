// The two faces of a storage behind one: a test written once runs through the blocking calls and
// through the asynchronous ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialogstore/context_storage.hpp"

namespace dialogstore::test {

// `async` takes its completion tokens in turn: a future, a callback, co_await on a thread of the
// caller's, co_await on the storage's own executor.
enum class Face { blocking, async };

// Calls storage operations through a face and waits for the end. Threads: as the storage.
class Client {
 public:
  Client(std::unique_ptr<DBContextStorage> storage, Face face);
  ~Client();
  Client(Client&&) noexcept;

  DBContextStorage& storage() { return *storage_; }
  void reset() { storage_.reset(); }

  bool contains(const ContextKey& key, CallOptions call = {});
  void set_item(const ContextKey& key, Context& context, CallOptions call = {});
  void set_item(const ContextKey& key, Context&& context, CallOptions call = {});
  Context get_item(const ContextKey& key, CallOptions call = {});
  Context get(const ContextKey& key, Context otherwise, CallOptions call = {});
  std::optional<Context> find(const ContextKey& key, CallOptions call = {});
  bool del_item(const ContextKey& key, CallOptions call = {});
  std::uint64_t len(CallOptions call = {});
  std::uint64_t clear(CallOptions call = {});
  void create(const ContextKey& key, Context& context, CallOptions call = {});
  std::int64_t append(const ContextKey& key, Turn turn, CallOptions call = {});
  std::vector<Turn> load_turns(const ContextKey& key, std::int64_t from, std::int64_t to,
                               CallOptions call = {});
  TurnUpdate watch(const ContextKey& key, std::int64_t from, CallOptions call = {});
  ScanPage scan(std::string cursor = {}, ScanOptions options = {}, CallOptions call = {});
  std::vector<std::optional<Context>> get_items(std::vector<ContextKey> keys,
                                                CallOptions call = {});
  std::vector<std::exception_ptr> set_items(std::vector<std::pair<ContextKey, Context*>> items,
                                            CallOptions call = {});
  std::uint64_t del_items(std::vector<ContextKey> keys, CallOptions call = {});
  CheckReport check(bool repair, CallOptions call = {});
  Statistics statistics(CallOptions call = {});

  // All keys, page by page, in the order they came.
  std::vector<std::string> keys(ScanOptions options = {});

 private:
  struct Loop;
  template <class Result, class Start>
  Result run(Start start);

  std::unique_ptr<Loop> loop_;  // first: the storage's thread may still be leaving it
  std::unique_ptr<DBContextStorage> storage_;
  Face face_;
  std::unique_ptr<std::atomic<unsigned>> turn_;
};

}  // namespace dialogstore::test
