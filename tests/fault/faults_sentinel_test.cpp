// A primary that Sentinels depose while callers go on: because it died, because it was cut off from
// everybody but its callers, because it hung and wakes up. A failover takes seconds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/redis_sentinels.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

constexpr std::chrono::seconds failover_patience{30};

// What a deposed primary shows before it is left is more than the checker of histories can tell
// from a violation every time: these run where somebody looks at what they report.
bool nobody_looks() {
  return std::getenv("DIALOGSTORE_FAULT_SECONDS") == nullptr;
}
constexpr auto only_by_hand = "a run of make test-faults alone tries this";

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
  void wait_for_takeover(std::size_t number) {
    EXPECT_TRUE(eventually([&] { return watched_->is_named(number); }, failover_patience));
  }
  bool has_callers(std::size_t number) {
    const auto clients = watched_->server(number).command({"CLIENT", "LIST"});
    return clients.is_error() || clients.text.find("name=dialogstore") != std::string::npos;
  }

  std::unique_ptr<RedisSentinels> watched_;
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
    wait_for_takeover(1 - killed);
    watched_->server(killed).restart();
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, PrimaryCutOff) {
  if (nobody_looks()) GTEST_SKIP() << only_by_hand;
  start({.may_be_cut_off = true});
  auto options = storages("timeout=5s");
  options.turns =
      30;  // many are lost in long contexts in more ways than can be looked through soon
  FaultRun run({.name = "sentinel_primary_cut_off",
                .promise = "what the deposed primary took is lost (no durability=); callers leave "
                           "it a second later",
                .told = told_when_away,
                .may_lose = true,
                .may_unlist = true},
               options, primary_alone());
  run.repeat([&] {
    const auto from = right_now();
    const auto deposed = primary();
    watched_->cut_off(deposed);
    EXPECT_TRUE(run.workload().goes_on(5)) << "nobody has noticed anything yet";
    wait_for_takeover(1 - deposed);
    EXPECT_TRUE(eventually([&] { return !has_callers(deposed); }));
    EXPECT_TRUE(watched_->is_primary(deposed)) << "it does not know";
    // What is acknowledged from now on stays.
    run.allow_loss(What::newest_turns, from);
    EXPECT_TRUE(run.workload().goes_on(20));
    watched_->rejoin(deposed);
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, PrimaryCutOffDurably) {
  if (nobody_looks()) GTEST_SKIP() << only_by_hand;
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
    const auto from = right_now();
    const auto deposed = primary();
    watched_->cut_off(deposed);
    EXPECT_TRUE(run.workload().are_refused(3)) << "nobody else has what it takes";
    wait_for_takeover(1 - deposed);
    EXPECT_TRUE(eventually([&] { return !has_callers(deposed); }));
    EXPECT_TRUE(watched_->is_primary(deposed)) << "it does not know";
    run.allow_loss(What::newest_turns, from);
    // The new one has no replica as long as the old one is away.
    watched_->rejoin(deposed);
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

TEST_F(FaultsOfSentinels, DeposedPrimaryWakesUp) {
  if (nobody_looks()) GTEST_SKIP() << only_by_hand;
  start({.config = {"min-replicas-to-write 1", "min-replicas-max-lag 2"}});
  FaultRun run({.name = "sentinel_primary_stopped",
                .promise = "the newest saves may be lost, none that is acknowledged when callers "
                           "have left it (min-replicas-to-write 1)",
                .told = told_when_away,
                .may_lose = true,
                .may_unlist = true},
               storages("timeout=1s"), primary_alone());
  run.repeat([&] {
    const auto from = right_now();
    const auto stopped = primary();
    watched_->server(stopped).stop_process();
    wait_for_takeover(1 - stopped);
    watched_->server(stopped).continue_process();
    // It answers loads until then, with what it knows.
    EXPECT_TRUE(eventually([&] { return !has_callers(stopped); }));
    run.allow_loss(What::newest_turns, from);
    EXPECT_TRUE(eventually([&] { return !watched_->is_primary(stopped); }, failover_patience));
    EXPECT_TRUE(watched_->wait_until_sound());
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
