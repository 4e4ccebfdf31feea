// Listing a namespace in a real server, page by page, while its contexts come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "integration/redis_index_fixture.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class RedisScan : public RedisIndex {};

TEST_F(RedisScan, ScansEverythingInAnyOrder) {
  std::set<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    create("key " + std::to_string(i));
    expected.insert("key " + std::to_string(i));
  }
  const auto keys = scan({.page_size = 50});
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), expected);
}

TEST_F(RedisScan, ScansTheMostRecentlyUsedFirst) {
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

TEST_F(RedisScan, AKeyUsedDuringAListingIsNotMissed) {
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

TEST_F(RedisScan, GhostsAreNotListedAndOldOnesAreRemoved) {
  create("live");
  set_score("young ghost", 1s);
  set_score("old ghost", 1h);
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
  }
  EXPECT_TRUE(is_listed("young ghost"));  // its context may be about to be created
  EXPECT_FALSE(is_listed("old ghost"));
}

TEST_F(RedisScan, CursorsOfAnotherOrderAreRefused) {
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

TEST_F(RedisScan, EndsWhileContextsAreCreatedAtEveryPage) {
  std::set<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    create(std::to_string(i));
    set_score(std::to_string(i), std::chrono::seconds(1000 + i));
    expected.insert(std::to_string(i));
  }
  const ScanOptions options{.page_size = 5, .order = ScanOrder::newest_first};
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  do {
    auto some = page(cursor, options);
    for (auto& key : some.keys) seen.insert(key.text());
    cursor = some.cursor;
    // As many come as a page lists, and two that were there move: one of them ahead of the cursor.
    for (int i = 0; i < 5; ++i) create("new " + std::to_string(pages) + "." + std::to_string(i));
    set_score(std::to_string(299 - pages % 300), 0s);
    set_score(std::to_string(pages * 7 % 300), 0s);
    ASSERT_LT(++pages, 500) << "the listing does not end";
  } while (!cursor.empty());
  EXPECT_TRUE(std::includes(seen.begin(), seen.end(), expected.begin(), expected.end()));
}

TEST_F(RedisScan, DeletedContextsWhoseEntryIsLeftAreNotListed) {
  create("live");
  const auto version = create("deleted");
  log().save("deleted", format::plan_erase(version, random_token()));
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    set_score("deleted", 1s);
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
    EXPECT_TRUE(is_listed("deleted"));  // it may be about to be created again
    set_score("deleted", 1h);
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
    EXPECT_FALSE(is_listed("deleted"));
  }
}

TEST_F(RedisScan, DataOfAnotherTypeIsNotListed) {
  create("live");
  create("replaced");
  server_.command({"DEL", name("replaced")});
  server_.command({"HSET", name("replaced"), "field", "value"});
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    set_score("replaced", 1s);
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
    EXPECT_TRUE(is_listed("replaced"));
    set_score("replaced", 1h);
    EXPECT_EQ(scan({.order = order}), std::vector<std::string>{"live"});
    EXPECT_FALSE(is_listed("replaced"));
  }
  const auto report = check(false);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged[0].first, "replaced");
}

// Their last row may be ours and damaged: they are listed, so that a check reads and reports them.
TEST_F(RedisScan, DamagedContextsAreListed) {
  create("damaged");
  server_.command({"LSET", name("damaged"), "-1", "x"});
  EXPECT_EQ(scan({}), std::vector<std::string>{"damaged"});
}

}  // namespace
}  // namespace dialogstore::test
