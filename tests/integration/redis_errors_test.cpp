// What a server refuses, and what that proves: rights, memory, replicas, foreign data, busy times.
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class RedisErrors : public ::testing::Test {
 protected:
  redis::LinkSettings link(const std::string& user = {}) const {
    redis::LinkSettings link;
    link.endpoint.host = RedisServer::host();
    link.endpoint.port = static_cast<std::uint16_t>(server_.port());
    link.user = user;
    link.password = user.empty() ? "" : "secret";
    return link;
  }
  /// A user with everything that docs/operations.md asks for, and these rules on top.
  void add_user(const std::string& user, const std::vector<std::string>& rules) {
    std::vector<std::string> words{"ACL", "SETUSER", user,    "reset",
                                   "on",  ">secret", "~ns:*", "+@all"};
    words.insert(words.end(), rules.begin(), rules.end());
    ASSERT_EQ(server_.command(words).text, "OK");
  }
  RowLogDriver connect(const std::string& user = {}) {
    return RowLogDriver(link(user), options(), {.user = user});
  }
  static StorageOptions options() {
    StorageOptions options;
    options.name_space = "ns";
    return options;
  }
  static Failure create(RowLogDriver& log, std::chrono::milliseconds time = 5s) {
    return log.failure_of(
        log.rows().save("k", log.shared(make_create(random_token())), std::nullopt, log.in(time)));
  }
  bool is_stored() { return server_.command({"EXISTS", "ns:{k}"}).integer == 1; }

  RedisServer server_;
};

TEST_F(RedisErrors, AMissingRightIsFoundBeforeTheFirstSave) {
  for (const std::string command :
       {"lindex", "lrange", "rpush", "lset", "ltrim", "unlink", "persist", "pexpire", "time"}) {
    add_user("bob", {"-" + command});
    auto log = connect("bob");
    const auto failure = create(log);
    EXPECT_EQ(failure.code, errc::permission_denied) << command << ": " << failure.detail;
    EXPECT_FALSE(failure.maybe_applied);
    if (command != "time") {
      EXPECT_NE(failure.detail.find("ACL SETUSER bob +" + command), std::string::npos)
          << failure.detail;
    }
    EXPECT_EQ(server_.command({"DBSIZE"}).integer, 0) << command;
  }
}

TEST_F(RedisErrors, MissingRightsToRunScriptsOrToListAreNamed) {
  for (const std::string command : {"eval", "evalsha", "zadd", "hsetnx", "hgetall"}) {
    server_.command({"SCRIPT", "FLUSH"});
    server_.command({"DEL", "ns:meta", "ns:index:0"});
    add_user("bob", {"-" + command});
    auto log = connect("bob");
    const auto failure = create(log);
    EXPECT_EQ(failure.code, errc::permission_denied) << command << ": " << failure.detail;
    EXPECT_FALSE(failure.maybe_applied);
    EXPECT_NE(failure.detail.find(command), std::string::npos) << failure.detail;
    EXPECT_FALSE(is_stored());
  }
}

TEST_F(RedisErrors, AUserWhoMayOnlyReadReads) {
  connect().save("k", make_create(random_token()));
  const auto own = random_token();
  connect().save("deleted", make_create(own));
  connect().save("deleted", format::plan_erase({1, own}, random_token()));
  server_.command({"SET", "ns:{foreign}", "x"});
  server_.command({"ACL", "SETUSER", "reader", "reset", "on", ">secret", "%R~ns:*", "+@read",
                   "+time", "+@connection"});
  auto log = connect("reader");
  EXPECT_EQ(log.read("k").size(), 1U);
  EXPECT_EQ(log.run(log.rows().count(log.in(5s))), 1U);
  // What is no context is told apart without a script.
  const auto score = server_.command({"ZSCORE", "ns:index:0", "k"}).text;
  server_.command({"ZADD", "ns:index:0", score, "deleted", score, "foreign", score, "absent"});
  const auto page = log.run(log.rows().scan({}, {}, log.in(5s)));
  ASSERT_EQ(page.keys.size(), 1U);
  EXPECT_EQ(page.keys[0].text(), "k");
  EXPECT_EQ(create(log).code, errc::permission_denied);
}

TEST_F(RedisErrors, ARightTakenAwayInBetweenIsOutcomeUnknown) {
  add_user("bob", {});
  auto log = connect("bob");
  const auto own = random_token();
  log.save("k", make_create(own));
  add_user("bob", {"-persist"});
  const auto failure = log.failure_of(log.rows().save(
      "k", log.shared(make_append({1, own}, random_token())), std::nullopt, log.in(5s)));
  EXPECT_EQ(failure.code, errc::outcome_unknown);
  EXPECT_TRUE(failure.maybe_applied);
  const auto says = [&](const char* text) {
    return failure.detail.find(text) != std::string::npos;
  };
  EXPECT_TRUE(says("can't run this command") || says("ACL failure in")) << failure.detail;
}

TEST_F(RedisErrors, AWrongPasswordIsSaidAtOnceAndNotShown) {
  add_user("bob", {});
  auto settings = link("bob");
  settings.password = "wrong-secret";
  RowLogDriver log(settings, options());
  const auto failure = create(log);
  EXPECT_EQ(failure.code, errc::auth_failed);
  EXPECT_EQ(failure.detail.find("wrong-secret"), std::string::npos);
}

TEST_F(RedisErrors, AFullServerWritesNothingAndStillReadsAndDeletes) {
  auto log = connect();
  const auto own = random_token();
  log.save("k", make_create(own));
  server_.command({"CONFIG", "SET", "maxmemory", "1"});
  const auto append = log.shared(make_append({1, own}, random_token()));
  const auto failure = log.failure_of(log.rows().save("k", append, std::nullopt, log.in(5s)));
  EXPECT_EQ(failure.code, errc::server_out_of_memory);
  EXPECT_FALSE(failure.maybe_applied);
  // Of a save that was sent before, it proves nothing.
  const auto resent = log.failure_of(log.rows().save("k", append, Clock::now(), log.in(5s)));
  EXPECT_EQ(resent.code, errc::outcome_unknown);
  EXPECT_TRUE(resent.maybe_applied);
  EXPECT_EQ(log.read("k").size(), 1U);
  EXPECT_EQ(log.save("k", format::plan_erase({1, own}, random_token())).answer, SaveAnswer::saved);
}

TEST_F(RedisErrors, AReplicaIsReadOnly) {
  auto log = connect();
  const auto own = random_token();
  log.save("k", make_create(own));
  server_.command({"REPLICAOF", RedisServer::host(), std::to_string(free_port())});
  const auto failure = log.failure_of(log.rows().save(
      "k", log.shared(make_append({1, own}, random_token())), std::nullopt, log.in(2s)));
  EXPECT_EQ(failure.code, errc::read_only) << failure.detail;
  EXPECT_FALSE(failure.maybe_applied);
}

TEST_F(RedisErrors, TooFewReplicasAreNamed) {
  auto log = connect();
  const auto own = random_token();
  log.save("k", make_create(own));
  server_.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  const auto failure = log.failure_of(log.rows().save(
      "k", log.shared(make_append({1, own}, random_token())), std::nullopt, log.in(2s)));
  EXPECT_EQ(failure.code, errc::unavailable);
  EXPECT_FALSE(failure.maybe_applied);
  EXPECT_NE(failure.detail.find("min-replicas-to-write"), std::string::npos);
}

TEST_F(RedisErrors, ForeignDataIsNamedAndLeftAlone) {
  auto log = connect();
  server_.command({"SET", "ns:{k}", "x"});
  EXPECT_EQ(create(log).code, errc::wrong_type);
  const auto failure = log.failure_of(log.rows().read("k", 0, false, log.in(5s)));
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_NE(failure.detail.find("ns:{k}"), std::string::npos) << failure.detail;
  EXPECT_EQ(server_.command({"GET", "ns:{k}"}).text, "x");

  server_.command({"DEL", "ns:{k}"});
  server_.command({"RPUSH", "ns:{k}", "a foreign list that is long enough"});
  EXPECT_EQ(create(log).code, errc::corrupt);
  EXPECT_EQ(server_.command({"LLEN", "ns:{k}"}).integer, 1);
}

TEST_F(RedisErrors, AForeignIndexOrMetaIsNamed) {
  server_.command({"SET", "ns:index:0", "x"});
  auto log = connect();
  auto failure = create(log);
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_NE(failure.detail.find("ns:index:0"), std::string::npos) << failure.detail;
  EXPECT_FALSE(is_stored());
  failure = log.failure_of(log.rows().count(log.in(5s)));
  EXPECT_EQ(failure.code, errc::wrong_type);

  server_.command({"DEL", "ns:index:0", "ns:meta"});
  server_.command({"SET", "ns:meta", "x"});
  auto other = connect();
  failure = create(other);
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_NE(failure.detail.find("ns:meta"), std::string::npos) << failure.detail;
}

TEST_F(RedisErrors, ABusyServerIsWaitedForUntilTheDeadline) {
  constexpr std::size_t attempts = 20;
  auto log = connect();
  const auto own = random_token();
  for (std::size_t i = 0; i <= attempts; ++i) log.save("k" + std::to_string(i), make_create(own));
  server_.command({"CONFIG", "SET", "busy-reply-threshold", "20"});
  std::thread blocker([&] {
    RedisClient client({.port = server_.port(), .timeout = 300s});
    client.command({"EVAL", "while true do end", "0"});
  });
  ASSERT_TRUE(eventually([&] { return server_.command({"PING"}).text.starts_with("BUSY"); }));
  const auto append = log.shared(make_append({1, own}, random_token()));
  // Of a copy that was sent a moment before the deadline nobody can say what becomes of it: then
  // another context is tried.
  std::optional<Failure> failure;
  for (std::size_t i = 0; i < attempts && !(failure && failure->code == errc::server_busy); ++i) {
    failure = log.failure_of(
        log.rows().save("k" + std::to_string(i), append, std::nullopt, log.in(500ms)));
    EXPECT_EQ(failure->maybe_applied, failure->code != errc::server_busy) << failure->detail;
  }
  EXPECT_EQ(failure->code, errc::server_busy) << failure->detail;

  auto call =
      log.start(log.rows().save("k" + std::to_string(attempts), append, std::nullopt, log.in(60s)));
  log.context().run_for(50ms);
  EXPECT_FALSE(call->is_done);
  server_.command({"SCRIPT", "KILL"});
  blocker.join();
  ASSERT_TRUE(log.run_until([&] { return call->is_done; }));
  ASSERT_FALSE(call->failure) << call->failure->detail;
  EXPECT_EQ(call->result->answer, SaveAnswer::saved);
}

TEST_F(RedisErrors, ARestartedServerForgetsScriptsAndIsAskedAgain) {
  auto log = connect();
  log.save("k", make_create(random_token()));
  server_.restart();
  const auto own = random_token();
  EXPECT_EQ(log.save("k", make_create(own)).answer, SaveAnswer::saved);
  EXPECT_EQ(log.save("k", make_append({1, own}, random_token())).answer, SaveAnswer::saved);
  EXPECT_EQ(log.run(log.rows().count(log.in(5s))), 1U);
}

TEST_F(RedisErrors, ClosingEndsWaitingCalls) {
  auto log = connect();
  log.save("k", make_create(random_token()));
  server_.stop_process();
  auto read = log.start(log.rows().read("k", 0, false, log.in(20s)));
  auto save = log.start(
      log.rows().save("k", log.shared(make_touch({1, random_token()})), std::nullopt, log.in(20s)));
  log.context().run_for(20ms);
  log.rows().close();
  ASSERT_TRUE(log.run_until([&] { return read->is_done && save->is_done; }));
  server_.continue_process();
  ASSERT_TRUE(read->failure && save->failure);
  EXPECT_EQ(read->failure->code, errc::closed);
  EXPECT_TRUE(save->failure->code == errc::closed || save->failure->maybe_applied);
}

}  // namespace
}  // namespace dialogstore::test
