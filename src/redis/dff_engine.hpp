// The inside of the DFF layout's engine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/context_access.hpp"
#include "redis/dff_layout.hpp"
#include "redis/dff_values.hpp"
#include "storage/bridge.hpp"

namespace dialogstore::redis {

class DffEngine final : public StorageEngine {
 public:
  DffEngine(std::unique_ptr<IoThread> thread, std::shared_ptr<RedisClient> client,
            const StorageOptions& options, std::string identity);

  void contains(ContextKey key, CallOptions call, Handler<bool> handler) override;
  void load(ContextKey key, CallOptions call, Handler<std::optional<Context>> handler) override;
  void save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
            Handler<> handler) override;
  void append(ContextKey key, Turn turn, CallOptions call, Handler<std::int64_t> handler) override;
  void erase(ContextKey key, CallOptions call, Handler<bool> handler) override;
  void load_turns(ContextKey key, std::int64_t from, std::int64_t to, CallOptions call,
                  Handler<std::vector<Turn>> handler) override;
  void wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                  Handler<TurnUpdate> handler) override;
  void count(CallOptions call, Handler<std::uint64_t> handler) override;
  void clear(CallOptions call, Handler<std::uint64_t> handler) override;
  void scan(std::string cursor, ScanOptions options, CallOptions call,
            Handler<ScanPage> handler) override;
  void check(bool repair, CallOptions call, Handler<CheckReport> handler) override;
  void statistics(CallOptions call, Handler<Statistics> handler) override;
  void expect_absent(const ContextKey& key, Context& context) const override;
  void close() override;
  [[nodiscard]] bool runs_in_this_thread() const noexcept override;
  [[nodiscard]] asio::any_io_executor executor() const override;

 private:
  template <class T>
  using Async = asio::awaitable<T>;
  struct Settings {
    Deadline deadline;
    ConflictPolicy on_conflict = ConflictPolicy::fail;
  };

  Async<bool> do_contains(ContextKey key, Settings settings);
  Async<std::optional<Context>> do_load(ContextKey key, bool refresh, Settings settings);
  Async<void> do_save(ContextKey key, Context* context, SaveMode mode, Settings settings);
  /// A save whose outcome is unknown is sent again first.
  Async<void> settle(ContextKey key, Context* context, Settings settings);
  /// Sends the whole in place of `expected`; a failure that may have applied is kept as pending.
  Async<SwapResult> send(ContextKey key, Context* context, std::string expected, Settings settings);
  /// What to save on after a conflict. Throws when the policy is to give up.
  Async<std::string> after_conflict(ContextKey key, Context* context, SaveMode mode,
                                    SwapResult result, Settings settings);
  Async<std::int64_t> do_append(ContextKey key, Turn turn, Settings settings);
  Async<bool> do_erase(ContextKey key, Settings settings);
  Async<std::vector<Turn>> do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                         Settings settings);
  Async<TurnUpdate> do_wait_turns(ContextKey key, std::int64_t from, Settings settings);
  Async<std::uint64_t> do_count(Settings settings);
  Async<std::uint64_t> do_clear(Settings settings);
  Async<ScanPage> do_scan(std::string cursor, ScanOptions options, Settings settings);
  Async<CheckReport> do_check(Settings settings);
  Async<Statistics> do_statistics(Settings settings);

  template <class... Results, class Work>
  void launch(const char* operation, std::string key, const CallOptions& call,
              Handler<Results...> handler, Work work);
  [[nodiscard]] Settings resolve(const CallOptions& call, Clock::time_point start) const;
  [[nodiscard]] std::string place_of(const ContextKey& key) const;
  /// Takes down that `context` is what is stored with this digest.
  void set_stored(const ContextKey& key, Context& context, std::string_view digest) const;

  std::shared_ptr<CallBridge> bridge_;
  std::shared_ptr<RedisClient> client_;
  DffValues values_;
  StorageOptions options_;
  std::string identity_;
};

}  // namespace dialogstore::redis
