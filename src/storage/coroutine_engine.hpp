// A storage engine whose operations are coroutines on the storage's thread: settings, deadline and
// the bridge for each of them. What they do is up to the engines that derive from it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialogstore/options.hpp"
#include "flow/task.hpp"
#include "storage/bridge.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// One call's settings with the storage's defaults filled in.
struct Settings {
  Deadline deadline;
  ConflictPolicy on_conflict = ConflictPolicy::fail;
  History history = History::all;
};

class CoroutineEngine : public StorageEngine {
 public:
  void contains(ContextKey key, CallOptions call, Handler<bool> handler) final;
  void load(ContextKey key, CallOptions call, Handler<std::optional<Context>> handler) final;
  void save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
            Handler<> handler) final;
  void append(ContextKey key, Turn turn, CallOptions call, Handler<std::int64_t> handler) final;
  void erase(ContextKey key, CallOptions call, Handler<bool> handler) final;
  void load_turns(ContextKey key, std::int64_t from, std::int64_t to, CallOptions call,
                  Handler<std::vector<Turn>> handler) final;
  void wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                  Handler<TurnUpdate> handler) final;
  void count(CallOptions call, Handler<std::uint64_t> handler) final;
  void clear(CallOptions call, Handler<std::uint64_t> handler) final;
  void scan(std::string cursor, ScanOptions options, CallOptions call,
            Handler<ScanPage> handler) final;
  void check(bool repair, CallOptions call, Handler<CheckReport> handler) final;
  void statistics(CallOptions call, Handler<Statistics> handler) final;
  void expect_absent(const ContextKey& key, Context& context) const final;
  void close() final;
  [[nodiscard]] bool runs_in_this_thread() const noexcept final;
  [[nodiscard]] asio::any_io_executor executor() const final;

 protected:
  CoroutineEngine(std::unique_ptr<IoThread> thread, const StorageOptions& options);

  [[nodiscard]] const StorageOptions& options() const noexcept { return options_; }
  /// A name for this key of this store: a context loaded from one is not taken for one of another.
  [[nodiscard]] std::string place_of(const ContextKey& key) const;
  /// Compares without making one.
  [[nodiscard]] bool is_place_of(std::string_view place, const ContextKey& key) const noexcept;

 private:
  virtual Task<bool> do_contains(ContextKey key, Settings settings) = 0;
  virtual Task<std::optional<Context>> do_load(ContextKey key, Settings settings) = 0;
  virtual Task<void> do_save(ContextKey key, Context& context, SaveMode mode,
                             Settings settings) = 0;
  virtual Task<std::int64_t> do_append(ContextKey key, Turn turn, Settings settings) = 0;
  virtual Task<bool> do_erase(ContextKey key, Settings settings) = 0;
  virtual Task<std::vector<Turn>> do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                                Settings settings) = 0;
  virtual Task<TurnUpdate> do_wait_turns(ContextKey key, std::int64_t from, Settings settings) = 0;
  virtual Task<std::uint64_t> do_count(Settings settings) = 0;
  virtual Task<std::uint64_t> do_clear(Settings settings) = 0;
  virtual Task<ScanPage> do_scan(std::string cursor, ScanOptions scan, Settings settings) = 0;
  virtual Task<CheckReport> do_check(bool repair, Settings settings) = 0;
  virtual Task<Statistics> do_statistics(Settings settings) = 0;
  /// The store's name.
  [[nodiscard]] virtual const std::string& identity() const noexcept = 0;
  /// On the storage's thread, as it closes: waiting calls are to end with errc::closed.
  virtual void do_close() = 0;

  /// Starts `work(settings)`, a coroutine, on the storage's thread.
  template <class... Results, class Work>
  void launch(const char* operation, std::string key, const CallOptions& call,
              Handler<Results...> handler, Work work);
  [[nodiscard]] Settings resolve(const CallOptions& call, Clock::time_point start) const;

  std::shared_ptr<CallBridge> bridge_;
  StorageOptions options_;
};

}  // namespace dialogstore
