// The row log of the embedded store.
#include "integration/sqlite_rows_fixture.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

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
    wait(log().save("user", row_request({}, 1, format::SaveOp::replace), std::nullopt,
                    Clock::now() - 1ms));
    ADD_FAILURE() << "it was made";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, errc::timed_out);
    EXPECT_FALSE(failure.maybe_applied);
  }
  EXPECT_EQ(wait(log().count(soon())), 0U);
}

TEST_F(SQLiteRows, SaysWhetherAnEarlierCopyWentUnanswered) {
  const auto made = row_request({}, 1, format::SaveOp::replace);
  EXPECT_FALSE(wait(log().save("user", made, std::nullopt, soon())).unanswered_copy);
  EXPECT_TRUE(wait(log().save("user", made, Clock::now(), soon())).unanswered_copy);
}

}  // namespace
}  // namespace dialogstore::test
