// The link against a real server: its own texts and habits, which a script only imitates.
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <string>
#include <vector>

#include "redis/link.hpp"
#include "support/eventually.hpp"
#include "support/link_driver.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

using redis::LinkSettings;
using redis::Sent;

LinkSettings settings_for(const RedisServer& server) {
  LinkSettings settings;
  settings.endpoint = {RedisServer::host(), static_cast<std::uint16_t>(server.port()), ""};
  settings.client_name = "link-test";
  return settings;
}

TEST(LinkRedis, AnswersOverTcp) {
  LinkDriver driver(settings_for(shared_redis()));
  const auto result = driver.exec({"ECHO", "hello"});
  ASSERT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(result.reply.root().text, "hello");
}

TEST(LinkRedis, AnswersOverAUnixSocket) {
  LinkSettings settings = settings_for(shared_redis());
  settings.endpoint.unix_path = shared_redis().unix_path();
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"ECHO", "hello"}).reply.root().text, "hello");
}

TEST(LinkRedis, AnswersOverTls) {
  RedisServerOptions options;
  options.has_tls = true;
  RedisServer server(options);
  LinkSettings settings = settings_for(server);
  settings.endpoint.port = static_cast<std::uint16_t>(server.tls_port());
  settings.tls.enabled = true;
  settings.tls.ca_file = server.certificates().certificate();
  LinkDriver driver(settings);
  const auto result = driver.exec({"ECHO", "hello"});
  EXPECT_EQ(result.reply.root().text, "hello") << result.detail;
}

TEST(LinkRedis, AuthenticatesAndSelectsOnEveryConnection) {
  RedisServerOptions options;
  options.password = "s3cret";
  RedisServer server(options);
  LinkSettings settings = settings_for(server);
  settings.password = "s3cret";
  settings.database = 3;
  LinkDriver driver(settings);
  ASSERT_TRUE(driver.exec({"SET", "k", "1"}).ok());
  server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  redis::ExecResult result;
  ASSERT_TRUE(eventually([&] {
    result = driver.exec({"CLIENT", "LIST"});
    return result.ok() && driver.link().statistics().connections == 2;
  }));
  EXPECT_NE(result.reply.root().text.find("name=link-test"), std::string_view::npos);
  EXPECT_NE(result.reply.root().text.find("db=3"), std::string_view::npos);
}

TEST(LinkRedis, AWrongPasswordWritesNothing) {
  RedisServerOptions options;
  options.password = "s3cret";
  RedisServer server(options);
  for (const char* password : {"wrong", ""}) {
    LinkSettings settings = settings_for(server);
    settings.password = password;
    LinkDriver driver(settings);
    const auto result = driver.exec({"SET", "k", "1"});
    EXPECT_EQ(result.failure, errc::auth_failed) << result.detail;
    EXPECT_EQ(result.sent, Sent::no);
  }
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
}

TEST(LinkRedis, ADatabaseOutOfRangeWritesNothing) {
  RedisServer server;
  LinkSettings settings = settings_for(server);
  settings.database = 99;
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"SET", "k", "1"}).failure, errc::invalid_argument);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
}

TEST(LinkRedis, AReplicaIsRefused) {
  RedisServerOptions options;
  options.config = {"replicaof 127.0.0.1 1"};
  RedisServer server(options);
  LinkDriver driver(settings_for(server));
  EXPECT_EQ(driver.exec({"GET", "k"}).failure, errc::read_only);
}

TEST(LinkRedis, AUserWithoutTheRightToAskForTheRoleIsServed) {
  RedisServer server;
  server.command({"ACL", "SETUSER", "bob", "on", ">pw", "~*", "+get"});
  LinkSettings settings = settings_for(server);
  settings.user = "bob";
  settings.password = "pw";
  LinkDriver driver(settings);
  const auto result = driver.exec({"GET", "k"});
  EXPECT_TRUE(result.ok()) << result.detail;
}

TEST(LinkRedis, AHangingServerTimesOutAndTheLateReplyIsDropped) {
  RedisServer server;
  LinkDriver driver(settings_for(server));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  server.stop_process();
  const auto late = driver.exec({"ECHO", "late"}, std::chrono::milliseconds(100));
  EXPECT_EQ(late.failure, errc::timed_out);
  EXPECT_EQ(late.sent, Sent::maybe);
  server.continue_process();
  EXPECT_EQ(driver.exec({"ECHO", "right"}).reply.root().text, "right");
  EXPECT_EQ(driver.link().statistics().connections, 1U);
}

TEST(LinkRedis, ARequestWaitsForARestartedServer) {
  RedisServer server;
  LinkDriver driver(settings_for(server));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  server.kill9();
  const auto down = driver.exec({"PING"}, std::chrono::milliseconds(200));
  EXPECT_EQ(down.failure, errc::unavailable);
  const auto waiting = driver.start({"PING"});
  server.restart();
  ASSERT_TRUE(driver.finish(waiting));
  EXPECT_TRUE(waiting->result.ok()) << waiting->result.detail;
}

struct Tally {
  int running;
  int answered;
  int mixed;
  int lost;
};

Task<void> echo_many(redis::RedisLink& link, int caller, Tally& tally) {
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(caller) + ":" + std::to_string(i);
    const std::string request = redis::encode_command({"ECHO", text});
    const auto result = co_await link.exec(request, redis::Clock::now() + patience);
    tally.lost += result.ok() ? 0 : 1;
    tally.answered += result.ok() ? 1 : 0;
    tally.mixed += result.ok() && result.reply.root().text != text ? 1 : 0;
  }
  --tally.running;
}

TEST(LinkRedis, RepliesAreNeverMixedUpWhileConnectionsAreKilled) {
  RedisServer server;
  LinkSettings settings = settings_for(server);
  settings.reconnect_min = std::chrono::milliseconds(1);
  LinkDriver driver(settings);
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  constexpr int callers = 50;
  Tally tally{.running = callers, .answered = 0, .mixed = 0, .lost = 0};
  for (int caller = 0; caller < callers; ++caller) {
    spawn(driver.context().get_executor(), echo_many(driver.link(), caller, tally));
  }
  int next_kill = 1000;
  ASSERT_TRUE(driver.run_until([&] {
    if (tally.answered >= next_kill && tally.running != 0) {
      next_kill += 1000;
      server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    }
    return tally.running == 0;
  }));
  EXPECT_EQ(tally.mixed, 0);
  EXPECT_EQ(tally.answered + tally.lost, callers * 300);
  EXPECT_GT(driver.link().statistics().connections, 1U);
}

}  // namespace
}  // namespace dialogstore::test
