// Nodes of a cluster that fail, hand over, or give slots away while callers go on. Starting a
// cluster takes seconds, and so does a failover.
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "support/cluster_failover.hpp"
#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/redis_cluster.hpp"
#include "support/replication.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

WorkloadOptions storages_at(const RedisCluster& cluster, const std::string& query) {
  auto options = test::storages_at([&](const std::string& all) { return cluster.uri(all); }, query);
  options.contexts = 6;
  return options;
}

std::vector<RedisServer*> primaries_of(RedisCluster& cluster) {
  std::vector<RedisServer*> primaries;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.is_primary(i)) primaries.push_back(&cluster.node(i));
  }
  return primaries;
}

class FaultsOfClusters : public testing::Test {
 protected:
  /// A replica that is not in `elected`, and then is.
  std::size_t next_successor(std::uint64_t number, std::set<std::size_t>& elected) {
    std::size_t replica = 0;
    const auto is_new = [&] {
      replica = primary_and_replica(cluster_, number++).second;
      return elected.insert(replica).second;
    };
    if (!eventually(is_new)) throw std::runtime_error("all nodes were elected before");
    return replica;
  }
  /// Every replica has all that its primary had when this was called.
  void wait_until_replicated() {
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      const auto port = cluster_.node(i).info("master_port");
      for (std::size_t j = 0; j < cluster_.size(); ++j) {
        if (std::to_string(cluster_.node(j).port()) != port) continue;
        EXPECT_TRUE(catches_up(cluster_.node(i), cluster_.node(j)));
      }
    }
  }

  RedisCluster cluster_{{.primaries = 3, .replicas = 1}};
};

TEST_F(FaultsOfClusters, PrimaryKilled) {
  FaultRun run({.name = "cluster_failover_kill",
                .promise = "nothing acknowledged is lost (durability=replicas:1)",
                .told = told_besides(errc::not_replicated),
                // An entry is at another server than its context, and not waited for.
                .may_unlist = true},
               storages_at(cluster_, "durability=replicas:1&timeout=2s"),
               [this] { return primaries_of(cluster_); });
  run.repeat([&] {
    const auto [primary, replica] = primary_and_replica(cluster_, run.random()());
    const auto before = disorders(cluster_, primary);
    const auto from = right_now();
    EXPECT_TRUE(kill_and_restart(cluster_, primary, replica));
    // One that only got no time to run lives on for a while, and shows what it alone has.
    if (disorders(cluster_, primary) != before) run.allow_loss(What::unconfirmed_branch, from);
  });
  run.finish();
}

TEST_F(FaultsOfClusters, PrimaryStopped) {
  FaultRun run({.name = "cluster_primary_stopped",
                .promise = "the newest saves may be lost (no durability=); callers are told so",
                .told = told_when_away,
                .may_lose = true,
                .may_unlist = true},
               storages_at(cluster_, "timeout=500ms"), [this] { return primaries_of(cluster_); });
  run.repeat([&] {
    const auto pair = primary_and_replica(cluster_, run.random()());
    auto& primary = cluster_.node(pair.first);
    const auto from = right_now();
    wait_until_replicated();
    EXPECT_TRUE(take_over(cluster_, pair.first, pair.second, [&] { primary.stop_process(); }));
    primary.continue_process();
    EXPECT_TRUE(cluster_.wait_until_sound());
    run.allow_loss(What::branch, from);
  });
  run.finish();
}

TEST_F(FaultsOfClusters, HandedOver) {
  FaultRun run({.name = "cluster_failover_command",
                .promise = "no call fails, nothing is lost where it goes in order",
                .told = {}},
               storages_at(cluster_, "timeout=30s"), [this] { return primaries_of(cluster_); });
  std::set<std::size_t> elected;
  const auto handover = [&] {
    const auto replica = next_successor(run.random()(), elected);
    const auto before = disorders(cluster_);
    const auto from = right_now();
    wait_until_replicated();
    EXPECT_TRUE(hand_over(cluster_, replica));
    if (disorders(cluster_) != before) run.allow_loss(What::branch, from);
  };
  // Each of them once: none is elected again for a minute (see hand_over()).
  run.repeat(handover, cluster_.size());
  run.finish();
}

TEST(FaultsOfResharding, SlotsMove) {
  RedisCluster cluster;
  FaultRun run(
      {.name = "cluster_resharding", .promise = "no call fails, nothing is lost", .told = {}},
      storages_at(cluster, "timeout=30s"), [&] { return primaries_of(cluster); });
  run.repeat([&] {
    const auto name = run.name_of(run.workload().a_key(run.random()()));
    const int slot = cluster.slot_of(name);
    cluster.move_slot(slot, (cluster.owner_of(slot) + 1) % 3,
                      [&] { EXPECT_TRUE(run.workload().goes_on(20)); });
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
