// A server that dies, hangs, forgets its scripts or its clients, while callers go on.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

TEST(Faults, None) {
  RedisServer server;
  FaultRun run({.name = "none", .promise = "every call succeeds", .told = {}},
               storages_at(server, "timeout=10s"), server);
  run.repeat([&] { EXPECT_TRUE(run.workload().goes_on(50)); });
  run.finish();
}

TEST(Faults, KilledWithAppendOnlyFile) {
  RedisServer server({.is_append_only = true});
  FaultRun run({.name = "kill_aof",
                .promise = "nothing acknowledged is lost (appendfsync always)",
                .told = told_besides(errc::server_busy)},  // it reads its file
               storages_at(server), server);
  run.repeat([&] {
    server.kill9();
    server.restart();
  });
  run.finish();
}

TEST(Faults, KilledWithoutPersistence) {
  RedisServer server;
  FaultRun run({.name = "kill_no_persistence",
                .promise = "the server forgets all; callers are told gone or history_changed",
                .told = told_when_away,
                .may_lose = true},
               storages_at(server), server);
  run.repeat([&] {
    const auto from = right_now();
    server.kill9();
    server.restart();
    run.allow_loss(What::everything, from);
  });
  run.finish();
}

TEST(Faults, Stopped) {
  RedisServer server;
  FaultRun run({.name = "sigstop",
                .promise = "calls end at their deadline; what runs later takes effect once",
                .told = told_when_away},
               storages_at(server, "timeout=200ms"), server);
  run.repeat([&] {
    server.stop_process();
    EXPECT_TRUE(run.workload().are_refused(1 + run.random()() % 20));
    server.continue_process();
  });
  run.finish();
}

TEST(Faults, ClientsKilled) {
  RedisServer server;
  FaultRun run({.name = "client_kill",
                .promise = "each save takes effect once; a delete may be in doubt",
                .told = {errc::outcome_unknown}},
               storages_at(server, "timeout=10s"), server);
  run.repeat([&] {
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(run.workload().goes_on(run.random()() % 10));
  });
  run.finish();
}

TEST(Faults, ScriptsFlushed) {
  RedisServer server;
  FaultRun run({.name = "script_flush", .promise = "no call fails", .told = {}},
               storages_at(server, "timeout=10s"), server);
  run.repeat([&] {
    for (int i = 0; i < 20; ++i) {
      server.command({"SCRIPT", "FLUSH"});
      EXPECT_TRUE(run.workload().goes_on(1));
    }
  });
  EXPECT_NE(server.info("cmdstat_eval"), "") << "no script was sent again";
  run.finish();
}

TEST(Faults, PasswordChanged) {
  RedisServer server({.password = "first"});
  FaultRun run({.name = "password_changed",
                .promise = "auth_failed, nothing written, until the password is right again",
                .told = told_besides(errc::auth_failed)},
               storages_at(server), server);
  run.repeat([&] {
    server.command({"CONFIG", "SET", "requirepass", "second"});
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(run.workload().are_refused(10));
    server.command({"CONFIG", "SET", "requirepass", "first"});
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
