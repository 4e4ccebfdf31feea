// A cancellation may come at any moment, also between two requests, where nothing waits that it
// could end. Each test runs a call again and again and cancels it one step of the loop later each
// time, while the server falls silent: a cancellation that is lost shows as a call that waits.
#include <gtest/gtest.h>

#include <thread>

#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class CancelAtEveryStep : public ::testing::Test {
 protected:
  static constexpr std::chrono::seconds deadline{3};

  CancelAtEveryStep() { options_.name_space = unique_name(); }

  RowLogDriver connect(int port) const {
    redis::LinkSettings link;
    link.endpoint.host = RedisServer::host();
    link.endpoint.port = static_cast<std::uint16_t>(port);
    return RowLogDriver(link, options_);
  }
  /// Runs `begin(driver)`, which starts a call, until one run ends before it is cancelled.
  template <class Begin>
  void run(Begin begin) {
    for (int steps = 0;; ++steps) {
      TcpProxy proxy(server_.port());
      auto log = connect(proxy.port());
      const auto call = begin(log);
      for (int i = 0; i < steps && !call->is_done; ++i) step(log);
      if (call->is_done) {
        EXPECT_FALSE(call->failure) << call->failure->detail;
        return;
      }
      proxy.swallow(Direction::to_client);
      log.cancel(call);
      ASSERT_TRUE(log.run_until([&] { return call->is_done; }));
      ASSERT_TRUE(has_noticed(*call)) << "after " << steps << " steps: " << call->failure->detail;
    }
  }
  static void step(RowLogDriver& log) {
    log.context().restart();
    log.context().run_one_for(5s);
  }
  /// The call ended because it was cancelled, or had its answer already.
  template <class Call>
  static bool has_noticed(const Call& call) {
    if (!call.failure) return true;
    const auto& failure = *call.failure;
    return failure.code == (failure.maybe_applied ? errc::outcome_unknown : errc::canceled) &&
           failure.detail.find("cancelled") != std::string::npos;
  }

  RedisServer& server_ = shared_redis();
  StorageOptions options_;
};

TEST_F(CancelAtEveryStep, OfACreate) {
  int runs = 0;
  run([&](RowLogDriver& log) {
    auto create = log.shared(make_create(random_token()));
    return log.start(
        log.rows().save(std::to_string(runs++), create, std::nullopt, log.in(deadline)));
  });
}

TEST_F(CancelAtEveryStep, OfASaveThatRenewsItsEntry) {
  const auto own = random_token();
  connect(server_.port()).save("k", make_create(own));
  run([&](RowLogDriver& log) {
    return log.start(
        log.rows().save("k", log.shared(make_touch({1, own})), std::nullopt, log.in(deadline)));
  });
}

TEST_F(CancelAtEveryStep, OfADelete) {
  int runs = 0;
  run([&](RowLogDriver& log) {
    const auto key = std::to_string(runs++);
    const auto own = random_token();
    connect(server_.port()).save(key, make_create(own));
    auto erase = log.shared(format::plan_erase({1, own}, random_token()));
    return log.start(log.rows().save(key, erase, std::nullopt, log.in(deadline)));
  });
}

TEST_F(CancelAtEveryStep, OfALoadThatKeepsAlive) {
  options_.ttl = 60s;
  connect(server_.port()).save("k", make_create(random_token()));
  run([](RowLogDriver& log) { return log.start(log.rows().read("k", 0, true, log.in(deadline))); });
}

TEST_F(CancelAtEveryStep, OfListings) {
  server_.command({"HSET", options_.name_space + ":meta", "format", "1", "index_shards", "3"});
  for (int i = 0; i < 5; ++i) {
    connect(server_.port()).save(std::to_string(i), make_create(random_token()));
  }
  run([](RowLogDriver& log) { return log.start(log.rows().count(log.in(deadline))); });
  run([](RowLogDriver& log) { return log.start(log.rows().scan({}, {}, log.in(deadline))); });
  run([](RowLogDriver& log) {
    return log.start(log.rows().check_listing(true, log.in(deadline)));
  });
  run([](RowLogDriver& log) { return log.start(log.rows().statistics(log.in(deadline))); });
  // Removes all with the first run that is not cancelled before.
  run([](RowLogDriver& log) { return log.start(log.rows().clear(log.in(deadline))); });
}

// Every request is answered BUSY and sent again after a pause.
TEST_F(CancelAtEveryStep, OfACallThatABusyServerLetsWait) {
  RedisServer server;
  server.command({"HSET", options_.name_space + ":meta", "format", "1", "index_shards", "3"});
  TcpProxy proxy(server.port());
  auto log = connect(proxy.port());
  ASSERT_EQ(log.run(log.rows().count(log.in(deadline))), 0U);
  server.command({"CONFIG", "SET", "busy-reply-threshold", "20"});
  std::thread blocker([&] {
    RedisClient client({.port = server.port(), .timeout = 60s});
    client.command({"EVAL", "while true do end", "0"});
  });
  EXPECT_TRUE(eventually([&] { return server.command({"PING"}).text.starts_with("BUSY"); }));
  for (int steps = 0; steps < 30; ++steps) {
    const auto call = log.start(log.rows().count(log.in(deadline)));
    for (int i = 0; i < steps; ++i) {
      // So that several pauses are over: one is noticed, the next finds its call cancelled.
      const auto begin = Clock::now();
      EXPECT_TRUE(eventually([&] { return Clock::now() - begin > 5ms; }));
      step(log);
    }
    proxy.stall(Direction::to_client);
    log.cancel(call);
    EXPECT_TRUE(log.run_until([&] { return call->is_done; }));
    EXPECT_TRUE(has_noticed(*call)) << "after " << steps << " steps: " << call->failure->detail;
    proxy.heal();
    if (HasFailure()) break;
  }
  server.command({"SCRIPT", "KILL"});
  blocker.join();
}

}  // namespace
}  // namespace dialogstore::test
