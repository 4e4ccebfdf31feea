// The inside of the DFF layout's engine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/context_access.hpp"
#include "redis/dff_layout.hpp"
#include "redis/dff_values.hpp"
#include "storage/coroutine_engine.hpp"

namespace dialogstore::redis {

class DffEngine final : public CoroutineEngine {
 public:
  DffEngine(std::unique_ptr<IoThread> thread, std::shared_ptr<RedisClient> client,
            const StorageOptions& options, std::string identity);

 private:
  Task<bool> do_contains(ContextKey key, Settings settings) override;
  Task<std::optional<Context>> do_load(ContextKey key, Settings settings) override;
  /// With `refresh` the expiry is set again.
  Task<std::optional<Context>> read_context(ContextKey key, bool refresh, Settings settings);
  Task<void> do_save(ContextKey key, Context& context, SaveMode mode, Settings settings) override;
  /// A save whose outcome is unknown is sent again first.
  Task<void> settle(ContextKey key, Context& context, Settings settings);
  /// Sends the whole in place of `expected`; a failure that may have applied is kept as pending.
  Task<SwapResult> send(ContextKey key, Context& context, std::string expected, Settings settings);
  /// What to save on after a conflict. Throws when the policy is to give up.
  Task<std::string> after_conflict(ContextKey key, Context& context, SaveMode mode,
                                   SwapResult result, Settings settings);
  Task<std::int64_t> do_append(ContextKey key, Turn turn, Settings settings) override;
  Task<bool> do_erase(ContextKey key, Settings settings) override;
  Task<std::vector<Turn>> do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                        Settings settings) override;
  Task<TurnUpdate> do_wait_turns(ContextKey key, std::int64_t from, Settings settings) override;
  Task<std::uint64_t> do_count(Settings settings) override;
  Task<std::uint64_t> do_clear(Settings settings) override;
  Task<ScanPage> do_scan(std::string cursor, ScanOptions scan, Settings settings) override;
  /// There is no listing to repair.
  Task<CheckReport> do_check(bool repair, Settings settings) override;
  Task<Statistics> do_statistics(Settings settings) override;
  [[nodiscard]] const std::string& identity() const noexcept override { return identity_; }
  void do_close() override;

  /// Takes down that `context` is what is stored with this digest.
  void set_stored(const ContextKey& key, Context& context, std::string_view digest) const;

  std::shared_ptr<RedisClient> client_;
  DffValues values_;
  std::string identity_;
};

}  // namespace dialogstore::redis
