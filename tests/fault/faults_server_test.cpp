// A server that dies, hangs, forgets, or refuses, while callers go on.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

Moment now() {
  return std::chrono::steady_clock::now();
}

// Storages of several kinds on the same contexts.
WorkloadOptions storages_on(const std::function<std::string(const std::string&)>& uri,
                            const std::string& query = "timeout=1s") {
  const auto space = "namespace=" + unique_name() + "&" + query;
  return {.uris = {uri(space + "&on_conflict=merge"), uri(space + "&on_conflict=fail"),
                   uri(space + "&on_conflict=merge&cache=100&seal_after=3")},
          .seed = fault_seed()};
}

WorkloadOptions storages_on(const RedisServer& server, const std::string& query = "timeout=1s") {
  return storages_on([&](const std::string& all) { return server.uri(all); }, query);
}

TEST(Faults, None) {
  RedisServer server;
  FaultRun run({.name = "none", .promise = "every call succeeds", .told = {}},
               storages_on(server, "timeout=10s"), server);
  run.repeat([&] { EXPECT_TRUE(run.workload().goes_on(100)); });
  run.finish();
}

TEST(Faults, KilledWithAppendOnlyFile) {
  RedisServer server({.is_append_only = true});
  FaultRun run({.name = "kill_with_aof",
                .promise = "nothing acknowledged is lost (appendfsync always)",
                .told = {errc::unavailable, errc::outcome_unknown, errc::timed_out}},
               storages_on(server), server);
  run.repeat([&] {
    server.kill9();
    server.restart();
  });
  run.finish();
}

TEST(Faults, KilledWithoutPersistence) {
  RedisServer server;
  FaultRun run({.name = "kill_without_persistence",
                .promise = "all is lost, and callers are told gone",
                .told = {errc::unavailable, errc::outcome_unknown, errc::timed_out},
                .may_lose = true},
               storages_on(server), server);
  run.repeat([&] {
    const auto from = now();
    server.kill9();
    server.restart();
    run.allow_loss(What::everything, from);
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
