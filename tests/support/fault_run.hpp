// One fault, tried on real servers while callers go on: what the callers may be told meanwhile,
// what must hold afterwards, and a line about what was seen.
//
//   DIALOGSTORE_FAULT_SECONDS   how long a fault is repeated (1 when it is not set)
//   DIALOGSTORE_SEED            the choices of the callers and of the faults (1 when it is not set)
//   DIALOGSTORE_FAULT_REPORT    a folder that gets <name>.json
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/redis_server.hpp"
#include "support/workload.hpp"

namespace dialogstore::test {

struct Fault {
  std::string name;         ///< of the report; empty: there is none
  std::string promise;      ///< what docs/reliability.md says of it, in a few words
  std::set<errc> told;      ///< what callers may be told beside success and conflicts
  bool may_lose = false;    ///< acknowledged turns, every time; then losses must be allowed, too
  bool may_unlist = false;  ///< the listing may be behind: `check` has to put it right
};

std::uint64_t fault_seed();

/// The tests' failures are gtest's: a run adds its own to the test it is part of.
class FaultRun {
 public:
  /// `servers` are those on which contexts may lie, for a look behind the library's back.
  FaultRun(Fault fault, WorkloadOptions workload,
           const std::function<std::vector<RedisServer*>()>& servers);
  FaultRun(Fault fault, WorkloadOptions workload, RedisServer& server)
      : FaultRun(std::move(fault), std::move(workload),
                 [&server] { return std::vector{&server}; }) {}

  Workload& workload() { return workload_; }
  std::mt19937_64& random() { return random_; }
  /// Of the first storage.
  const std::string& uri() const { return options_.uris.front(); }
  /// What a context is called in Redis.
  std::string name_of(const std::string& key) const { return prefix() + key + "}"; }

  /// Breaks something and mends it, again and again while there is time, at least once and so many
  /// times at most. After each round turns must be saved again.
  void repeat(const std::function<void()>& round,
              std::size_t most = std::numeric_limits<std::size_t>::max());
  /// What is there may be lost by itself between these moments.
  void allow_loss(AllowedLoss::What what, Moment from, Moment to);
  /// … from that moment on until now.
  void allow_loss(AllowedLoss::What what, Moment from);
  /// Stops the callers and checks everything.
  void finish();

 private:
  struct Found;

  void look_at_contexts(DBContextStorage& storage, Found& found);
  void look_at_listing(DBContextStorage& storage, const Found& found);
  void look_at_entries(const std::set<std::string>& present, std::uint64_t count);
  [[nodiscard]] bool may_leave_an_entry(const RecordedCall& call,
                                        const ContextHistory& history) const;
  void look_at_histories(Found& found);
  void look_at_answers();
  std::string prefix() const;
  std::set<std::string> stored_keys() const;
  std::set<std::string> entries() const;
  std::chrono::milliseconds longest_silence() const;
  void report(const Found& found) const;

  Fault fault_;
  WorkloadOptions options_;
  std::function<std::vector<RedisServer*>()> servers_;
  std::mt19937_64 random_;
  Workload workload_;
  std::vector<AllowedLoss> losses_;
  std::size_t rounds_ = 0;
  Moment begin_;
  Moment end_;
};

}  // namespace dialogstore::test
