// The listing of a namespace in a real server: entries come before contexts and go after them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "integration/redis_index_fixture.hpp"
#include "redis/script.hpp"
#include "support/eventually.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

TEST_F(RedisIndex, CreatesAreListedAndDeletesUnlisted) {
  const auto version = create("a");
  create("b");
  EXPECT_TRUE(is_listed("a"));
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(server_.command({"HGETALL", options_.name_space + ":meta"}).texts().size(), 4U);
  EXPECT_EQ(log().save("a", format::plan_erase(version, random_token())).answer, SaveAnswer::saved);
  EXPECT_FALSE(is_listed("a"));
  EXPECT_EQ(count(), 1U);
  // A delete that deleted nothing removes nothing.
  EXPECT_EQ(log().save("b", format::plan_erase({1, random_token()}, random_token())).answer,
            SaveAnswer::history_changed);
  EXPECT_TRUE(is_listed("b"));
}

TEST_F(RedisIndex, ScoresAreServerTimeInMicroseconds) {
  create("a");
  const auto score = std::stod(server_.command({"ZSCORE", index(), "a"}).text);
  const auto now = std::stod(server_.command({"TIME"}).texts().at(0)) * 1e6;
  EXPECT_NEAR(score, now, 10e6);
}

TEST_F(RedisIndex, ALateCopyOfAListingBringsNoOldScoreBack) {
  create("a");
  const auto first = server_.command({"ZSCORE", index(), "a"}).text;
  log().save("a", make_create(random_token()));
  const auto second = server_.command({"ZSCORE", index(), "a"}).text;
  EXPECT_LT(std::stod(first), std::stod(second));
  const auto list = [&](const std::string& score) {
    return server_.command({"EVAL", redis::list_script().text(), "1", index(), score, "a"})
        .elements.at(0)
        .integer;
  };
  EXPECT_EQ(list(first), 0);
  EXPECT_LT(std::stod(second), std::stod(server_.command({"ZSCORE", index(), "a"}).text));
  // Who read one of these scores before removes nothing now.
  for (const auto& score : {first, second}) {
    server_.command({"EVAL", redis::unlist_script().text(), "1", index(), score, "a"});
  }
  EXPECT_TRUE(is_listed("a"));
}

TEST_F(RedisIndex, EveryReplaceListsAgainAndOrdinarySavesOnceAMinute) {
  auto version = create("a");
  const auto listed = server_.command({"ZSCORE", index(), "a"}).text;
  const auto own = random_token();
  log().save("a", make_append(version, own));
  EXPECT_EQ(server_.command({"ZSCORE", index(), "a"}).text, listed);
  server_.command({"ZREM", index(), "a"});
  EXPECT_EQ(log().save("a", make_create(random_token())).answer, SaveAnswer::conflict);
  EXPECT_TRUE(is_listed("a"));

  // Another process has not listed it yet: its first save renews the entry in the same write.
  set_score("a", 1h);
  RowLogDriver other(link(), options_);
  const auto next = random_token();
  other.save("a", make_touch({2, own}));
  const auto renewed = server_.command({"ZSCORE", index(), "a"}).text;
  // Two clients' notions of the server's time differ by a round trip at most.
  EXPECT_NEAR(std::stod(renewed), std::stod(listed), 30e6);
  other.save("a", make_append({2, own}, next));
  EXPECT_EQ(server_.command({"ZSCORE", index(), "a"}).text, renewed);
}

TEST_F(RedisIndex, AnEntryThatWasLostComesBackWithTheNextUse) {
  const auto version = create("a");
  server_.command({"ZREM", index(), "a"});
  RowLogDriver other(link(), options_);
  EXPECT_EQ(other.save("a", make_touch(version)).answer, SaveAnswer::saved);
  EXPECT_TRUE(is_listed("a"));
}

TEST_F(RedisIndex, AStaleSaveDoesNotListADeletedContext) {
  const auto version = create("a");
  log().save("a", format::plan_erase(version, random_token()));
  RowLogDriver other(link(), options_);
  EXPECT_EQ(other.save("a", make_append(version, random_token())).answer, SaveAnswer::deleted);
  EXPECT_FALSE(is_listed("a"));
}

TEST_F(RedisIndex, AnEntryWhoseScoreChangedStays) {
  create("a");
  const auto score = server_.command({"ZSCORE", index(), "a"}).text;
  const auto unlist = [&](const std::string& read_before) {
    return server_
        .command({"EVAL", redis::unlist_script().text(), "1", index(), read_before, "a", "1", "b"})
        .integer;
  };
  EXPECT_EQ(unlist("1600000000000000"), 0);
  EXPECT_TRUE(is_listed("a"));
  EXPECT_EQ(unlist(score), 1);
  EXPECT_FALSE(is_listed("a"));
}

TEST_F(RedisIndex, AnEmptyNamespaceListsNothing) {
  EXPECT_EQ(count(), 0U);
  EXPECT_TRUE(scan({}).empty());
  EXPECT_TRUE(scan({.order = ScanOrder::newest_first}).empty());
  EXPECT_TRUE(check(true).sound());
}

TEST_F(RedisIndex, ExpiredEntriesAreNotCountedAndAreSweptAway) {
  options_.ttl = 1h;
  create("live");
  set_score("expired", 2h);
  EXPECT_EQ(count(), 1U);
  EXPECT_EQ(scan({.order = ScanOrder::newest_first}), std::vector<std::string>{"live"});
  set_score("expired", 2h);
  // Who creates also clears away, though not each time.
  int creates = 0;
  EXPECT_TRUE(eventually([&] {
    create("another " + std::to_string(creates++));
    return !is_listed("expired");
  }));
  EXPECT_TRUE(is_listed("live"));
}

// Entries are renewed once in a while only, so that a context may outlive the ttl of its entry.
TEST_F(RedisIndex, AContextThatLivesLongerThanItsEntrySaysIsCounted) {
  options_.ttl = 1h;
  create("live");
  for (const char* key : {"older", "oldest"}) {
    create(key);
    set_score(key, 1h + 30s);
  }
  set_score("ghost", 1h + 30s);
  set_score("expired", 2h);
  EXPECT_EQ(count(), 3U);
  EXPECT_EQ(scan({.order = ScanOrder::newest_first}),
            (std::vector<std::string>{"live", "oldest", "older"}));
}

TEST_F(RedisIndex, ManyContextsThatOutliveTheirEntriesAreAllCounted) {
  options_.ttl = 1h;
  constexpr int many = 1200;  // more than are looked up together
  for (int i = 0; i < many; ++i) {
    const auto key = std::to_string(i);
    create(key);
    set_score(key, 1h + std::chrono::seconds(1 + i % 3));  // many have the same score
  }
  EXPECT_EQ(count(), static_cast<std::size_t>(many));
}

TEST_F(RedisIndex, CheckFindsAndMendsBothWays) {
  create("listed");
  const auto deleted = create("deleted");
  create("lost");
  log().save("deleted", format::plan_erase(deleted, random_token()));
  server_.command({"ZREM", index(), "lost"});
  set_score("ghost", 1h);
  set_score("deleted", 1h);
  set_score("young", 1s);
  server_.command({"SET", name("foreign"), "x"});
  server_.command({"RPUSH", options_.name_space + ":{not%escaped}", "x"});

  auto report = check(false);
  EXPECT_EQ(report.unlisted, 1U);
  EXPECT_EQ(report.listed_absent, 2U);
  EXPECT_EQ(report.repaired, 0U);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged[0].first, "foreign");
  report = check(true);
  EXPECT_EQ(report.repaired, 3U);
  EXPECT_TRUE(is_listed("lost"));
  EXPECT_FALSE(is_listed("ghost"));
  EXPECT_FALSE(is_listed("deleted"));
  EXPECT_TRUE(is_listed("young"));
  report = check(false);
  EXPECT_EQ(report.unlisted + report.listed_absent, 0U);
  EXPECT_EQ(server_.command({"GET", name("foreign")}).text, "x");
}

TEST_F(RedisIndex, ClearRemovesThisNamespaceAndNothingElse) {
  StorageOptions other = options_;
  other.name_space += "x";
  RowLogDriver neighbour(link(), other);
  neighbour.save("k", make_create(random_token()));
  server_.command({"SET", options_.name_space, "not ours"});
  for (int i = 0; i < 450; ++i) create(std::to_string(i));
  const auto gone = create("gone");
  log().save("gone", format::plan_erase(gone, random_token()));

  EXPECT_EQ(log().run(log().rows().clear(log().in(patience))), 450U);
  EXPECT_EQ(count(), 0U);
  EXPECT_EQ(server_.command({"ZCARD", index()}).integer, 0);
  EXPECT_EQ(log().save("7", make_touch({1, random_token()})).answer, SaveAnswer::deleted);
  EXPECT_EQ(neighbour.read("k").size(), 1U);
  EXPECT_EQ(server_.command({"GET", options_.name_space}).text, "not ours");
  // The key can be used again: in place of the tombstone.
  const auto tombstone = format::decode_version(log().read("7").at(0).substr(4, 12));
  ASSERT_TRUE(tombstone);
  EXPECT_EQ(log().save("7", make_create(random_token(), *tombstone)).answer, SaveAnswer::saved);
  EXPECT_EQ(count(), 1U);
}

TEST_F(RedisIndex, ClearLeavesForeignDataAndSaysSo) {
  create("a");
  create("b");
  server_.command({"DEL", name("b")});
  server_.command({"SET", name("b"), "x"});
  const auto failure = log().failure_of(log().rows().clear(log().in(patience)));
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_NE(failure.detail.find("1 other contexts were removed"), std::string::npos)
      << failure.detail;
  EXPECT_EQ(server_.command({"GET", name("b")}).text, "x");
  EXPECT_EQ(log().read("a").size(), 1U);  // the tombstone
}

TEST_F(RedisIndex, ANewerFormatOfTheNamespaceIsRefused) {
  server_.command({"HSET", options_.name_space + ":meta", "format", "2"});
  const auto request = RowLogDriver::shared(make_create(random_token()));
  EXPECT_EQ(log().failure_of(log().rows().save("k", request, std::nullopt, log().in(5s))).code,
            errc::unsupported_format);
  EXPECT_EQ(log().failure_of(log().rows().count(log().in(5s))).code, errc::unsupported_format);
  EXPECT_EQ(server_.command({"EXISTS", name("k")}).integer, 0);
}

TEST_F(RedisIndex, SettingsOfTheNamespaceDecideOnTheShards) {
  server_.command({"HSET", options_.name_space + ":meta", "format", "1", "index_shards", "3"});
  std::set<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    create(std::to_string(i));
    expected.insert(std::to_string(i));
  }
  EXPECT_EQ(count(), 60U);
  std::int64_t sum = 0;
  for (int shard = 0; shard < 3; ++shard) {
    const auto size =
        server_.command({"ZCARD", options_.name_space + ":index:" + std::to_string(shard)}).integer;
    EXPECT_GT(size, 0);
    sum += size;
  }
  EXPECT_EQ(sum, 60);
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    const auto keys = scan({.page_size = 7, .order = order});
    EXPECT_EQ(keys.size(), 60U);
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), expected);
  }
  EXPECT_TRUE(check(false).sound());
  EXPECT_EQ(log().run(log().rows().clear(log().in(patience))), 60U);
}

// ---- creates that something foreign stops
// --------------------------------------------------------

class ForeignDataInTheWay : public RedisIndex {
 protected:
  errc create_fails(const std::string& key) {
    const auto request = RowLogDriver::shared(make_create(random_token()));
    const auto failure =
        log().failure_of(log().rows().save(key, request, std::nullopt, log().in(5s)));
    EXPECT_FALSE(failure.maybe_applied);
    return failure.code;
  }
};

TEST_F(ForeignDataInTheWay, IsNeitherCountedNorListed) {
  create("live");
  server_.command({"SET", name("text"), "x"});
  server_.command({"RPUSH", name("list"), "a foreign list that is long enough"});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(create_fails("text"), errc::wrong_type);
    EXPECT_EQ(create_fails("list"), errc::corrupt);
    EXPECT_FALSE(is_listed("text"));
    EXPECT_FALSE(is_listed("list"));
    EXPECT_EQ(count(), 1U);
    for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
      EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
    }
  }
  EXPECT_EQ(server_.command({"GET", name("text")}).text, "x");
  EXPECT_EQ(server_.command({"LLEN", name("list")}).integer, 1);
}

// Another client may have written it and be about to create the context, if what is in the way
// goes.
TEST_F(ForeignDataInTheWay, AnEntryThatWasThereBeforeStays) {
  server_.command({"SET", name("k"), "x"});
  set_score("k", 1s);
  EXPECT_EQ(create_fails("k"), errc::wrong_type);
  EXPECT_TRUE(is_listed("k"));
  EXPECT_TRUE(scan({}).empty());
}

TEST_F(ForeignDataInTheWay, AnEntryThatAnotherWroteMeanwhileStays) {
  server_.command({"SET", name("k"), "x"});
  auto call = log().start(log().rows().save("k", RowLogDriver::shared(make_create(random_token())),
                                            std::nullopt, log().in(patience)));
  ASSERT_TRUE(log().run_until([&] { return is_listed("k"); }));
  ASSERT_FALSE(call->is_done);
  // As another client does: never a score that was there before.
  server_.command({"ZINCRBY", index(), "1", "k"});
  ASSERT_TRUE(log().run_until([&] { return call->is_done; }));
  ASSERT_TRUE(call->failure);
  EXPECT_EQ(call->failure->code, errc::wrong_type);
  EXPECT_TRUE(is_listed("k"));
}

// A copy that went astray may yet write its score, over that of another client.
TEST_F(ForeignDataInTheWay, AnEntryThatWasSentTwiceStays) {
  TcpProxy proxy(server_.port());
  auto through_proxy = link();
  through_proxy.endpoint.port = static_cast<std::uint16_t>(proxy.port());
  RowLogDriver lossy(through_proxy, options_);
  lossy.save("live", make_create(random_token()));
  server_.command({"SET", name("k"), "x"});
  proxy.lose_next(Direction::to_server);
  const auto request = lossy.shared(make_create(random_token()));
  const auto failure =
      lossy.failure_of(lossy.rows().save("k", request, std::nullopt, lossy.in(patience)));
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_TRUE(is_listed("k"));
}

}  // namespace
}  // namespace dialogstore::test
