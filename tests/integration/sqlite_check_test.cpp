// What check finds in an embedded store, and what is counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "integration/sqlite_fixture.hpp"

namespace dialogstore::test {
namespace {

class SQLiteCheck : public SQLiteStore {};

TEST_F(SQLiteCheck, FindsAHealthyStoreSound) {
  const auto storage = open();
  for (int i = 0; i < 10; ++i) storage->set_item(i, make_context("x", 30));
  storage->del_item(3);
  const CheckReport report = storage->check(false);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.contexts, 9U);
}

TEST_F(SQLiteCheck, FindsRowsAndContextsThatLostEachOther) {
  const auto storage = open();
  for (int i = 0; i < 5; ++i) storage->set_item(i, make_context("x"));
  sql("DELETE FROM contexts WHERE id = 2; DELETE FROM log_rows WHERE id / 268435456 = 4");
  EXPECT_EQ(storage->check(true).repaired, 2U);
  const CheckReport report = storage->check(false);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.contexts, 3U);
}

TEST_F(SQLiteCheck, CallsAContextWithMissingRowsCorruptAndNeverAbsent) {
  const auto storage = open("?seal_after=1000");
  Context context = make_context("x");
  for (int i = 0; i < 5; ++i) {
    context.add_request("y");
    storage->set_item("user", context);
  }
  sql("DELETE FROM log_rows WHERE id % 268435456 = 2");
  EXPECT_EQ(error_code_of([&] { (void)storage->find("user"); }), errc::corrupt);
  sql("DELETE FROM log_rows");
  EXPECT_EQ(error_code_of([&] { (void)storage->find("user"); }), errc::corrupt);
  EXPECT_EQ(error_code_of([&] { storage->create("user", context); }), errc::corrupt);
}

TEST_F(SQLiteCheck, ReportsADamagedFile) {
  {
    const auto storage = open("?durable=no");
    for (int i = 0; i < 300; ++i) storage->set_item(i, make_context("x", 20));
  }
  std::string bytes = read_bytes(file());
  for (std::size_t page = 5; page * 4096 < bytes.size(); page += 3) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\xee');
  }
  write_bytes(file(), bytes);
  std::string text;
  const errc code = error_code_of(
      [&] {
        const CheckReport report = open()->check(false);
        EXPECT_FALSE(report.sound());
      },
      &text);
  EXPECT_TRUE(code == errc{} || code == errc::corrupt) << text;
}

TEST_F(SQLiteCheck, CountsForPeople) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : storage->statistics()) values[name] = value;
  EXPECT_EQ(values["backend"], "sqlite");
  EXPECT_EQ(values["file"], file());
  EXPECT_EQ(values["contexts"], "1");
  EXPECT_EQ(values["rows"], "1");
  EXPECT_GT(std::stoll(values["bytes"]), 24);
  EXPECT_GT(std::stoll(values["file_bytes"]), 4096);
  EXPECT_GT(std::stoll(values["wal_bytes"]), 0);
}

}  // namespace
}  // namespace dialogstore::test
