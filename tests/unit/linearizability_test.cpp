// The checker of histories that the fault tests rely on: it accepts what can be explained, and
// rejects each kind of violation when one is planted.
#include "support/linearizability.hpp"

#include <gtest/gtest.h>

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;
using What = AllowedLoss::What;

Moment at(int time) {
  return Moment(std::chrono::milliseconds(time));
}

RecordedCall append(int turn, int begin, int end, Turns base, Turns seen) {
  return {.kind = Kind::append,
          .begin = at(begin),
          .end = at(end),
          .turn = turn,
          .base = std::move(base),
          .seen = std::move(seen)};
}
RecordedCall unknown_append(int turn, int begin, int end, Turns base) {
  return {.kind = Kind::append,
          .ending = Ending::unknown,
          .begin = at(begin),
          .end = at(end),
          .turn = turn,
          .base = std::move(base),
          .seen = {}};
}
RecordedCall refused_append(int turn, int begin, int end) {
  return {.kind = Kind::append,
          .ending = Ending::refused,
          .begin = at(begin),
          .end = at(end),
          .turn = turn,
          .base = {},
          .seen = {}};
}
RecordedCall load(int begin, int end, Seen seen) {
  return {
      .kind = Kind::load, .begin = at(begin), .end = at(end), .base = {}, .seen = std::move(seen)};
}
RecordedCall erase(int begin, int end, bool has_erased) {
  return {.kind = Kind::erase,
          .begin = at(begin),
          .end = at(end),
          .base = {},
          .seen = {},
          .has_erased = has_erased};
}
RecordedCall unknown_erase(int begin, int end) {
  return {.kind = Kind::erase,
          .ending = Ending::unknown,
          .begin = at(begin),
          .end = at(end),
          .base = {},
          .seen = {}};
}

// A primary was deposed between these moments, of which some callers hear later than others.
const AllowedLoss deposed{What::branch, at(2), at(20)};
const AllowedLoss durably_deposed{What::unconfirmed_branch, at(2), at(20)};

bool is_fine(std::vector<RecordedCall> calls, std::vector<AllowedLoss> losses = {}) {
  const auto verdict = check_linearizable({std::move(calls), std::move(losses)});
  EXPECT_FALSE(verdict.has_given_up);
  EXPECT_EQ(verdict.explanation.empty(), verdict.is_linearizable);
  return verdict.is_linearizable;
}

// ---- what is right ------------------------------------------------------------------------------

TEST(Linearizability, AcceptsWhatOneOrderExplains) {
  EXPECT_TRUE(is_fine({}));
  EXPECT_TRUE(is_fine({load(0, 1, std::nullopt)}));
  EXPECT_TRUE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(4, 5, Turns{1, 2})}));
  // At the same time, in either order; the loads meanwhile see either.
  EXPECT_TRUE(is_fine({append(1, 0, 9, {}, {2, 1}), append(2, 0, 9, {}, {2}), load(3, 4, Turns{2}),
                       load(5, 6, Turns{2, 1})}));
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), erase(2, 3, true), load(4, 5, std::nullopt),
                       erase(6, 7, false), append(2, 8, 9, {}, {2})}));
}

TEST(Linearizability, AnUnknownCallMayTakeEffectLaterOrNever) {
  EXPECT_TRUE(
      is_fine({append(1, 0, 1, {}, {1}), unknown_append(2, 2, 3, {1}), load(4, 5, Turns{1})}));
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), unknown_append(2, 2, 3, {1}), load(4, 5, Turns{1}),
                       load(6, 7, Turns{1, 2})}));
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), unknown_erase(2, 3), load(4, 5, Turns{1}),
                       load(6, 7, std::nullopt)}));
  // Nobody saw it, but someone erased it.
  EXPECT_TRUE(is_fine({unknown_append(1, 0, 1, {}), erase(2, 3, true)}));
  // One that was told nothing but that it is done.
  auto silent = append(2, 2, 3, {1}, {});
  silent.seen.reset();
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), silent, append(3, 2, 6, {1}, {1, 2, 3})}));
}

TEST(Linearizability, AcceptsLossesWhereTheyAreAllowed) {
  const AllowedLoss gone{What::everything, at(2), at(3)};
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), load(4, 5, std::nullopt)}, {gone}));
  EXPECT_TRUE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(30, 31, Turns{1})}, {deposed}))
      << "acknowledged while it was deposed";
}

// A load that found nothing might come before the append, as the context was absent then, too; but
// it began after the loss that has to come between.
TEST(Linearizability, PutsLoadsBehindTheLossesThatExplainThem) {
  const AllowedLoss gone{What::everything, at(2), at(3)};
  EXPECT_TRUE(is_fine({load(0, 1, std::nullopt), append(1, 0, 9, {}, {1}), load(4, 5, std::nullopt),
                       append(2, 6, 10, {}, {2})},
                      {gone}));
}

// ---- what is wrong ------------------------------------------------------------------------------

TEST(Linearizability, RejectsALostAcknowledgedTurn) {
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(4, 5, Turns{1})}));
  // Two that both build on the same and do not know of each other: the lost update.
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 2, 5, {1}, {1, 2}), append(3, 2, 5, {1}, {1, 3})}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(2, 3, std::nullopt)}));
}

TEST(Linearizability, RejectsAStaleLoad) {
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}),
                        load(4, 5, Turns{1}), load(6, 7, Turns{1, 2})}));
  // New, then old.
  EXPECT_FALSE(is_fine({append(1, 0, 9, {}, {1}), load(2, 3, Turns{1}), load(4, 5, std::nullopt)}));
}

TEST(Linearizability, RejectsATurnThatIsThereTwice) {
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(2, 3, Turns{1, 1})}));
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), unknown_append(2, 2, 3, {1}), load(4, 5, Turns{1, 2, 2})}));
}

TEST(Linearizability, RejectsTurnsInAnotherOrder) {
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(4, 5, Turns{2, 1})}));
  // Each knows of the other as the earlier one.
  EXPECT_FALSE(is_fine({append(1, 0, 9, {}, {2, 1}), append(2, 0, 9, {}, {1, 2})}));
  // Before it began.
  EXPECT_FALSE(is_fine({load(0, 1, Turns{1}), append(1, 2, 3, {}, {1})}));
}

TEST(Linearizability, RejectsARefusedTurnThatIsThere) {
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), refused_append(2, 2, 3), load(4, 5, Turns{1, 2})}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(4, 5, Turns{1, 77})})) << "nobody's turn";
}

TEST(Linearizability, RejectsWhatComesBackAfterItWasErased) {
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), erase(2, 3, true), load(4, 5, Turns{1})}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), unknown_append(2, 1, 2, {1}), erase(3, 4, true),
                        load(5, 6, Turns{1, 2})}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), unknown_append(2, 1, 2, {1}), erase(3, 4, true),
                        load(5, 6, Turns{2})}))
      << "it builds on what is erased";
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), erase(2, 3, true), append(2, 4, 5, {1}, {1, 2})}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), erase(2, 3, true), append(2, 4, 5, {}, {2}),
                        append(3, 6, 7, {1}, {2, 3})}))
      << "merged into another context of that name";
}

TEST(Linearizability, RejectsAWrongAnswerOfAnErase) {
  EXPECT_FALSE(is_fine({erase(0, 1, true)}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), erase(2, 3, false)}));
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), erase(2, 5, true), erase(2, 5, true)}));
}

TEST(Linearizability, RejectsALossWhereNoneIsAllowed) {
  const AllowedLoss gone{What::everything, at(10), at(20)};
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(4, 5, std::nullopt)}, {gone})) << "before";
  EXPECT_FALSE(is_fine({append(1, 21, 22, {}, {1}), load(23, 24, std::nullopt)}, {gone}))
      << "after";
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), load(11, 12, std::nullopt), load(30, 31, Turns{1})}, {gone}))
      << "lost, and back";
}

// ---- a deposed primary that callers still use ---------------------------------------------------

TEST(Linearizability, AcceptsWhatADeposedPrimaryShowsBesideTheNewOne) {
  // One caller talks to the old one, another to the new one, by turns.
  EXPECT_TRUE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), append(3, 5, 6, {1}, {1, 3}),
       load(7, 8, Turns{1, 2}), load(9, 10, Turns{1, 3}), append(4, 11, 12, {1, 2}, {1, 2, 4}),
       append(5, 13, 14, {1, 3}, {1, 3, 5}), load(30, 31, Turns{1, 3, 5})},
      {deposed}));
  // What is created at the old one the new one never had, and may be created there as well.
  EXPECT_TRUE(is_fine({append(1, 3, 4, {}, {1}), load(5, 6, std::nullopt), append(2, 7, 8, {}, {2}),
                       load(9, 10, Turns{1}), load(30, 31, Turns{2})},
                      {deposed}));
  // Deleted at the old one.
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), erase(3, 4, true), load(5, 6, Turns{1}),
                       load(7, 8, std::nullopt), load(30, 31, Turns{1})},
                      {deposed}));
  // Twice, one after the other.
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}),
                       load(30, 31, Turns{1}), append(3, 43, 44, {1}, {1, 3}),
                       load(45, 46, Turns{1}), load(47, 48, Turns{1, 3}), load(70, 71, Turns{1})},
                      {deposed, {What::branch, at(42), at(60)}}));
}

// The first copy of a save went to the old primary, which did it and did not answer; the next one
// to the new primary, which answered.
TEST(Linearizability, ADeposedPrimaryMayHaveDoneWhatTheNewOneAnswered) {
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 9, {1}, {1, 2}),
                       load(5, 6, Turns{1, 2}), load(7, 8, Turns{1}), load(30, 31, Turns{1, 2})},
                      {deposed}));
  auto refused = refused_append(2, 3, 6);
  refused.base = {1};
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), append(3, 3, 4, {1}, {1, 3}), refused,
                       load(7, 8, Turns{1, 2}), load(30, 31, Turns{1, 3})},
                      {deposed}));
  // Refused by the new one, and added to what that has.
  auto tried_again = append(2, 3, 9, {1, 3}, {1, 3, 2});
  tried_again.earlier_bases = {{1}};
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), append(3, 3, 4, {1}, {1, 3}), tried_again,
                       load(5, 6, Turns{1, 2}), load(30, 31, Turns{1, 3, 2})},
                      {deposed}));
  tried_again.earlier_bases.clear();
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(3, 3, 4, {1}, {1, 3}), tried_again,
                        load(5, 6, Turns{1, 2}), load(30, 31, Turns{1, 3, 2})},
                       {deposed}))
      << "no try of it built on that";
}

TEST(Linearizability, RejectsALossBesideADeposedPrimary) {
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(30, 31, std::nullopt)}, {deposed}))
      << "acknowledged before it was deposed";
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 21, 22, {1}, {1, 2}), load(30, 31, Turns{1})},
              {deposed}))
      << "acknowledged when all had left it";
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), append(3, 3, 4, {1}, {1, 3}),
               append(4, 3, 4, {1}, {1, 4}), load(30, 31, Turns{1, 4})},
              {deposed}))
      << "there are two, not three";
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}),
                        append(3, 5, 6, {1}, {1, 3}), append(4, 7, 8, {1}, {1, 4})},
                       {deposed}));
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(30, 31, Turns{2})}, {deposed}))
      << "not the newest";
}

TEST(Linearizability, RejectsWhatOfADeposedPrimaryLivesOn) {
  const auto begin = [](RecordedCall last) {
    return std::vector{append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), load(5, 6, Turns{1}),
                       std::move(last)};
  };
  EXPECT_TRUE(is_fine(begin(load(7, 8, Turns{1, 2})), {deposed}));
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), append(3, 5, 6, {1}, {1, 3}),
               load(21, 22, Turns{1, 2}), load(30, 31, Turns{1, 3})},
              {deposed}))
      << "shown when all had left it";
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}),
                        append(3, 5, 6, {1}, {1, 3}), load(30, 31, Turns{1, 3, 2})},
                       {deposed}))
      << "brought to the new one";
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), load(11, 12, Turns{1}),
       append(3, 30, 31, {1, 2}, {1, 2, 3}), load(32, 33, Turns{1}), load(34, 35, Turns{1, 2, 3})},
      {deposed}))
      << "built on what is lost, and silently right";
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}),
                        load(5, 6, Turns{1}), load(7, 8, Turns{1, 2, 2})},
                       {deposed}))
      << "twice";
  auto refused = refused_append(2, 3, 6);
  refused.base = {1};
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(3, 3, 4, {1}, {1, 3}), refused,
                        load(30, 31, Turns{1, 3, 2})},
                       {deposed}))
      << "refused by the new one, and there";
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(3, 3, 4, {1}, {1, 3}), refused,
                        load(7, 8, Turns{1, 2}), load(9, 10, Turns{1, 3, 2})},
                       {deposed}));
}

TEST(Linearizability, NothingConfirmedIsLostWithADeposedPrimary) {
  EXPECT_FALSE(
      is_fine({append(1, 0, 1, {}, {1}), append(2, 3, 4, {1}, {1, 2}), load(30, 31, Turns{1})},
              {durably_deposed}));
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), unknown_append(2, 3, 4, {1}),
                       load(5, 6, Turns{1, 2}), load(7, 8, Turns{1}), load(9, 10, Turns{1, 2}),
                       append(3, 11, 22, {1}, {1, 3}), load(30, 31, Turns{1, 3})},
                      {durably_deposed}))
      << "what was not confirmed is shown, and lost";
}

// What was answered where no deposed primary can have answered contradicts itself without a search.
TEST(Linearizability, NeedsNoSearchForWhatFirmAnswersContradict) {
  auto silent = append(2, 22, 23, {1}, {});
  silent.seen.reset();
  const auto first = append(1, 0, 1, {}, {1});
  const std::vector<std::vector<RecordedCall>> wrong{
      // Neither begins the other.
      {first, append(2, 22, 25, {1}, {1, 2}), append(3, 22, 25, {1}, {1, 3})},
      // Less than was there before.
      {first, append(2, 22, 23, {1}, {1, 2}), load(24, 25, Turns{1})},
      {first, load(24, 25, std::nullopt)},
      // Acknowledged, and missing; also where another one is in its place, or none.
      {first, silent, load(24, 25, Turns{1})},
      {first, silent, append(3, 24, 25, {1}, {1, 3})},
      // There before it was saved, or saved by nobody, or twice.
      {first, load(22, 23, Turns{1, 2}), append(2, 24, 25, {1}, {1, 2})},
      {first, load(22, 23, Turns{1, 2}), unknown_append(2, 24, 25, {1})},
      {first, refused_append(2, 22, 23), load(24, 25, Turns{1, 2})},
      {first, load(22, 23, Turns{1, 77})},
      {first, load(22, 23, Turns{1, 1})}};
  for (const auto& calls : wrong) {
    for (const auto& losses : std::vector<std::vector<AllowedLoss>>{{}, {deposed}}) {
      const auto verdict = check_linearizable({calls, losses});
      EXPECT_FALSE(verdict.is_linearizable) << describe({calls, losses});
      EXPECT_EQ(verdict.steps, 0U) << describe({calls, losses});
      EXPECT_NE(verdict.explanation.find("no order explains"), std::string::npos);
    }
  }
}

TEST(Linearizability, SaysWhenItGivesUp) {
  ContextHistory history;
  Turns all;
  for (int i = 0; i < 100; ++i) {
    const Turns base = all;
    all.push_back(i);
    history.calls.push_back(append(i, 2 * i, 2 * i + 1, base, all));
  }
  const auto verdict = check_linearizable(history, 10);
  EXPECT_FALSE(verdict.is_linearizable);
  EXPECT_TRUE(verdict.has_given_up);
  EXPECT_EQ(smallest_rejected(history, 10).calls.size(), history.calls.size());
}

TEST(Linearizability, ShowsARejectedHistorySmall) {
  ContextHistory history;
  Turns all;
  for (int i = 0; i < 20; ++i) {
    const Turns base = all;
    all.push_back(i);
    history.calls.push_back(append(i, 10 * i, 10 * i + 1, base, all));
    history.calls.push_back(load(10 * i + 2, 10 * i + 3, i == 7 ? base : all));
  }
  ASSERT_FALSE(check_linearizable(history).is_linearizable);
  const auto small = smallest_rejected(history);
  ASSERT_EQ(small.calls.size(), 9U) << "eight turns, and the load that misses the last";
  EXPECT_FALSE(check_linearizable(small).is_linearizable);
  EXPECT_EQ(small.calls.back().seen->size(), 7U);
  EXPECT_NE(describe(small).find("72.0 to 73.0: caller 0 load -> 7 turns"), std::string::npos)
      << describe(small);
}

}  // namespace
}  // namespace dialogstore::test
