// RedisRowLog against a real server, through a proxy that breaks the line.
#include <gtest/gtest.h>

#include "dialogstore/limits.hpp"
#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;
using format::SaveOp;

redis::LinkSettings link_to(int port) {
  redis::LinkSettings link;
  link.endpoint.host = RedisServer::host();
  link.endpoint.port = static_cast<std::uint16_t>(port);
  return link;
}

class RedisRowLogTest : public ::testing::Test {
 protected:
  RedisRowLogTest() { options_.name_space = unique_name(); }
  std::string name(const std::string& key) const { return options_.name_space + ":{" + key + "}"; }
  std::int64_t rows_of(const std::string& key) {
    return server_.command({"LLEN", name(key)}).integer;
  }
  std::int64_t ttl_of(const std::string& key) {
    return server_.command({"PTTL", name(key)}).integer;
  }

  RedisServer& server_ = shared_redis();
  StorageOptions options_;
};

TEST_F(RedisRowLogTest, SavesAndReadsBack) {
  RowLogDriver log(link_to(server_.port()), options_);
  EXPECT_TRUE(log.read("k").empty());
  const auto first = random_token();
  const auto second = random_token();
  const auto create = make_create(first);
  const auto append = make_append({1, first}, second);
  EXPECT_EQ(log.save("k", create).answer, SaveAnswer::saved);
  EXPECT_EQ(log.save("k", append).answer, SaveAnswer::saved);
  EXPECT_EQ(log.read("k"), (std::vector<std::string>{create.rows[0], append.rows[0]}));
  EXPECT_EQ(log.read("k", 1), append.rows);
  EXPECT_EQ(log.read("k", 10).size(), 2U);
  EXPECT_EQ(log.save("k", append, true).answer, SaveAnswer::already);
  const auto conflict = log.save("k", make_append({1, first}, random_token()));
  EXPECT_EQ(conflict.answer, SaveAnswer::conflict);
  EXPECT_EQ(conflict.last_header, append.rows[0].substr(0, 20));
  EXPECT_FALSE(conflict.unanswered_copy);
  EXPECT_EQ(ttl_of("k"), -1);
}

TEST_F(RedisRowLogTest, AnyByteIsLegalInAKeyAndReachesNoFurther) {
  RowLogDriver log(link_to(server_.port()), options_);
  const std::string keys[] = {"{}", "a}:meta", "x\r\ny", std::string("\0\xff", 2), "%7D", "*"};
  for (const auto& key : keys) {
    EXPECT_EQ(log.save(key, make_create(random_token())).answer, SaveAnswer::saved);
  }
  for (const auto& key : keys) EXPECT_EQ(log.read(key).size(), 1U);
  EXPECT_EQ(log.run(log.rows().count(log.in(5s))), std::size(keys));
}

TEST_F(RedisRowLogTest, ASaveThatLostItsReplyTakesEffectOnce) {
  TcpProxy proxy(server_.port());
  RowLogDriver log(link_to(proxy.port()), options_);
  const auto first = random_token();
  ASSERT_EQ(log.save("k", make_create(first)).answer, SaveAnswer::saved);
  Version base{1, first};
  for (int round = 0; round < 5; ++round) {
    const auto own = random_token();
    proxy.lose_next(Direction::to_client);
    const auto result = log.save("k", make_append(base, own));
    EXPECT_EQ(result.answer, SaveAnswer::already) << round;
    EXPECT_TRUE(result.unanswered_copy);
    base = {base.seq + 1, own};
  }
  EXPECT_EQ(rows_of("k"), 6);
}

TEST_F(RedisRowLogTest, ARequestThatNeverArrivedIsSentAgain) {
  TcpProxy proxy(server_.port());
  RowLogDriver log(link_to(proxy.port()), options_);
  const auto first = random_token();
  ASSERT_EQ(log.save("k", make_create(first)).answer, SaveAnswer::saved);
  proxy.lose_next(Direction::to_server);
  const auto result = log.save("k", make_append({1, first}, random_token()));
  EXPECT_EQ(result.answer, SaveAnswer::saved);
  EXPECT_TRUE(result.unanswered_copy);
  EXPECT_EQ(rows_of("k"), 2);
}

TEST_F(RedisRowLogTest, WithoutAnAnswerTheOutcomeIsUnknownAndSettlesLater) {
  TcpProxy proxy(server_.port());
  RowLogDriver log(link_to(proxy.port()), options_);
  const auto first = random_token();
  ASSERT_EQ(log.save("k", make_create(first)).answer, SaveAnswer::saved);
  const auto append = log.shared(make_append({1, first}, random_token()));
  proxy.swallow(Direction::to_client);
  const auto failure = log.failure_of(log.rows().save("k", append, std::nullopt, log.in(300ms)));
  EXPECT_EQ(failure.code, errc::outcome_unknown) << failure.detail;
  EXPECT_TRUE(failure.maybe_applied);
  proxy.heal();
  proxy.cut_all();
  const auto settled = log.run(log.rows().save("k", append, Clock::now(), log.in(10s)));
  EXPECT_EQ(settled.answer, SaveAnswer::already);
  EXPECT_TRUE(settled.unanswered_copy);
  EXPECT_EQ(rows_of("k"), 2);
}

TEST_F(RedisRowLogTest, AnUnreachableServerProvesThatNothingWasWritten) {
  RowLogDriver log(link_to(free_port()), options_);
  const auto failure = log.failure_of(
      log.rows().save("k", log.shared(make_create(random_token())), std::nullopt, log.in(200ms)));
  EXPECT_EQ(failure.code, errc::unavailable) << failure.detail;
  EXPECT_FALSE(failure.maybe_applied);
  EXPECT_EQ(log.failure_of(log.rows().read("k", 0, false, log.in(100ms))).code, errc::unavailable);
}

TEST_F(RedisRowLogTest, CancellationTellsWhetherACopyWasSent) {
  TcpProxy proxy(server_.port());
  RowLogDriver log(link_to(proxy.port()), options_);
  const auto first = random_token();
  ASSERT_EQ(log.save("k", make_create(first)).answer, SaveAnswer::saved);
  const auto before = proxy.stats().received_in(Direction::to_server);
  proxy.swallow(Direction::to_client);
  auto call = log.start(log.rows().save("k", log.shared(make_append({1, first}, random_token())),
                                        std::nullopt, log.in(20s)));
  ASSERT_TRUE(
      log.run_until([&] { return proxy.stats().received_in(Direction::to_server) > before; }));
  log.cancel(call);
  ASSERT_TRUE(log.run_until([&] { return call->is_done; }));
  ASSERT_TRUE(call->failure);
  EXPECT_EQ(call->failure->code, errc::outcome_unknown);
  EXPECT_TRUE(call->failure->maybe_applied);

  RowLogDriver nobody(link_to(free_port()), options_);
  auto unsent = nobody.start(nobody.rows().save("k", nobody.shared(make_create(random_token())),
                                                std::nullopt, nobody.in(20s)));
  nobody.context().run_for(10ms);
  nobody.cancel(unsent);
  ASSERT_TRUE(nobody.run_until([&] { return unsent->is_done; }));
  ASSERT_TRUE(unsent->failure);
  EXPECT_EQ(unsent->failure->code, errc::canceled) << unsent->failure->detail;
  EXPECT_FALSE(unsent->failure->maybe_applied);
}

TEST_F(RedisRowLogTest, ManySavesSurviveCutsAndFlushedScripts) {
  RedisServer server;
  TcpProxy proxy(server.port());
  RowLogDriver log(link_to(proxy.port()), options_, {}, 2);
  constexpr int dialogs = 10, turns = 30;
  std::vector<Version> versions(dialogs);
  for (int turn = 0; turn < turns; ++turn) {
    std::vector<std::shared_ptr<RowCall<SaveResult>>> calls;
    std::vector<Version> next;
    for (int i = 0; i < dialogs; ++i) {
      const auto own = random_token();
      const auto place = static_cast<std::size_t>(i);
      auto save = turn == 0 ? make_create(own) : make_append(versions[place], own);
      next.push_back({versions[place].seq + 1, own});
      calls.push_back(log.start(log.rows().save(
          "k" + std::to_string(i), log.shared(std::move(save)), std::nullopt, log.in(15s))));
    }
    if (turn % 3 == 0) server.command({"SCRIPT", "FLUSH"});
    if (turn % 4 == 1) proxy.lose_next(Direction::to_client);
    if (turn % 5 == 2) proxy.cut_all();
    ASSERT_TRUE(log.run_until([&] {
      return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c->is_done; });
    }));
    for (const auto& call : calls) {
      ASSERT_FALSE(call->failure) << call->failure->detail;
      EXPECT_TRUE(call->result->answer == SaveAnswer::saved ||
                  call->result->answer == SaveAnswer::already);
    }
    versions = next;
  }
  for (int i = 0; i < dialogs; ++i) {
    EXPECT_EQ(server.command({"LLEN", name("k" + std::to_string(i))}).integer, turns);
  }
}

TEST_F(RedisRowLogTest, SizesAreRefusedBeforeSending) {
  RowLogDriver log(link_to(server_.port()), options_);
  auto request = make_create(random_token());
  request.rows.assign(limits::save_rows + 1, request.rows[0]);
  EXPECT_EQ(
      log.failure_of(log.rows().save("k", log.shared(request), std::nullopt, log.in(5s))).code,
      errc::too_large);
  request.rows.assign(limits::save_rows, request.rows[0]);
  EXPECT_EQ(log.save("k", request).answer, SaveAnswer::saved);
  EXPECT_EQ(log.read("k").size(), limits::save_rows);
}

// ---- settling a create long after it was sent
// -----------------------------------------------------

TEST_F(RedisRowLogTest, ACreateIsSettledAsLongAsADeleteWouldStopIt) {
  RowLogDriver log(link_to(server_.port()), options_);
  const auto settle = [&](const char* key, const Token& own, Clock::duration age) {
    return log.run(
        log.rows().save(key, log.shared(make_create(own)), Clock::now() - age, log.in(10s)));
  };
  // Its copy was lost.
  EXPECT_EQ(settle("lost", random_token(), limits::timeout_max - 20s).answer, SaveAnswer::saved);
  // It was stored, deleted, and the tombstone is gone.
  const auto late = settle("deleted", random_token(), limits::timeout_max + 1s);
  EXPECT_EQ(late.answer, SaveAnswer::gone);
  EXPECT_TRUE(late.unanswered_copy);
  EXPECT_EQ(rows_of("deleted"), 0);
  EXPECT_EQ(log.run(log.rows().count(log.in(5s))), 1U);
  // It was stored, and others went on.
  const auto own = random_token();
  log.save("stored", make_create(own));
  log.save("stored", make_append({1, own}, random_token()));
  EXPECT_EQ(settle("stored", own, 24h).answer, SaveAnswer::already);
  EXPECT_EQ(settle("stored", random_token(), 24h).answer, SaveAnswer::conflict);
  EXPECT_EQ(rows_of("stored"), 2);
}

TEST_F(RedisRowLogTest, ACreateIsNotSettledWhenWhatItStoredMayHaveExpired) {
  options_.ttl = 60s;
  RowLogDriver log(link_to(server_.port()), options_);
  const auto settle = [&](Clock::duration age) {
    return log
        .run(log.rows().save("k", log.shared(make_create(random_token())), Clock::now() - age,
                             log.in(5s)))
        .answer;
  };
  EXPECT_EQ(settle(59s), SaveAnswer::gone);
  EXPECT_EQ(rows_of("k"), 0);
  EXPECT_EQ(settle(30s), SaveAnswer::saved);
}

// ---- expiry
// --------------------------------------------------------------------------------------

TEST_F(RedisRowLogTest, ExpirySlidesOnWritesAndOnReadsThatAskForIt) {
  options_.ttl = 60s;
  RowLogDriver log(link_to(server_.port()), options_);
  const auto first = random_token();
  log.save("k", make_create(first));
  EXPECT_GT(ttl_of("k"), 50'000);
  server_.command({"PEXPIRE", name("k"), "20000"});
  log.read("k");
  EXPECT_LE(ttl_of("k"), 20'000);
  EXPECT_EQ(log.read("k", 3, true).size(), 1U);
  EXPECT_GT(ttl_of("k"), 50'000);
  server_.command({"PEXPIRE", name("k"), "20000"});
  EXPECT_EQ(log.save("k", make_touch({1, first})).answer, SaveAnswer::saved);
  EXPECT_GT(ttl_of("k"), 50'000);
  EXPECT_EQ(rows_of("k"), 1);
}

TEST_F(RedisRowLogTest, ReadingATombstoneDoesNotShortenItsLife) {
  options_.ttl = 60s;
  RowLogDriver log(link_to(server_.port()), options_);
  const auto first = random_token();
  log.save("k", make_create(first));
  EXPECT_EQ(log.save("k", format::plan_erase({1, first}, random_token())).answer,
            SaveAnswer::saved);
  const auto life = ttl_of("k");
  // Longer than any call lasts, plus the tolerance for the server's clock.
  EXPECT_GT(life, 1'100'000);
  EXPECT_EQ(log.read("k", 0, true).size(), 1U);
  EXPECT_GT(ttl_of("k"), 1'000'000);
}

TEST_F(RedisRowLogTest, ANamespaceThatHasNoExpiryAnyMoreTakesItAway) {
  auto with_ttl = options_;
  with_ttl.ttl = 60s;
  const auto first = random_token();
  RowLogDriver(link_to(server_.port()), with_ttl).save("k", make_create(first));
  EXPECT_GT(ttl_of("k"), 0);
  RowLogDriver(link_to(server_.port()), options_).save("k", make_touch({1, first}));
  EXPECT_EQ(ttl_of("k"), -1);
}

TEST_F(RedisRowLogTest, StatisticsNameServerAndSizes) {
  RowLogDriver log(link_to(server_.port()), options_);
  for (int i = 0; i < 3; ++i) log.save("k" + std::to_string(i), make_create(random_token()));
  std::map<std::string, std::string> found;
  for (auto& [name, value] : log.run(log.rows().statistics(log.in(10s)))) found[name] = value;
  EXPECT_EQ(found["contexts"], "3");
  EXPECT_FALSE(found["redis_version"].empty());
  EXPECT_FALSE(found["used_memory"].empty());
  EXPECT_GT(std::stoi(found["bytes_per_context"]), 20);
  EXPECT_EQ(found["connections"], "1");
}

// A few rows do not tell: the largest is behind many small ones.
TEST_F(RedisRowLogTest, TellsHowMuchAReadWouldBring) {
  RowLogDriver log(link_to(server_.port()), options_);
  server_.command({"RPUSH", name("k"), "a"});
  for (int i = 0; i < 8; ++i) server_.command({"RPUSH", name("k"), std::string(20'000, 'b')});
  server_.command({"RPUSH", name("k"), std::string(5'000'000, 'c')});
  const auto sizes = log.run(log.rows().sizes({ContextKey("absent"), ContextKey("k")}, log.in(5s)));
  ASSERT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes[0], 0U);
  EXPECT_GE(sizes[1], 5'160'000U);
  EXPECT_LE(sizes[1], 8'000'000U);
}

TEST_F(RedisRowLogTest, DoesNotKnowHowMuchWhereItMayNotAsk) {
  RedisServer server;
  server.command({"ACL", "SETUSER", "default", "-memory"});
  RowLogDriver log(link_to(server.port()), options_);
  EXPECT_EQ(log.run(log.rows().sizes({ContextKey("k")}, log.in(5s))).at(0), unknown_size);
}

}  // namespace
}  // namespace dialogstore::test
