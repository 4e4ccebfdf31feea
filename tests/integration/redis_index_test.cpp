// The listing of a namespace in a real server: entries come before contexts and go after them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "redis/script.hpp"
#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

constexpr auto patience_of_a_call = 15s;

class RedisIndex : public ::testing::Test {
 protected:
  RedisIndex() { options_.name_space = unique_name(); }
  redis::LinkSettings link() const {
    redis::LinkSettings link;
    link.endpoint.host = RedisServer::host();
    link.endpoint.port = static_cast<std::uint16_t>(server_.port());
    return link;
  }
  RowLogDriver& log() {
    if (!log_) log_ = std::make_unique<RowLogDriver>(link(), options_);
    return *log_;
  }
  std::string index() const { return options_.name_space + ":index:0"; }
  std::string name(const std::string& key) const { return options_.name_space + ":{" + key + "}"; }
  Version create(const std::string& key) {
    const auto own = random_token();
    EXPECT_EQ(log().save(key, make_create(own)).answer, SaveAnswer::saved);
    return {1, own};
  }
  bool is_listed(const std::string& key) {
    return !server_.command({"ZSCORE", index(), key}).is_nil();
  }
  void set_score(const std::string& key, std::chrono::microseconds age) {
    const auto time = server_.command({"TIME"}).texts();
    const auto now = std::stoll(time.at(0)) * 1'000'000 + std::stoll(time.at(1));
    server_.command({"ZADD", index(), std::to_string(now - age.count()), key});
  }
  std::uint64_t count() { return log().run(log().rows().count(log().in(patience_of_a_call))); }
  CheckReport check(bool repair) {
    return log().run(log().rows().check_listing(repair, log().in(patience_of_a_call)));
  }
  ScanPage page(std::string cursor, ScanOptions options) {
    return log().run(log().rows().scan(std::move(cursor), options, log().in(patience_of_a_call)));
  }
  std::vector<std::string> scan(ScanOptions options) {
    std::vector<std::string> keys;
    std::string cursor;
    do {
      auto some = page(cursor, options);
      for (auto& key : some.keys) keys.push_back(key.text());
      cursor = some.cursor;
    } while (!cursor.empty());
    return keys;
  }

  RedisServer& server_ = shared_redis();
  StorageOptions options_;
  std::unique_ptr<RowLogDriver> log_;
};

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

TEST_F(RedisIndex, ScansEverythingInAnyOrder) {
  std::set<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    create("key " + std::to_string(i));
    expected.insert("key " + std::to_string(i));
  }
  const auto keys = scan({.page_size = 50});
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), expected);
}

TEST_F(RedisIndex, ScansTheMostRecentlyUsedFirst) {
  std::vector<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    const auto key = std::to_string(i);
    create(key);
    // Pairs with the same score: the server orders those by their bytes.
    set_score(key, std::chrono::seconds(1000 + (i / 2) * 10));
    server_.command({"ZADD", index(), std::to_string(1'600'000'000'000'000 - i / 2), key});
  }
  for (const std::size_t size : {1U, 2U, 3U, 7U, 25U, 100U}) {
    const auto keys = scan({.page_size = size, .order = ScanOrder::newest_first});
    ASSERT_EQ(keys.size(), 25U) << size;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(std::stoul(keys[i]) / 2, i / 2) << "page size " << size;
    }
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 25U) << size;
  }
}

TEST_F(RedisIndex, AKeyUsedDuringAListingIsNotMissed) {
  for (int i = 0; i < 20; ++i) {
    create(std::to_string(i));
    set_score(std::to_string(i), std::chrono::seconds(1000 + i));
  }
  const ScanOptions options{.page_size = 5, .order = ScanOrder::newest_first};
  auto some = page({}, options);
  std::set<std::string> keys;
  for (auto& key : some.keys) keys.insert(key.text());
  EXPECT_EQ(keys, (std::set<std::string>{"0", "1", "2", "3", "4"}));
  // These move from below the cursor to above it, and one of them while the second round runs.
  set_score("12", 0s);
  set_score("17", 0s);
  while (!some.cursor.empty()) {
    some = page(some.cursor, options);
    for (auto& key : some.keys) keys.insert(key.text());
  }
  EXPECT_EQ(keys.size(), 20U);
}

TEST_F(RedisIndex, AnEmptyNamespaceListsNothing) {
  EXPECT_EQ(count(), 0U);
  EXPECT_TRUE(scan({}).empty());
  EXPECT_TRUE(scan({.order = ScanOrder::newest_first}).empty());
  EXPECT_TRUE(check(true).sound());
}

TEST_F(RedisIndex, GhostsAreNotListedAndOldOnesAreRemoved) {
  create("live");
  set_score("young ghost", 1s);
  set_score("old ghost", 1h);
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
  }
  EXPECT_TRUE(is_listed("young ghost"));  // its context may be about to be created
  EXPECT_FALSE(is_listed("old ghost"));
}

TEST_F(RedisIndex, CursorsOfAnotherOrderAreRefused) {
  for (const char* cursor : {"nonsense", "a:7:0", "n:1"}) {
    for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
      ScanOptions options;
      options.order = order;
      EXPECT_EQ(log().failure_of(log().rows().scan(cursor, options, log().in(5s))).code,
                errc::invalid_argument)
          << cursor;
    }
  }
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

  EXPECT_EQ(log().run(log().rows().clear(log().in(patience_of_a_call))), 450U);
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
  const auto failure = log().failure_of(log().rows().clear(log().in(patience_of_a_call)));
  EXPECT_EQ(failure.code, errc::wrong_type);
  EXPECT_NE(failure.detail.find("1 other contexts were removed"), std::string::npos)
      << failure.detail;
  EXPECT_EQ(server_.command({"GET", name("b")}).text, "x");
  EXPECT_EQ(log().read("a").size(), 1U);  // the tombstone
}

TEST_F(RedisIndex, ANewerFormatOfTheNamespaceIsRefused) {
  server_.command({"HSET", options_.name_space + ":meta", "format", "2"});
  const auto request = RowLogDriver::shared(make_create(random_token()));
  EXPECT_EQ(log().failure_of(log().rows().save("k", request, false, log().in(5s))).code,
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
  EXPECT_EQ(log().run(log().rows().clear(log().in(patience_of_a_call))), 60U);
}

}  // namespace
}  // namespace dialogstore::test
