// The inside of RedisRowLog.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/calls.hpp"
#include "redis/context_index.hpp"
#include "redis/keys.hpp"
#include "redis/redis_row_log.hpp"
#include "redis/save_attempts.hpp"
#include "redis/server_state.hpp"

namespace dialogstore::redis {

/// Scripts cut their milliseconds off: the middle of one is the best guess.
inline constexpr std::chrono::microseconds half_a_millisecond{500};

class RedisRowLog final : public RowLog, private ChangeFeed {
 public:
  RedisRowLog(std::shared_ptr<RedisClient> client, const StorageOptions& options,
              RowLogSettings settings);
  ~RedisRowLog() override;

  [[nodiscard]] const std::string& identity() const noexcept override { return settings_.identity; }
  Task<Rows> read(ContextKey key, std::size_t count, bool refresh, Deadline deadline) override;
  Task<SaveResult> save(ContextKey key, std::shared_ptr<const format::SaveRequest> request,
                        SentBefore first_sent, Deadline deadline) override;
  Task<std::uint64_t> count(Deadline deadline) override;
  Task<ScanPage> scan(std::string cursor, ScanOptions options, Deadline deadline) override;
  Task<std::uint64_t> clear(Deadline deadline) override;
  Task<CheckReport> check_listing(bool repair, Deadline deadline) override;
  Task<std::vector<std::uint64_t>> sizes(std::vector<ContextKey> keys, Deadline deadline) override;
  Task<Statistics> statistics(Deadline deadline) override;
  [[nodiscard]] ChangeFeed* changes() noexcept override {
    return settings_.tracking ? this : nullptr;
  }
  void close() override { calls_.client().close(); }

 private:
  using Saving = std::shared_ptr<const format::SaveRequest>;

  // redis_row_log.cpp
  void listen(std::function<void(std::string_view key)> changed,
              std::function<void()> lost) override;
  /// What waits for replicas or disks is saved over another connection than the one that is told.
  [[nodiscard]] bool tells_of_saved() const noexcept override {
    return !settings_.durability.waits();
  }
  [[nodiscard]] bool is_current(const ContextKey& key) const override;
  [[nodiscard]] Request read_request(const KeyName& name, std::size_t count) const;
  Task<Rows> read_and_touch(ContextKey key, KeyName name, std::size_t count, Deadline deadline);

  // redis_save.cpp
  enum class Listing : std::uint8_t { fine, due, outdated, missing };
  /// What goes before the save. Answers the score of the entry that is to go should the save leave
  /// nothing: of an erase the one that is there, of a create the one it has just made.
  Task<std::optional<std::string>> get_ready(std::string key, format::SaveOp op, bool resent,
                                             Deadline deadline);
  /// Sends it until its outcome is known.
  Task<SaveResult> send(std::string key, KeyName name, Saving request, SentBefore first_sent,
                        Deadline deadline);
  Task<ExecResult> send_and_refresh(std::string key, std::uint16_t slot, std::string bytes,
                                    Listing* listing, Confirmation* confirmed, Deadline deadline);
  Task<void> wait_for_server(Backoff& backoff, SaveAttempts& attempts, Failure cause,
                             format::SaveOp op, KeyName name, Deadline deadline);
  /// What is not fine in the listing of a context that is there.
  Task<void> mend(Listing listing, std::string key, Deadline deadline);
  Task<void> list_again(std::string key, const SaveAttempts& attempts, Deadline deadline);
  void learn_from(const SaveDecision& decision, std::uint16_t slot, Clock::time_point asked);
  [[nodiscard]] Listing listing_for(const std::string& key, format::SaveOp op) const;
  [[nodiscard]] std::string copy_of(const KeyName& name, const format::SaveRequest& request,
                                    const SaveAttempts& attempts, Deadline fence);
  [[nodiscard]] std::chrono::milliseconds life_after(format::SaveOp op) const;
  [[nodiscard]] Deadline last_create(Clock::time_point first_sent) const;

  // redis_durable.cpp
  /// Sends one copy of a save, and behind it what waits for replicas or disks.
  Task<ExecResult> exec_save(std::uint16_t slot, std::string bytes, Confirmation* confirmed,
                             Deadline deadline);
  Task<ExecResult> exec_and_wait(std::uint16_t slot, std::string bytes, Confirmation* confirmed,
                                 Deadline deadline);
  /// Throws Failure (not_replicated) when a save that has taken effect is not as durable as it was
  /// to be.
  Task<void> confirm_durable(KeyName name, SaveAnswer answer, Confirmation confirmed,
                             Deadline deadline);

  // redis_clear.cpp
  struct Cleared {
    std::uint64_t erased = 0;
    std::optional<Failure> foreign;  ///< the first that was left alone
  };
  struct EraseEnd {
    bool erased = false;
    std::optional<Failure> failure;
  };
  static Task<EraseEnd> erase_apart(RedisRowLog* self, std::string key, Deadline deadline);
  Task<bool> erase_one(std::string key, Deadline deadline);
  Task<void> clear_batch(std::vector<IndexEntry> entries, Cleared* cleared, Deadline deadline);

  Calls calls_;
  KeyNames names_;
  StorageOptions options_;
  RowLogSettings settings_;
  std::shared_ptr<ServerState> state_;
  std::shared_ptr<ContextIndex> index_;
};

}  // namespace dialogstore::redis
