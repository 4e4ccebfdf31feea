// What is deleted in the embedded store, and what expires.
#include <gtest/gtest.h>
#include <chrono>

#include "integration/sqlite_fixture.hpp"

namespace dialogstore::test {
namespace {

class SQLiteExpiry : public SQLiteStore {};

std::int64_t now_in_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

TEST_F(SQLiteExpiry, NeitherCountsNorListsWhatWasDeleted) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  Context loaded = storage->get_item("user");
  EXPECT_TRUE(storage->del_item("user"));
  EXPECT_FALSE(storage->del_item("user"));
  EXPECT_EQ(storage->len(), 0U);
  EXPECT_TRUE(storage->scan().keys.empty());
  EXPECT_TRUE(storage->scan({}, {.order = ScanOrder::newest_first}).keys.empty());
  loaded.add_request("y");
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", loaded); }), errc::gone);
}

TEST_F(SQLiteExpiry, PurgesATombstoneAfterItsLife) {
  open()->set_item("user", make_context("x"));
  open()->del_item("user");
  EXPECT_GT(number("SELECT expires FROM contexts"), now_in_microseconds() + 600'000'000);
  sql("UPDATE contexts SET expires = 1, expiry_period = 0");
  open()->set_item("other", make_context("x"));  // the first save after opening sweeps
  EXPECT_EQ(number("SELECT count(*) FROM contexts"), 1);
  EXPECT_EQ(number("SELECT count(DISTINCT id / 268435456) FROM log_rows"), 1);
}

TEST_F(SQLiteExpiry, TakesWhatExpiredForAbsentBeforeItIsPurged) {
  const auto storage = open("?ttl=60s");
  storage->set_item("user", make_context("x", 20));
  Context loaded = storage->get_item("user");
  sql("UPDATE contexts SET expires = 1");
  EXPECT_FALSE(storage->contains("user"));
  EXPECT_FALSE(storage->find("user"));
  EXPECT_EQ(storage->len(), 0U);
  EXPECT_TRUE(storage->scan().keys.empty());
  loaded.add_request("y");
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", loaded); }), errc::gone);
  Context anew = make_context("new");
  storage->create("user", anew);
  EXPECT_EQ(storage->get_item("user"), anew);
  EXPECT_TRUE(storage->check(false).sound());
}

TEST_F(SQLiteExpiry, SetsTheExpiryAgainWithEverySave) {
  const auto storage = open("?ttl=1h");
  Context context = make_context("x");
  storage->set_item("user", context);
  sql("UPDATE contexts SET expires = " + std::to_string(now_in_microseconds() + 30'000'000));
  storage->set_item("user", context);  // nothing changed: the expiry alone
  EXPECT_GT(number("SELECT expires FROM contexts"), now_in_microseconds() + 3'500'000'000);
}

TEST_F(SQLiteExpiry, NeverExpiresWithoutTtl) {
  open("?ttl=1h")->set_item("user", make_context("x"));
  const auto storage = open();
  Context context = storage->get_item("user");
  context.add_request("y");
  storage->set_item("user", context);
  EXPECT_EQ(sql("SELECT expires FROM contexts"), "");
}

TEST_F(SQLiteExpiry, SetsTheExpiryAgainOnReadingWhenAsked) {
  open("?ttl=1h")->set_item("user", make_context("x"));
  const auto near = [&] {
    sql("UPDATE contexts SET expires = " + std::to_string(now_in_microseconds() + 30'000'000));
  };
  near();
  (void)open("?ttl=1h")->get_item("user");
  EXPECT_LT(number("SELECT expires FROM contexts"), now_in_microseconds() + 60'000'000);
  (void)open("?ttl=1h&ttl_on_read=yes")->get_item("user");
  EXPECT_GT(number("SELECT expires FROM contexts"), now_in_microseconds() + 3'500'000'000);
}

TEST_F(SQLiteExpiry, DoesNotWriteForEveryReadThatRefreshes) {
  const auto storage = open("?ttl=1h&ttl_on_read=yes");
  storage->set_item("user", make_context("x"));
  const std::int64_t expires = number("SELECT expires FROM contexts");
  for (int i = 0; i < 10; ++i) (void)storage->get_item("user");
  EXPECT_EQ(number("SELECT expires FROM contexts"), expires);
}

TEST_F(SQLiteExpiry, NeverProlongsATombstoneByReading) {
  const auto storage = open("?ttl=1h&ttl_on_read=yes");
  storage->set_item("user", make_context("x"));
  storage->del_item("user");
  const std::int64_t expires = number("SELECT expires FROM contexts");
  EXPECT_FALSE(storage->find("user"));
  EXPECT_EQ(number("SELECT expires FROM contexts"), expires);
}

TEST_F(SQLiteExpiry, ClearsMoreThanOneBatch) {
  const auto storage = open("?durable=no");
  for (int i = 0; i < 450; ++i) storage->set_item(i, make_context("x"));
  storage->del_item(7);
  EXPECT_EQ(storage->clear(), 449U);
  EXPECT_EQ(number("SELECT (SELECT count(*) FROM contexts) + (SELECT count(*) FROM log_rows)"), 0);
}

}  // namespace
}  // namespace dialogstore::test
