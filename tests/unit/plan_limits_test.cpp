// What a save may carry at most, and what is done when it would be more.
#include <gtest/gtest.h>

#include <random>

#include "dialogstore/limits.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

/// A message of random letters, which compress to three quarters at best.
std::string noise_message(std::size_t size) {
  std::mt19937_64 random(size);
  std::string text = "{\"text\":\"";
  while (text.size() < size) {
    for (std::uint64_t bits = random(), i = 0; i < 10; ++i, bits >>= 6U) {
      const char letter = static_cast<char>('0' + (bits & 63U));
      text.push_back(letter == '\\' ? '~' : letter);
    }
  }
  return text + "\"}";
}

TEST(PlanLimits, ThousandsOfTurnsFitOneSave) {
  ContextState state;
  for (std::int64_t i = 0; i < 60'000; ++i) {
    state.turns.set_part(i, TurnPart::request, "{}");
  }
  state.next = {0, 60'000, 0};
  const PlanResult result = plan_replace(state, nullptr, token(1), {});
  ASSERT_EQ(result.status, PlanStatus::ready) << result.why;
  EXPECT_LE(result.plan.request.rows.size(), limits::save_rows);
  EXPECT_GT(result.plan.request.rows.size(), limits::save_rows - 300);
}

TEST(PlanLimits, SealIsCompulsoryWhenTheDistanceIsFull) {
  ContextState state;
  FakeList list = stored(state, 3);
  LogOptions options;
  options.seal_after = 0xFFFF;
  state.position->keyframe_distance = 0xFFFE;
  set_misc(state, "a", "1");
  EXPECT_EQ(plan_save(state, token(1), options).plan.request.op, SaveOp::append);
  state.position->keyframe_distance = 0xFFFF;
  const PlanResult result = plan_save(state, token(1), options);
  EXPECT_EQ(result.plan.request.op, SaveOp::seal);
  EXPECT_EQ(result.plan.request.n, 0x10000);
  RowHeader last = list.last_header();
  last.keyframe_distance = 0xFFFF;
  EXPECT_EQ(plan_append(last, {}, token(1)).error, errc::too_large);
}

TEST(PlanLimits, WhatCannotBeSealedIsAppended) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 9; ++i) {  // 45 MB in all, more than one save may carry
    set_part(state, i, TurnPart::request, noise_message(5U << 20));
    EXPECT_EQ(save(list, state).request.op, SaveOp::append);
  }
}

TEST(PlanLimits, WhatIsTooLargeForARowIsSplitIntoPages) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 5; ++i) {
    set_part(state, i, TurnPart::request, noise_message(5U << 20));
  }
  EXPECT_EQ(save(list, state).request.op, SaveOp::seal);
  EXPECT_EQ(kinds(list), "PPPK");
  expect_reloads(list, state);
}

TEST(PlanLimits, LimitsAreNamed) {
  ContextState state;
  FakeList list = stored(state, 3);
  set_part(state, 3, TurnPart::request, noise_message(limits::row_bytes));
  PlanResult result = plan_save(state, token(1), {});
  EXPECT_EQ(result.status, PlanStatus::failed);
  EXPECT_EQ(result.error, errc::too_large);
  EXPECT_NE(result.why.find("limits::row_bytes"), std::string::npos) << result.why;
  state.changes.clear();
  state.turns.erase_part(3, TurnPart::request);
  for (std::int64_t i = 3; i < 10; ++i) {
    set_part(state, i, TurnPart::request, noise_message(7U << 20));
  }
  result = plan_save(state, token(1), {});
  EXPECT_NE(result.why.find("limits::row_bytes"), std::string::npos) << result.why;
  result = plan_replace(state, nullptr, token(1), {});
  EXPECT_NE(result.why.find("limits::save_bytes"), std::string::npos) << result.why;
}

TEST(PlanLimits, NumbersThatAreUsedUp) {
  ContextState state;
  FakeList list = stored(state, 3);
  set_misc(state, "a", "1");
  state.position->version.seq = 0xFFFFFFFF;
  PlanResult result = plan_save(state, token(1), {});
  EXPECT_EQ(result.error, errc::too_large);
  EXPECT_NE(result.why.find("delete it"), std::string::npos);
  RowHeader last = list.last_header();
  last.next_turn = static_cast<std::uint32_t>(limits::turn_index_max) + 1;
  EXPECT_EQ(plan_append(last, {}, token(1)).error, errc::too_large);
  const SaveRequest erased = plan_erase(state.position->version, token(2));
  RowView row;
  ASSERT_EQ(decode_row(erased.rows.at(0), row), RowFault::none);
  EXPECT_EQ(row.header.version, (Version{0xFFFFFFFF, token(2)}));
}

TEST(PlanLimits, LastTurnIndex) {
  ContextState state;
  FakeList list = stored(state, 3);
  set_part(state, limits::turn_index_max, TurnPart::request, message_text(1));
  save(list, state);
  expect_reloads(list, state);
  set_part(state, limits::turn_index_max + 1, TurnPart::request, message_text(1));
  EXPECT_EQ(plan_save(state, token(1), {}).error, errc::too_large);
}

}  // namespace
}  // namespace dialogstore::format
