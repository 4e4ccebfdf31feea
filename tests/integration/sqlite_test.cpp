// The embedded store on a real file: what is kept, listed, purged and found by check.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "dialogstore/uri.hpp"
#include "integration/sqlite_fixture.hpp"
#include "sqlite/sqlite_row_log.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class SQLite : public ::testing::Test {
 protected:
  std::string file() const { return folder_ / "dialogs.db"; }
  std::unique_ptr<DBContextStorage> open(const std::string& query = "") const {
    return std::make_unique<SQLiteContextStorage>("sqlite:///" + file() + query);
  }
  std::string sql(const std::string& statements) const { return test::sql(file(), statements); }
  std::int64_t number(const std::string& statement) const { return std::stoll(sql(statement)); }

  TempDir folder_;
};

std::int64_t now_in_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// ---- what is kept ------------------------------------------------------------------------------

TEST_F(SQLite, KeepsContextsWhenTheFileIsOpenedAgain) {
  Context context = make_context("hello", 30);
  open()->set_item("user", context);
  EXPECT_EQ(open()->get_item("user"), context);
}

TEST_F(SQLite, TakesAnyByteInAKey) {
  const auto storage = open();
  const std::string key("a\0b'\"\xff%\n", 8);
  storage->set_item(key, make_context("x"));
  EXPECT_TRUE(storage->contains(key));
  EXPECT_FALSE(storage->contains("a"));
  EXPECT_EQ(storage->scan().keys.at(0).text(), key);
}

TEST_F(SQLite, KeepsNamespacesApart) {
  const auto one = open("?namespace=one");
  const auto two = open("?namespace=two");
  one->set_item("user", make_context("one"));
  EXPECT_FALSE(two->contains("user"));
  two->set_item("user", make_context("two"));
  EXPECT_EQ(one->clear(), 1U);
  EXPECT_EQ(one->len(), 0U);
  EXPECT_EQ(two->len(), 1U);
  EXPECT_EQ(two->get_item("user").request(0)->text, "two0");
}

TEST_F(SQLite, WritesOneRowForOneMoreTurn) {
  const auto storage = open("?seal_after=1000");
  Context context = make_context("x", 5);
  storage->set_item("user", context);
  const std::int64_t before = number("SELECT count(*) FROM log_rows");
  context.add_response("y");
  storage->set_item("user", context);
  EXPECT_EQ(number("SELECT count(*) FROM log_rows"), before + 1);
}

TEST_F(SQLite, SealsAndTrimsWithoutLosingATurn) {
  const auto storage = open("?seal_after=2");
  Context context = make_context("x");
  for (int i = 1; i < 60; ++i) {
    context.add_request("x" + std::to_string(i));
    if (i == 40) context.clear(10);
    storage->set_item("user", context);
    ASSERT_EQ(open()->get_item("user"), context) << i;
  }
  EXPECT_TRUE(storage->check(false).sound());
}

TEST_F(SQLite, ReportsAConflictAndWritesNothing) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  Context mine = storage->get_item("user");
  Context theirs = open()->get_item("user");
  theirs.add_request("theirs");
  storage->set_item("user", theirs);
  mine.add_request("mine");
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", mine); }), errc::conflict);
  EXPECT_EQ(storage->get_item("user"), theirs);
}

TEST_F(SQLite, TakesOnePathForOneStoreHoweverItIsWritten) {
  std::filesystem::create_symlink("dialogs.db", folder_ / "link.db");
  open()->set_item("user", make_context("x"));
  SQLiteContextStorage link("sqlite:///" + (folder_ / "link.db").string());
  Context context = link.get_item("user");
  context.add_request("y");
  open()->set_item("user", context);  // on top of what it was loaded from, not in its place
  EXPECT_EQ(open()->get_item("user").turn_count(), 2U);
}

TEST_F(SQLite, MakesTheFileForItsOwnerAlone) {
  open()->set_item("user", make_context("x"));
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SQLite, ShowsAPathThatParsesBack) {
  const std::string name = folder_ / "odd #1?.db";
  const SQLiteContextStorage storage(name, SQLiteOptions{});
  EXPECT_EQ(parse_uri(storage.full_path()).file, name);
  EXPECT_TRUE(std::filesystem::exists(name));
}

TEST_F(SQLite, LetsManyStoragesAppendToOneContext) {
  open()->set_item("user", make_context("x"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto storage = open("?durable=no");
      for (int turn = 0; turn < 25; ++turn) storage->append("user", Turn{.request = "y"});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(open()->get_item("user").turn_count(), 101U);
}

// ---- the row log itself ------------------------------------------------------------------------

class SQLiteRows : public SQLite {
 protected:
  template <class Result>
  Result wait(asio::awaitable<Result> work) {
    auto future = asio::co_spawn(io_, std::move(work), asio::use_future);
    io_.restart();
    io_.run();
    return future.get();
  }
  static std::shared_ptr<format::SaveRequest> request(const Version& base, std::uint8_t token,
                                                      format::SaveOp op) {
    auto made = std::make_shared<format::SaveRequest>();
    if (base.seq > 0) made->base = format::encode_version(base);
    made->own = {token};
    made->op = op;
    const auto kind = op == format::SaveOp::erase     ? format::RowKind::tombstone
                      : op == format::SaveOp::replace ? format::RowKind::keyframe
                                                      : format::RowKind::delta;
    const format::RowHeader header{.kind = kind, .version = {base.seq + 1, {token}}};
    made->rows = {format::encode_row(header, kind == format::RowKind::tombstone ? "" : "{}")};
    return made;
  }
  SaveAnswer save(const Version& base, std::uint8_t token, format::SaveOp op) {
    return wait(log().save("user", request(base, token, op), std::nullopt, soon())).answer;
  }
  sqlite::SQLiteRowLog& log() {
    if (!log_) log_ = std::make_unique<sqlite::SQLiteRowLog>(file(), SQLiteOptions{}, options_);
    return *log_;
  }
  static Deadline soon() { return Clock::now() + 10s; }

  StorageOptions options_;
  asio::io_context io_;
  std::unique_ptr<sqlite::SQLiteRowLog> log_;
};

TEST_F(SQLiteRows, TakesEffectOnceHoweverOftenItIsSent) {
  EXPECT_EQ(save({}, 1, format::SaveOp::replace), SaveAnswer::saved);
  EXPECT_EQ(save({1, {1}}, 2, format::SaveOp::append), SaveAnswer::saved);
  EXPECT_EQ(save({1, {1}}, 2, format::SaveOp::append), SaveAnswer::already);
  EXPECT_EQ(wait(log().read("user", 0, false, soon())).rows.size(), 2U);
}

TEST_F(SQLiteRows, TellsDeletedGoneAndConflictApart) {
  EXPECT_EQ(save({7, {7}}, 1, format::SaveOp::append), SaveAnswer::gone);
  EXPECT_EQ(save({}, 1, format::SaveOp::replace), SaveAnswer::saved);
  EXPECT_EQ(save({}, 2, format::SaveOp::replace), SaveAnswer::conflict);
  EXPECT_EQ(save({9, {9}}, 2, format::SaveOp::append), SaveAnswer::history_changed);
  EXPECT_EQ(save({1, {1}}, 3, format::SaveOp::erase), SaveAnswer::saved);
  EXPECT_EQ(save({1, {1}}, 4, format::SaveOp::append), SaveAnswer::deleted);
}

TEST_F(SQLiteRows, ReadsTheTailAndTheWhole) {
  save({}, 1, format::SaveOp::replace);
  for (std::uint8_t i = 1; i < 6; ++i) save({i, {i}}, std::uint8_t(i + 1), format::SaveOp::append);
  const Rows all = wait(log().read("user", 0, false, soon()));
  const Rows tail = wait(log().read("user", 2, false, soon()));
  ASSERT_EQ(all.rows.size(), 6U);
  ASSERT_EQ(tail.rows.size(), 2U);
  EXPECT_EQ(tail.rows[0], all.rows[4]);
  EXPECT_EQ(tail.rows[1], all.rows[5]);
  EXPECT_EQ(wait(log().read("user", 100, false, soon())).rows.size(), 6U);
  EXPECT_TRUE(wait(log().read("other", 0, false, soon())).rows.empty());
}

TEST_F(SQLiteRows, RefusesACallWhoseDeadlineHasPassed) {
  try {
    wait(log().save("user", request({}, 1, format::SaveOp::replace), std::nullopt,
                    Clock::now() - 1ms));
    ADD_FAILURE() << "it was made";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, errc::timed_out);
    EXPECT_FALSE(failure.maybe_applied);
  }
  EXPECT_EQ(wait(log().count(soon())), 0U);
}

TEST_F(SQLiteRows, SaysWhetherAnEarlierCopyWentUnanswered) {
  const auto made = request({}, 1, format::SaveOp::replace);
  EXPECT_FALSE(wait(log().save("user", made, std::nullopt, soon())).unanswered_copy);
  EXPECT_TRUE(wait(log().save("user", made, Clock::now(), soon())).unanswered_copy);
}

// ---- deleting and expiring ----------------------------------------------------------------------

TEST_F(SQLite, NeitherCountsNorListsWhatWasDeleted) {
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

TEST_F(SQLite, PurgesATombstoneAfterItsLife) {
  open()->set_item("user", make_context("x"));
  open()->del_item("user");
  EXPECT_GT(number("SELECT expires FROM contexts"), now_in_microseconds() + 600'000'000);
  sql("UPDATE contexts SET expires = 1");
  open()->set_item("other", make_context("x"));  // the first save after opening sweeps
  EXPECT_EQ(number("SELECT count(*) FROM contexts"), 1);
  EXPECT_EQ(number("SELECT count(DISTINCT id / 268435456) FROM log_rows"), 1);
}

TEST_F(SQLite, TakesWhatExpiredForAbsentBeforeItIsPurged) {
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

TEST_F(SQLite, SetsTheExpiryAgainWithEverySave) {
  const auto storage = open("?ttl=1h");
  Context context = make_context("x");
  storage->set_item("user", context);
  sql("UPDATE contexts SET expires = " + std::to_string(now_in_microseconds() + 30'000'000));
  storage->set_item("user", context);  // nothing changed: the expiry alone
  EXPECT_GT(number("SELECT expires FROM contexts"), now_in_microseconds() + 3'500'000'000);
}

TEST_F(SQLite, NeverExpiresWithoutTtl) {
  open("?ttl=1h")->set_item("user", make_context("x"));
  const auto storage = open();
  Context context = storage->get_item("user");
  context.add_request("y");
  storage->set_item("user", context);
  EXPECT_EQ(sql("SELECT expires FROM contexts"), "");
}

TEST_F(SQLite, SetsTheExpiryAgainOnReadingWhenAsked) {
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

TEST_F(SQLite, DoesNotWriteForEveryReadThatRefreshes) {
  const auto storage = open("?ttl=1h&ttl_on_read=yes");
  storage->set_item("user", make_context("x"));
  const std::int64_t expires = number("SELECT expires FROM contexts");
  for (int i = 0; i < 10; ++i) (void)storage->get_item("user");
  EXPECT_EQ(number("SELECT expires FROM contexts"), expires);
}

TEST_F(SQLite, NeverProlongsATombstoneByReading) {
  const auto storage = open("?ttl=1h&ttl_on_read=yes");
  storage->set_item("user", make_context("x"));
  storage->del_item("user");
  const std::int64_t expires = number("SELECT expires FROM contexts");
  EXPECT_FALSE(storage->find("user"));
  EXPECT_EQ(number("SELECT expires FROM contexts"), expires);
}

TEST_F(SQLite, ClearsMoreThanOneBatch) {
  const auto storage = open("?durable=no");
  for (int i = 0; i < 450; ++i) storage->set_item(i, make_context("x"));
  storage->del_item(7);
  EXPECT_EQ(storage->clear(), 449U);
  EXPECT_EQ(number("SELECT (SELECT count(*) FROM contexts) + (SELECT count(*) FROM log_rows)"), 0);
}

// ---- listing -----------------------------------------------------------------------------------

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

TEST_F(SQLite, ListsEveryKeyOnceWhateverThePageSize) {
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

TEST_F(SQLite, ListsTheMostRecentlySavedFirst) {
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

TEST_F(SQLite, ListsWhatIsUsedWhileTheListingRuns) {
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

TEST_F(SQLite, RefusesACursorThatIsNotItsOwn) {
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

// ---- checking ----------------------------------------------------------------------------------

TEST_F(SQLite, FindsAHealthyStoreSound) {
  const auto storage = open();
  for (int i = 0; i < 10; ++i) storage->set_item(i, make_context("x", 30));
  storage->del_item(3);
  const CheckReport report = storage->check(false);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.contexts, 9U);
}

TEST_F(SQLite, FindsRowsAndContextsThatLostEachOther) {
  const auto storage = open();
  for (int i = 0; i < 5; ++i) storage->set_item(i, make_context("x"));
  sql("DELETE FROM contexts WHERE id = 2; DELETE FROM log_rows WHERE id / 268435456 = 4");
  EXPECT_EQ(storage->check(true).repaired, 2U);
  const CheckReport report = storage->check(false);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.contexts, 3U);
}

TEST_F(SQLite, CallsAContextWithMissingRowsCorruptAndNeverAbsent) {
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

TEST_F(SQLite, ReportsADamagedFile) {
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

TEST_F(SQLite, CountsForPeople) {
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
