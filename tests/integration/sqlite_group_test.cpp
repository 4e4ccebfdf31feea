// Saves that wait together: one commit for all of them, an answer for each.
#include <future>
#include <map>
#include <vector>

#include "integration/sqlite_rows_fixture.hpp"
#include "support/watched_disk.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;
using format::SaveOp;

// Holds the write lock while saves are started, so that they wait together.
class SQLiteGroup : public SQLiteRows {
 protected:
  void hold() {
    log();
    lock_ = std::make_unique<WriteLock>(file());
  }
  void let_go() {
    lock_.reset();
    run();
  }

  std::unique_ptr<WriteLock> lock_;
};

TEST_F(SQLiteGroup, OfManySavesCostsOneSync) {
  const WatchedDisk disk;
  EXPECT_EQ(save({}, 1, SaveOp::replace), SaveAnswer::saved);
  hold();
  std::vector<std::shared_ptr<SaveCall>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(start("user" + std::to_string(i)));
  const auto before = disk.log_syncs();
  let_go();
  EXPECT_LE(disk.log_syncs() - before, 2U);
  for (const auto& call : calls) EXPECT_EQ(call->answer, SaveAnswer::saved);
  EXPECT_EQ(count(), 101U);
  log_.reset();
}

TEST_F(SQLiteGroup, IsBounded) {
  const WatchedDisk disk;
  hold();
  for (int i = 0; i < 1000; ++i) start("user" + std::to_string(i));
  const auto before = disk.log_syncs();
  let_go();
  EXPECT_GE(disk.log_syncs() - before, 4U);
  EXPECT_LE(disk.log_syncs() - before, 50U);
  EXPECT_EQ(count(), 1000U);
  log_.reset();
}

TEST_F(SQLiteGroup, GivesEachItsOwnAnswer) {
  save({}, 1, SaveOp::replace);
  save({1, {1}}, 2, SaveOp::append);
  hold();
  const auto made = start("new");
  const auto appended = start("user", row_request({2, {2}}, 3, SaveOp::append));
  const auto late = start("user", row_request({1, {1}}, 4, SaveOp::append));
  const auto again = start("user", row_request({1, {1}}, 2, SaveOp::append));
  const auto gone = start("absent", row_request({7, {7}}, 8, SaveOp::append));
  const auto erased = start("user", row_request({3, {3}}, 5, SaveOp::erase));
  const auto after = start("user", row_request({3, {3}}, 6, SaveOp::append));
  let_go();
  EXPECT_EQ(made->answer, SaveAnswer::saved);
  EXPECT_EQ(appended->answer, SaveAnswer::saved);
  EXPECT_EQ(late->answer, SaveAnswer::conflict);
  EXPECT_EQ(again->answer, SaveAnswer::already);
  EXPECT_EQ(gone->answer, SaveAnswer::gone);
  EXPECT_EQ(erased->answer, SaveAnswer::saved);
  EXPECT_EQ(after->answer, SaveAnswer::deleted);
  EXPECT_TRUE(contains("new"));
}

TEST_F(SQLiteGroup, KeepsTheOrderOfSavesOfOneContext) {
  save({}, 1, SaveOp::replace);
  for (int round = 0; round < 20; ++round) {
    const Version base{static_cast<std::uint32_t>(round + 1),
                       {static_cast<std::uint8_t>(round + 1)}};
    const auto token = static_cast<std::uint8_t>(round + 2);
    const auto first = start("user", row_request(base, token, SaveOp::append));
    const auto second = start("user", row_request(base, 200, SaveOp::append));
    run();
    ASSERT_EQ(first->answer, SaveAnswer::saved);
    ASSERT_EQ(second->answer, SaveAnswer::conflict);
  }
}

// A save that fails after it has changed rows takes them back, and no other's.
TEST_F(SQLiteGroup, RollsBackAloneWhatFails) {
  save({}, 1, SaveOp::replace);
  const auto damaged = row_request({1, {1}}, 2, SaveOp::append);
  // The second of its rows cannot be stored.
  sql("CREATE TRIGGER refuse BEFORE INSERT ON log_rows WHEN length(NEW.row) > 1000"
      " BEGIN SELECT RAISE(ABORT, 'too long'); END");
  damaged->rows.push_back(damaged->rows.front() + std::string(2000, 'x'));
  hold();
  const auto before = start("before");
  const auto failed = start("user", damaged);
  const auto after = start("after");
  let_go();
  EXPECT_EQ(before->answer, SaveAnswer::saved);
  EXPECT_EQ(after->answer, SaveAnswer::saved);
  ASSERT_TRUE(failed->failure);
  EXPECT_EQ(failed->failure->code, errc::corrupt) << failed->failure->detail;
  EXPECT_FALSE(failed->failure->maybe_applied);
  EXPECT_EQ(number("SELECT count(*) FROM log_rows"), 3) << "also of the row it had written";
  EXPECT_TRUE(contains("before"));
  EXPECT_TRUE(contains("after"));
}

// ---- a commit that fails -----------------------------------------------------------------------

TEST_F(SQLiteGroup, FailsTogetherWhenTheDiskIsFull) {
  save({}, 1, SaveOp::replace);
  const auto large = row_request({1, {1}}, 2, SaveOp::append);
  large->rows.front() += std::string(3'000'000, 'x');
  hold();
  std::vector<std::shared_ptr<SaveCall>> calls = {start("a"), start("user", large), start("b")};
  {
    const FileSizeLimit limit(100'000);
    let_go();
  }
  for (const auto& call : calls) {
    ASSERT_TRUE(call->failure);
    EXPECT_EQ(call->failure->code, errc::storage_full) << call->failure->detail;
    EXPECT_FALSE(call->failure->maybe_applied);
  }
  EXPECT_EQ(count(), 1U);
  EXPECT_EQ(wait(log().read("user", 0, false, soon())).rows.size(), 1U);
  const auto again = start("a");
  run();
  EXPECT_EQ(again->answer, SaveAnswer::saved);
}

TEST_F(SQLiteGroup, DoesNotClaimToKnowWhenTheDiskFailed) {
  WatchedDisk disk;
  save({}, 1, SaveOp::replace);
  hold();
  const std::vector<std::shared_ptr<SaveCall>> calls = {start("a"), start("b")};
  const auto refused = start("user", row_request({1, {1}}, 2, SaveOp::edit));
  disk.fail_log_syncs(true);
  let_go();
  for (const auto& call : calls) {
    ASSERT_TRUE(call->failure);
    EXPECT_EQ(call->failure->code, errc::outcome_unknown) << call->failure->detail;
    EXPECT_TRUE(call->failure->maybe_applied);
  }
  ASSERT_TRUE(refused->failure);
  EXPECT_EQ(refused->failure->code, errc::invalid_argument) << "it failed by itself";
  disk.fail_log_syncs(false);
  const auto settled = start("a");
  run();
  EXPECT_TRUE(settled->answer == SaveAnswer::saved || settled->answer == SaveAnswer::already);
  log_.reset();
}

// ---- one that waits gives up --------------------------------------------------------------------

TEST_F(SQLiteGroup, LeavesOutWhatWasCancelledWhileItWaited) {
  hold();
  const auto kept = start("kept");
  const auto cancelled = start("cancelled");
  const auto also_kept = start("also kept");
  cancelled->flow->cancel();
  io_.restart();
  while (!cancelled->has_ended()) io_.run_one();
  ASSERT_TRUE(cancelled->failure);
  EXPECT_EQ(cancelled->failure->code, errc::canceled);
  EXPECT_FALSE(cancelled->failure->maybe_applied);
  EXPECT_FALSE(kept->has_ended());
  let_go();
  EXPECT_EQ(kept->answer, SaveAnswer::saved);
  EXPECT_EQ(also_kept->answer, SaveAnswer::saved);
  EXPECT_FALSE(contains("cancelled"));
}

TEST_F(SQLiteGroup, LeavesOutWhoseDeadlinePassed) {
  hold();
  const auto kept = start("kept");
  const auto late = start("late", Clock::now() + 20ms);
  io_.restart();
  while (!late->has_ended()) io_.run_one();
  ASSERT_TRUE(late->failure);
  EXPECT_EQ(late->failure->code, errc::timed_out);
  EXPECT_FALSE(late->failure->maybe_applied);
  let_go();
  EXPECT_EQ(kept->answer, SaveAnswer::saved);
  EXPECT_FALSE(contains("late"));
}

TEST_F(SQLiteGroup, WaitsForEachAsLongAsBusyTimeout) {
  sqlite_options_.busy_timeout = 300ms;
  hold();
  const auto begun = Clock::now();
  const auto first = start("first");
  io_.restart();
  io_.run_for(100ms);
  const auto second_begun = Clock::now();
  const auto second = start("second");
  io_.restart();
  while (!first->has_ended()) io_.run_one();
  EXPECT_GE(Clock::now() - begun, 300ms);
  EXPECT_FALSE(second->has_ended());
  while (!second->has_ended()) io_.run_one();
  EXPECT_GE(Clock::now() - second_begun, 300ms);
  for (const auto& call : {first, second}) {
    ASSERT_TRUE(call->failure);
    EXPECT_EQ(call->failure->code, errc::server_busy);
  }
}

TEST_F(SQLiteGroup, IsCancelledNoMoreOnceItHasBegun) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "user" + std::to_string(i);
    const auto call = start(key);
    for (int spin = 0; spin < i; ++spin) io_.poll_one();
    if (call->flow != nullptr) call->flow->cancel();
    run();
    ASSERT_TRUE(call->has_ended());
    if (call->failure) {
      EXPECT_EQ(call->failure->code, errc::canceled);
    }
    EXPECT_EQ(contains(key), call->answer == SaveAnswer::saved);
  }
}

TEST_F(SQLiteGroup, EndsWithTheStorage) {
  hold();
  const std::vector<std::shared_ptr<SaveCall>> calls = {start("a"), start("b")};
  log().close();
  const auto refused = start("c");
  run();
  for (const auto& call : {calls[0], calls[1], refused}) {
    ASSERT_TRUE(call->failure);
    EXPECT_EQ(call->failure->code, errc::closed);
    EXPECT_FALSE(call->failure->maybe_applied);
  }
  log_.reset();  // though another process still holds the lock
  lock_.reset();
  EXPECT_EQ(count(), 0U);
}

// ---- what others see meanwhile
// -------------------------------------------------------------------

TEST_F(SQLiteGroup, LetsReadersGoOn) {
  save({}, 1, SaveOp::replace);
  hold();
  const auto waiting = start("user", row_request({1, {1}}, 2, SaveOp::append));
  // Not wait(): the save keeps the loop busy until it is let go.
  std::optional<std::size_t> rows;
  Flow::start(
      make_flow(io_.get_executor(), log().read("user", 0, false, soon()),
                [&](const std::exception_ptr&, const Rows& read) { rows = read.rows.size(); }));
  io_.restart();
  while (!rows) io_.run_one();
  EXPECT_EQ(*rows, 1U);
  EXPECT_FALSE(waiting->has_ended());
  let_go();
  EXPECT_EQ(wait(log().read("user", 0, false, soon())).rows.size(), 2U);
}

// ---- what is acknowledged is on the disk
// ---------------------------------------------------------

TEST(SQLiteDurability, SyncsTheLogBeforeASaveIsAcknowledged) {
  const TempDir folder;
  const WatchedDisk disk;
  const std::string uri = "sqlite:///" + (folder / "dialogs.db").string();
  {
    SQLiteContextStorage storage(uri);
    for (int i = 0; i < 20; ++i) {
      const auto syncs = disk.log_syncs();
      storage.set_item(i % 3, make_context("x"));
      EXPECT_EQ(disk.log_bytes_not_synced(), 0U);
      EXPECT_GT(disk.log_syncs(), syncs);
    }
    storage.del_item(1);
    EXPECT_EQ(disk.log_bytes_not_synced(), 0U);
  }
  SQLiteContextStorage storage(uri + "?durable=no");
  const auto syncs = disk.log_syncs();
  for (int i = 0; i < 20; ++i) storage.set_item(i, make_context("x"));
  EXPECT_LE(disk.log_syncs() - syncs, 1U) << "a new log may sync its header";
  EXPECT_GT(disk.log_bytes_not_synced(), 0U);
}

}  // namespace
}  // namespace dialogstore::test
