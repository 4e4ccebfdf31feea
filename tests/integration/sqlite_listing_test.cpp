// Listing an embedded store, also while it is used.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "integration/sqlite_fixture.hpp"

namespace dialogstore::test {
namespace {

class SQLiteListing : public SQLiteStore {};

std::vector<std::string> scan_all(DBContextStorage& storage, ScanOptions options) {
  std::vector<std::string> keys;
  std::string cursor;
  do {
    const ScanPage page = storage.scan(cursor, options);
    for (const auto& key : page.keys) keys.push_back(key.text());
    cursor = page.cursor;
  } while (!cursor.empty());
  return keys;
}

TEST_F(SQLiteListing, ListsEveryKeyOnceWhateverThePageSize) {
  const auto storage = open("?durable=no");
  std::set<std::string> stored;
  for (int i = 0; i < 37; ++i) {
    const std::string key(1, static_cast<char>(i * 6));
    stored.insert(key);
    storage->set_item(key, make_context("x"));
  }
  for (const std::size_t size : {1U, 5U, 37U, 1000U}) {
    for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
      const auto keys = scan_all(*storage, {.page_size = size, .order = order});
      EXPECT_EQ(keys.size(), 37U) << size;
      EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), stored) << size;
    }
  }
}

TEST_F(SQLiteListing, ListsTheMostRecentlySavedFirst) {
  const auto storage = open();
  Context a = make_context("a"), b = make_context("b"), c = make_context("c");
  storage->set_item("a", a);
  storage->set_item("b", b);
  storage->set_item("c", c);
  a.add_request("again");
  storage->set_item("a", a);
  EXPECT_EQ(scan_all(*storage, {.page_size = 2, .order = ScanOrder::newest_first}),
            (std::vector<std::string>{"a", "c", "b"}));
}

TEST_F(SQLiteListing, ListsWhatIsUsedWhileTheListingRuns) {
  const auto storage = open("?durable=no");
  std::vector<Context> contexts;
  for (int i = 0; i < 20; ++i) {
    contexts.push_back(make_context("x"));
    storage->set_item(i, contexts.back());
  }
  std::set<std::string> listed;
  std::string cursor;
  int oldest = 0;
  do {
    const ScanPage page = storage->scan(cursor, {.page_size = 3, .order = ScanOrder::newest_first});
    for (const auto& key : page.keys) listed.insert(key.text());
    cursor = page.cursor;
    if (oldest < 10) {  // moves the oldest ones in front of the cursor
      contexts[static_cast<std::size_t>(oldest)].add_request("y");
      storage->set_item(oldest, contexts[static_cast<std::size_t>(oldest)]);
      ++oldest;
    }
  } while (!cursor.empty());
  EXPECT_EQ(listed.size(), 20U);
}

// The index of the order knows times only roughly.
TEST_F(SQLiteListing, OrdersWhatWasUsedLongAgoAndJustNow) {
  const auto storage = open("?durable=no");
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    expected.insert(expected.begin(), std::to_string(i));
    storage->set_item(i, make_context("x"));
  }
  // Two of each period of the index, and hours between some of them.
  sql("UPDATE contexts SET last_used = last_used - (13 - id) / 2 * 268435456 * 40 + id % 2 * 7;"
      "UPDATE contexts SET use_period = last_used >> 28");
  std::sort(expected.begin(), expected.end(), [this](const auto& a, const auto& b) {
    const auto used = [this](const std::string& key) {
      return number("SELECT last_used FROM contexts WHERE key = CAST('" + key + "' AS BLOB)");
    };
    return used(a) > used(b);
  });
  for (const std::size_t size : {1U, 3U, 12U, 100U}) {
    EXPECT_EQ(scan_all(*storage, {.page_size = size, .order = ScanOrder::newest_first}), expected);
  }
}

TEST_F(SQLiteListing, LeavesItsIndicesAloneWhileADialogGoesOn) {
  const auto storage = open("?ttl=1h");
  Context context = make_context("x");
  storage->set_item("user", context);
  sql("CREATE TABLE moves(id); CREATE TRIGGER move AFTER UPDATE OF use_period, expiry_period"
      " ON contexts BEGIN INSERT INTO moves VALUES(NEW.id); END");
  for (int i = 0; i < 10; ++i) {
    context.add_request("y");
    storage->set_item("user", context);
  }
  // A period may have ended meanwhile, of each of both.
  EXPECT_LE(number("SELECT count(*) FROM moves"), 2);
  EXPECT_EQ(number("SELECT use_period = last_used >> 28 AND expiry_period = expires >> 28"
                   " FROM contexts"),
            1);
}

TEST_F(SQLiteListing, RefusesACursorThatIsNotItsOwn) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  for (const char* cursor : {"x", "kzz", "k1", "n", "n1.2", "n1.2.3", "m1.2.3.x", "12"}) {
    EXPECT_EQ(error_code_of([&] { (void)storage->scan(cursor); }) == errc::invalid_argument ||
                  error_code_of([&] {
                    (void)storage->scan(cursor, {.order = ScanOrder::newest_first});
                  }) == errc::invalid_argument,
              true)
        << cursor;
  }
}

}  // namespace
}  // namespace dialogstore::test
