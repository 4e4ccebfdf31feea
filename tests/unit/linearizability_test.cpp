// The checker of histories that the fault tests rely on: it accepts what can be explained, and
// rejects each kind of violation when one is planted.
#include "support/linearizability.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

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
  const AllowedLoss newest{What::newest_turns, at(10), at(20)};
  EXPECT_TRUE(is_fine({append(1, 0, 1, {}, {1}), load(4, 5, std::nullopt)}, {gone}));
  EXPECT_TRUE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(30, 31, Turns{1})}, {newest}));
  EXPECT_TRUE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 9, 11, {1}, {1, 2}), append(3, 12, 13, {1}, {1, 3})},
      {newest}));
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
  const AllowedLoss newest{What::newest_turns, at(10), at(20)};
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), load(4, 5, std::nullopt)}, {gone})) << "before";
  EXPECT_FALSE(is_fine({append(1, 21, 22, {}, {1}), load(23, 24, std::nullopt)}, {gone}))
      << "after";
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}), load(30, 31, Turns{2})}, {newest}))
      << "not the newest";
  EXPECT_FALSE(is_fine(
      {append(1, 0, 1, {}, {1}), load(11, 12, std::nullopt), load(30, 31, Turns{1})}, {gone}))
      << "lost, and back";
  EXPECT_FALSE(is_fine({append(1, 0, 1, {}, {1}), append(2, 2, 3, {1}, {1, 2}),
                        load(11, 12, Turns{1}), append(3, 30, 31, {1, 2}, {1, 2, 3})},
                       {newest}))
      << "built on what is lost, and silently right";
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
}

// ---- random ones
// ----------------------------------------------------------------------------------

// Callers of a context that does what it should: each call takes effect at a moment of its own
// between begin and end, an unknown one at any later moment or never.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {}

  ContextHistory run(int calls, bool has_erases) {
    constexpr int callers = 5;
    std::multimap<int, RecordedCall> planned;  // by when they take effect
    std::vector<int> free_at(callers, 0);
    for (int i = 0; i < calls; ++i) {
      const int caller = number(callers);
      auto& time = free_at[static_cast<std::size_t>(caller)];
      const int begin = time + number(4);
      const int end = begin + 1 + number(12);
      time = end + 1;
      RecordedCall call{.kind = Kind::append,
                        .caller = caller,
                        .begin = at(begin),
                        .end = at(end),
                        .turn = i + 1,
                        .base = {},
                        .seen = {}};
      const int dice = number(20);
      if (dice < 6) call.kind = Kind::load;
      if (dice == 6 && has_erases) call.kind = Kind::erase;
      if (number(8) == 0) call.ending = Ending::unknown;
      if (number(12) == 0) call.ending = Ending::refused;
      int effect = begin + number(end - begin + 1);
      if (call.ending == Ending::unknown) effect = number(2) == 0 ? begin + number(60) : never;
      if (call.ending == Ending::refused) effect = never;
      planned.emplace(effect, call);
    }
    ContextHistory history;
    for (auto& [effect, call] : planned) {
      if (effect != never) happen(call);
      history.calls.push_back(call);
    }
    std::shuffle(history.calls.begin(), history.calls.end(), random_);
    return history;
  }

 private:
  static constexpr int never = 1 << 30;

  int number(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void happen(RecordedCall& call) {
    switch (call.kind) {
      case Kind::append:
        if (!state_) state_.emplace();
        state_->push_back(call.turn);
        call.seen = state_;
        break;
      case Kind::load:
        call.seen = state_;
        break;
      case Kind::erase:
        call.has_erased = state_.has_value();
        state_.reset();
        break;
    }
    if (call.ending != Ending::done) call.seen.reset();
  }

  std::mt19937_64 random_;
  Seen state_;
};

TEST(Linearizability, AcceptsRandomHistoriesThatHappened) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const auto history = Simulation(seed).run(60, seed % 2 == 0);
    const auto verdict = check_linearizable(history);
    ASSERT_TRUE(verdict.is_linearizable) << "seed " << seed << ": " << verdict.explanation;
  }
  const auto long_one = check_linearizable(Simulation(7).run(1500, false));
  EXPECT_TRUE(long_one.is_linearizable) << long_one.explanation;
}

// One answer of a random history is changed to one that cannot be.
TEST(Linearizability, RejectsRandomHistoriesWithOneWrongAnswer) {
  int changed = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto history = Simulation(seed).run(60, false);
    std::mt19937_64 random(seed);
    std::vector<RecordedCall*> victims;
    for (auto& call : history.calls) {
      if (call.ending == Ending::done && call.seen && call.seen->size() > 2)
        victims.push_back(&call);
    }
    if (victims.empty()) continue;
    auto& seen = *victims[random() % victims.size()]->seen;
    switch (seed % 4) {
      case 0:
        seen.erase(seen.begin());
        break;
      case 1:
        seen.push_back(seen.front());
        break;
      case 2:
        std::swap(seen[0], seen[1]);
        break;
      default:
        seen[seen.size() / 2] = 100'000;
    }
    ++changed;
    EXPECT_FALSE(is_fine(history.calls)) << "seed " << seed;
  }
  EXPECT_GT(changed, 250);
}

}  // namespace
}  // namespace dialogstore::test
