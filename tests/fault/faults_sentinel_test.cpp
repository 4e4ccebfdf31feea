// A primary that Sentinels depose while callers go on: because it died, because it was cut off from
// everybody but its callers, because it hung and wakes up. A failover takes seconds.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/redis_sentinels.hpp"
#include "support/replication.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

class FaultsOfSentinels : public testing::Test {
 protected:
  void start(RedisSentinelsOptions options) {
    watched_ = std::make_unique<RedisSentinels>(std::move(options));
  }
  WorkloadOptions storages(const std::string& query) const {
    return storages_at([&](const std::string& all) { return watched_->uri(all); }, query);
  }
  std::function<std::vector<RedisServer*>()> primary_alone() {
    return [this] { return std::vector{&watched_->server(primary())}; };
  }
  std::size_t primary() { return watched_->is_named(0) ? 0 : 1; }

  /// A primary that is about to be deposed, and from when on what it takes may be lost.
  struct Victim {
    std::size_t number = 0;
    Moment from;
  };
  Victim choose_victim() {
    const Victim victim{primary(), right_now()};
    EXPECT_TRUE(catches_up(watched_->server(1 - victim.number), watched_->server(victim.number)));
    return victim;
  }

  /// Cuts the primary off from everybody but its callers; `meanwhile` is before anybody notices.
  Victim depose_by_cutting_off(const std::function<void()>& meanwhile) {
    const auto victim = choose_victim();
    watched_->cut_off(victim.number);
    meanwhile();
    EXPECT_TRUE(watched_->wait_for_takeover(1 - victim.number));
    return victim;
  }
  /// Waits until callers have left the one that was cut off, and none comes back while `proof` of
  /// that is given. Since when that is so.
  Moment wait_until_left(std::size_t deposed, const std::function<void()>& proof) {
    Moment left;
    EXPECT_TRUE(eventually([&] {
      const auto connections = connections_to(deposed);
      left = right_now();
      if (has_callers(deposed)) return false;
      proof();
      return connections_to(deposed) == connections;
    }));
    EXPECT_TRUE(watched_->is_primary(deposed)) << "it does not know";
    return left;
  }
  void rejoin(std::size_t deposed) {
    watched_->rejoin(deposed);
    EXPECT_TRUE(watched_->wait_until_sound());
  }

  std::unique_ptr<RedisSentinels> watched_;

 private:
  std::string connections_to(std::size_t number) {
    return watched_->server(number).info("total_connections_received");
  }
  bool has_callers(std::size_t number) {
    const auto clients = watched_->server(number).command({"CLIENT", "LIST"});
    return clients.is_error() || clients.text.find("name=dialogstore") != std::string::npos;
  }
};

TEST_F(FaultsOfSentinels, PrimaryKilled) {
  start({});
  FaultRun run({.name = "sentinel_failover_kill",
                .promise = "nothing acknowledged is lost (durability=replicas:1)",
                .told = told_besides(errc::not_replicated)},
               storages("durability=replicas:1&timeout=2s"), primary_alone());
  run.repeat([&] {
    const auto killed = primary();
    watched_->server(killed).kill9();
    EXPECT_TRUE(watched_->wait_for_takeover(1 - killed));
    watched_->server(killed).restart();
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, PrimaryCutOff) {
  start({.may_be_cut_off = true});
  FaultRun run({.name = "sentinel_primary_cut_off",
                .promise = "what the deposed primary took is lost (no durability=); callers leave "
                           "it a second later",
                .told = told_when_away,
                .may_lose = true,
                .may_unlist = true},
               storages("timeout=5s"), primary_alone());
  run.repeat([&] {
    const auto deposed = depose_by_cutting_off(
        [&] { EXPECT_TRUE(run.workload().goes_on(5)) << "nobody has noticed anything yet"; });
    // What is acknowledged then stays.
    const auto left =
        wait_until_left(deposed.number, [&] { EXPECT_TRUE(run.workload().goes_on(20)); });
    run.allow_loss(What::branch, deposed.from, left);
    rejoin(deposed.number);
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, PrimaryCutOffDurably) {
  start({.may_be_cut_off = true});
  auto options = storages("durability=replicas:1&timeout=1s");
  options.has_erases = false;  // who erases cannot tell what was lost
  FaultRun run({.name = "sentinel_primary_cut_off_durable",
                .promise = "nothing acknowledged is lost (durability=replicas:1), though loads may "
                           "have shown what is",
                .told = told_besides(errc::not_replicated),
                .may_unlist = true},
               options, primary_alone());
  run.repeat([&] {
    const auto deposed = depose_by_cutting_off(
        [&] { EXPECT_TRUE(run.workload().are_refused(3)) << "nobody else has what it takes"; });
    // The new one has no replica as long as the old one is away, so that nothing is saved.
    const auto left =
        wait_until_left(deposed.number, [&] { EXPECT_TRUE(run.workload().are_refused(3)); });
    run.allow_loss(What::unconfirmed_branch, deposed.from, left);
    rejoin(deposed.number);
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, DeposedPrimaryWakesUp) {
  start({.config = {"min-replicas-to-write 1", "min-replicas-max-lag 2"}});
  FaultRun run({.name = "sentinel_primary_stopped",
                .promise = "the newest saves may be lost, none that is acknowledged when the old "
                           "primary is a replica (min-replicas-to-write 1)",
                .told = told_when_away,
                .may_lose = true,
                .may_unlist = true},
               storages("timeout=1s"), primary_alone());
  run.repeat([&] {
    const auto deposed = choose_victim();
    watched_->server(deposed.number).stop_process();
    EXPECT_TRUE(watched_->wait_for_takeover(1 - deposed.number));
    watched_->server(deposed.number).continue_process();
    // It answers until then, with what it knows: callers come back to it who have asked before the
    // takeover.
    EXPECT_TRUE(eventually([&] { return !watched_->is_primary(deposed.number); }));
    run.allow_loss(What::branch, deposed.from);
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
