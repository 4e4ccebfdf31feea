// Nodes of a cluster that fail, hand over, or give slots away while callers go on. Starting a
// cluster takes seconds, and so does a failover.
#include <gtest/gtest.h>

#include "support/cluster_failover.hpp"
#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/redis_cluster.hpp"
#include "support/replication.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

constexpr std::chrono::seconds failover_patience{30};

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
  void wait_for_takeover(std::size_t replica) {
    EXPECT_TRUE(eventually([&] { return cluster_.is_primary(replica); }, failover_patience));
  }

  RedisCluster cluster_{{.primaries = 3, .replicas = 1}};
};

TEST_F(FaultsOfClusters, PrimaryKilled) {
  FaultRun run({.name = "cluster_failover_kill",
                .promise = "nothing acknowledged is lost (durability=replicas:1)",
                .told = told_besides(errc::not_replicated)},
               storages_at(cluster_, "durability=replicas:1&timeout=2s"),
               [this] { return primaries_of(cluster_); });
  run.repeat([&] { EXPECT_TRUE(kill_and_restart_primary(cluster_, run.random()())); });
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
    const auto [primary, replica] = primary_and_replica(cluster_, run.random()());
    const auto from = right_now();
    EXPECT_TRUE(catches_up(cluster_.node(replica), cluster_.node(primary)));
    cluster_.node(primary).stop_process();
    wait_for_takeover(replica);
    cluster_.node(primary).continue_process();
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
  run.repeat([&] {
    const auto [primary, replica] = primary_and_replica(cluster_, run.random()());
    const auto before = disorders(cluster_);
    const auto from = right_now();
    EXPECT_TRUE(catches_up(cluster_.node(replica), cluster_.node(primary)));
    EXPECT_TRUE(hand_over(cluster_, replica));
    if (disorders(cluster_) != before) run.allow_loss(What::branch, from);
  });
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
