// The operations of the seed over a RowLog, as coroutines on the storage's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/log.hpp"
#include "format/sealed_row.hpp"
#include "model/context_access.hpp"
#include "storage/call_steps.hpp"
#include "storage/context_cache.hpp"
#include "storage/coroutine_engine.hpp"
#include "storage/pending_save.hpp"
#include "storage/row_log.hpp"
#include "storage/tail_hints.hpp"

namespace dialogstore {

class LogEngine final : public CoroutineEngine {
 public:
  LogEngine(std::unique_ptr<IoThread> thread, std::unique_ptr<RowLog> rows,
            const StorageOptions& options);

 private:
  using State = ContextAccess::State;

  // ---- loading (log_engine_load.cpp)
  Task<bool> do_contains(ContextKey key, Settings settings) override;
  Task<std::optional<Context>> do_load(ContextKey key, Settings settings) override;
  Task<std::vector<Turn>> do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                        Settings settings) override;
  Task<TurnUpdate> do_wait_turns(ContextKey key, std::int64_t from, Settings settings) override;
  // With `refresh` the expiry is set again.
  /// From the cache, if it has what is stored; else from the rows.
  Task<std::optional<Context>> read_context(ContextKey key, Settings settings, bool refresh);
  Task<std::optional<Context>> read_through_cache(ContextKey key, Settings settings, bool refresh);
  Task<std::optional<Context>> read_cached(ContextKey key, Settings settings, bool refresh);
  Task<std::optional<Context>> read_rows(ContextKey key, Settings settings, bool refresh);
  Task<std::vector<Turn>> newer_turns(ContextKey key, std::int64_t from,
                                      std::optional<Version>& seen, Settings settings);
  /// Header of the last row; nullopt when there is no context. Who wants to write behind it must
  /// be able to open it; who only asks, or deletes, needs no key.
  Task<std::optional<format::RowHeader>> last_row(ContextKey key, bool opens, Settings settings);
  Task<CheckReport> do_check(bool repair, Settings settings) override;
  Task<void> check_one(ContextKey key, CheckReport* report, Settings settings);

  // ---- saving (log_engine_save.cpp)
  Task<void> do_save(ContextKey key, Context& context, SaveMode mode, Settings settings) override;
  Task<bool> settle(ContextKey key, State& state, Settings settings);
  Task<void> save_changes(ContextKey key, Context& context, Settings settings);
  Task<void> save_whole(ContextKey key, Context& context, SaveMode mode,
                        std::optional<Version> replaced, Settings settings);
  Task<SaveResult> send(ContextKey key, State& state, format::SavePlan plan, Settings settings);
  Task<void> rebase(ContextKey key, Context& context, Settings settings);
  Task<bool> save_with_history(ContextKey key, Context& context, Settings settings);
  void saved(const ContextKey& key, State& state, const SaveResult& result, LogPosition after);
  [[nodiscard]] format::PlanResult plan_changes(const State& state) const;

  // ---- encryption (log_engine_sealed.cpp): nothing happens without keys, but refusing what is
  // sealed
  void seal(const ContextKey& key, format::SaveRequest& request) const;
  /// Puts the opened rows in the place of those that are sealed. True when the log is to be written
  /// anew: some were readable, or under an older key.
  bool open(const ContextKey& key, Rows& read, bool everything) const;
  /// The header that an answer to a save brought: what is sealed is not to be replaced, or added
  /// to, in readable form.
  [[nodiscard]] format::RowHeader header_to_build_on(const SaveResult& result) const;

  // ---- adding and removing (log_engine_rows.cpp)
  Task<std::int64_t> do_append(ContextKey key, Turn turn, Settings settings) override;
  Task<std::int64_t> append_and_seal(ContextKey key, Turn turn, Settings settings);
  Task<bool> do_erase(ContextKey key, Settings settings) override;
  Task<bool> erase_rows(ContextKey key, Settings settings);

  // ---- what is asked of the rows as it is
  Task<std::uint64_t> do_count(Settings settings) override;
  Task<std::uint64_t> do_clear(Settings settings) override;
  Task<ScanPage> do_scan(std::string cursor, ScanOptions scan, Settings settings) override;
  Task<Statistics> do_statistics(Settings settings) override;
  [[nodiscard]] const std::string& identity() const noexcept override;
  void do_close() override;

  std::unique_ptr<RowLog> rows_;
  format::LogOptions log_options_;
  TailHints hints_;
  std::optional<ContextCache> cache_;
  std::optional<format::RowSealer> sealer_;
};

Token new_token();
/// The header that the rows answered with. Throws Failure when it cannot be read.
format::RowHeader answered_header(const SaveResult& result);
/// Whether the save has taken effect, now or by an earlier copy.
bool is_done(const SaveResult& result) noexcept;

}  // namespace dialogstore
