// The operations of the seed over a RowLog, as coroutines on the storage's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/log.hpp"
#include "model/context_access.hpp"
#include "storage/bridge.hpp"
#include "storage/context_cache.hpp"
#include "storage/pending_save.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// One call's settings with the storage's defaults filled in.
struct Settings {
  Deadline deadline;
  ConflictPolicy on_conflict = ConflictPolicy::fail;
  History history = History::all;
};

class LogEngine final : public StorageEngine {
 public:
  LogEngine(std::unique_ptr<IoThread> thread, std::unique_ptr<RowLog> rows,
            const StorageOptions& options);

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
  using State = ContextAccess::State;

  // ---- loading (log_engine_load.cpp)
  Async<bool> do_contains(ContextKey key, Settings settings);
  Async<std::optional<Context>> do_load(ContextKey key, Settings settings, bool refresh);
  Async<std::optional<Context>> load_rows(ContextKey key, Settings settings, bool refresh);
  Async<std::optional<Context>> validated(ContextKey key, Settings settings, bool refresh);
  Async<std::vector<Turn>> do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                         Settings settings);
  Async<std::vector<Turn>> newer_turns(ContextKey key, std::int64_t from,
                                       std::optional<Version>& seen, Settings settings);
  Async<TurnUpdate> do_wait_turns(ContextKey key, std::int64_t from, Settings settings);
  /// Header of the last row; nullopt when there is no context.
  Async<std::optional<format::RowHeader>> last_row(ContextKey key, Settings settings);
  Async<CheckReport> do_check(bool repair, Settings settings);
  Async<void> check_one(ContextKey key, CheckReport& report, Settings settings);

  // ---- saving (log_engine_save.cpp)
  Async<void> do_save(ContextKey key, Context& context, SaveMode mode, Settings settings);
  Async<void> settle(ContextKey key, State& state, Settings settings);
  Async<void> save_changes(ContextKey key, Context& context, Settings settings);
  Async<void> save_whole(ContextKey key, Context& context, SaveMode mode,
                         std::optional<Version> replaced, Settings settings);
  Async<SaveResult> send(ContextKey key, State& state, format::SavePlan plan, Settings settings);
  Async<void> rebase(ContextKey key, Context& context, Settings settings);
  Async<bool> save_with_history(ContextKey key, Context& context, Settings settings);
  void saved(const ContextKey& key, State& state, LogPosition after) const;

  // ---- adding and removing (log_engine_rows.cpp)
  Async<std::int64_t> do_append(ContextKey key, Turn turn, Settings settings);
  Async<std::int64_t> append_and_seal(ContextKey key, Turn turn, Settings settings);
  Async<bool> do_erase(ContextKey key, Settings settings);
  Async<bool> erase_rows(ContextKey key, Settings settings);
  Async<std::uint64_t> do_clear(Settings settings);

  /// Starts `work(settings)`, a coroutine, on the storage's thread.
  template <class... Results, class Work>
  void launch(const char* operation, std::string key, const CallOptions& call,
              Handler<Results...> handler, Work work);
  [[nodiscard]] Settings resolve(const CallOptions& call, Clock::time_point start) const;
  [[nodiscard]] std::string place_of(const ContextKey& key) const;

  std::shared_ptr<CallBridge> bridge_;  // first: its thread ends before the rows go
  std::unique_ptr<RowLog> rows_;
  StorageOptions options_;
  format::LogOptions log_options_;
  std::optional<ContextCache> cache_;
};

/// Throws canceled when the call was cancelled: between two steps, where nothing is under way.
asio::awaitable<void> throw_if_cancelled();
/// Waits; ends early, without an error, when the call is cancelled or the deadline comes.
asio::awaitable<void> pause(std::chrono::milliseconds time, Deadline deadline);
/// A jittered pause that grows with the round, so that writers on one context do not march in step.
asio::awaitable<void> pause_between_rounds(int round, Deadline deadline);
Token new_token();

}  // namespace dialogstore
