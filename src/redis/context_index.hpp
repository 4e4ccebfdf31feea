// The listing of a namespace: sorted sets of keys by the server time of their last use.
//
// The rules (PROTOCOL §2 and §3.10, where all interleavings were tried): a create always writes its
// entry first, whatever was written before; only refreshes are rare. Every writing raises the
// score, a late copy's too (list.lua), so that none comes back. An entry is removed only if its
// score is still the one known before, and only
// - by a delete that really deleted,
// - when it is older than any call can be and no context is there,
// - by a create that found something foreign in its place, if it made the entry: nothing was listed
//   before the only copy of its request. Whoever else is about to create this context writes the
//   entry as well, and had not done so before; if it comes after, the score is no more the same.
// So no context exists unlisted; an entry without a context can be left by a create that failed,
// and goes when a listing meets it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "flow/task.hpp"
#include "redis/calls.hpp"
#include "redis/index_entry.hpp"
#include "redis/keys.hpp"
#include "redis/recent_keys.hpp"
#include "redis/server_state.hpp"

namespace dialogstore::redis {

class ContextIndex : public std::enable_shared_from_this<ContextIndex> {
 public:
  ContextIndex(Calls calls, KeyNames names, std::shared_ptr<ServerState> state,
               std::chrono::milliseconds ttl);

  // Each needs ServerState::prepare before, and throws Failure unless it says otherwise.

  /// Writes the entry. Before every create. Answers its score when the entry was made by this call
  /// alone, and so may be taken back should the create leave nothing.
  Task<std::optional<std::string>> list(std::string key, Deadline deadline);
  [[nodiscard]] bool is_refresh_due(std::string_view key);
  /// Renews the entry of a context that is in use, if there is one: not for a context that was
  /// deleted meanwhile. False when there is none. Sent once, never throws.
  Task<bool> refresh(std::string key, Deadline deadline);
  /// The entry's score as it is now.
  Task<std::optional<std::string>> score_of(std::string key, Deadline deadline);
  /// Removes entries (of any shards) whose score has not changed; returns how many. Never throws:
  /// what stays is found by the next listing.
  Task<std::uint64_t> unlist(std::vector<IndexEntry> entries, Deadline deadline);

  /// No call that is still under way can have written it.
  [[nodiscard]] bool is_old(const IndexEntry& entry) const;

  /// How many are listed; with a ttl, of those that may be alive. Cost: with a ttl also a look at
  /// each context whose entry is older than the ttl by no more than a refresh interval.
  Task<std::uint64_t> count(Deadline deadline);
  Task<ScanPage> scan(std::string cursor, ScanOptions options, Deadline deadline);

  struct Batch {
    std::vector<IndexEntry> entries;
    std::string cursor;  ///< for the next; empty after the last
  };
  /// All entries of all shards, expired ones too, in no order; some may come twice.
  Task<Batch> walk(std::string cursor, std::size_t count, Deadline deadline);

  /// Compares listing and contexts (RowLog::check_listing).
  Task<CheckReport> check(bool repair, Deadline deadline);
  /// Starts removing entries of contexts that expired, when that was not done a short while ago.
  void sweep_soon();

 private:
  /// What lies under a context's name; foreign: not a list, so that it is no context of ours, not
  /// even a damaged one.
  enum class Presence : char {  // the letters of presences.lua
    absent = '-',
    foreign = 'X',
    tombstone = 'T',
    context = 'C',
  };

  [[nodiscard]] KeyName shard_name(std::string_view key) const;
  struct Entering {
    std::int64_t state = 0;  ///< of list.lua
    std::string score;
  };
  /// What list.lua answered, which also tells the time.
  Entering read_entering(const ReplyNode& answer, std::uint16_t slot, Clock::time_point asked);
  /// Server times in microseconds: an entry below belongs to no living context (0: without a ttl),
  /// to no call that is still under way.
  [[nodiscard]] std::int64_t expired_below() const;
  [[nodiscard]] std::int64_t old_below() const;
  [[nodiscard]] bool is_expired(const IndexEntry& entry) const;

  /// Contexts used later than their entries say, which are older than `since`.
  Task<std::uint64_t> count_kept_alive(std::string since, Deadline deadline);
  Task<ScanPage> scan_any(std::string cursor, std::size_t count, Deadline deadline);
  Task<ScanPage> scan_newest(std::string cursor, std::size_t count, Deadline deadline);
  /// The second part of that: what was used since the listing began.
  Task<ScanPage> scan_moved(NewestCursor place, std::size_t count, Deadline deadline);
  /// Entries at or below `from` and above `floor`, newest first, over all shards.
  Task<std::vector<IndexEntry>> newest(IndexEntry from, std::string floor, std::size_t count,
                                       Deadline deadline);
  Task<std::vector<IndexEntry>> newest_of_shard(unsigned shard, IndexEntry from, std::string floor,
                                                std::size_t count, Deadline deadline);
  /// The keys of those whose context is there; old entries of others are removed.
  Task<std::vector<ContextKey>> without_ghosts(std::vector<IndexEntry> entries, Deadline deadline);

  // index_presence.cpp
  Task<std::vector<Presence>> look_up(std::vector<std::string> keys, Deadline deadline);
  /// With a script; nothing when the user may run none.
  Task<std::optional<std::vector<Presence>>> look_up_at_once(std::vector<std::string> keys,
                                                             Deadline deadline);
  Task<std::vector<Presence>> look_up_each(std::vector<std::string> keys, Deadline deadline);
  /// `command` with each key, and `last` behind it if there is one.
  Task<std::vector<CallEnd>> ask_each(std::string_view command,
                                      const std::vector<std::string>& keys, std::string_view last,
                                      Deadline deadline);
  [[nodiscard]] static Presence presence_of(const CallEnd& last_row);

  Task<void> check_unlisted(bool repair, CheckReport* report, Deadline deadline);
  struct Findings {
    bool repair = false;
    CheckReport* report = nullptr;
    std::unordered_set<std::string> told;  ///< keys of which something is in the report
  };
  Task<void> check_server(std::string server, Findings* findings, Deadline deadline);
  Task<void> check_names(std::vector<std::string> keys, Findings* findings, Deadline deadline);
  Task<void> check_ghosts(bool repair, CheckReport* report, Deadline deadline);
  static Task<void> sweep(std::shared_ptr<ContextIndex> self);
  Task<bool> sweep_some(unsigned shard, Deadline deadline);

  Calls calls_;
  KeyNames names_;
  std::shared_ptr<ServerState> state_;
  std::chrono::milliseconds ttl_;
  std::chrono::milliseconds refresh_interval_;
  RecentKeys recent_;
  std::uint64_t clock_jumps_ = 0;  ///< that `recent_` knows of
  Clock::time_point next_sweep_{};
};

}  // namespace dialogstore::redis
