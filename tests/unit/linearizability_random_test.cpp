// The checker of histories on random ones: those that happened it accepts, those with one answer
// that cannot be it rejects.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "support/linearizability.hpp"

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;
using What = AllowedLoss::What;

Moment at(int time) {
  return Moment(std::chrono::milliseconds(time));
}

Turns turns_of(const RecordedCall& call) {
  return call.seen.value_or(Turns{});
}

// Callers of a context that does what it should: each call takes effect at a moment of its own
// between begin and end, an unknown one at any later moment or never.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {}

  /// With a branch: a primary is deposed that each caller uses until it hears of that. A call that
  /// takes effect at the new one may have done so at the old one before.
  ContextHistory run(int calls, bool has_erases, bool has_branch = false) {
    constexpr int callers = 5;
    const int deposed = has_branch ? 30 + number(40) : never;
    std::vector<int> hears_at;
    for (int i = 0; i < callers; ++i) hears_at.push_back(has_branch ? deposed + number(60) : never);
    std::multimap<int, Effect> effects;  // by their time
    std::vector<int> free_at(callers, 0);
    ContextHistory history;
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
      const int heard = hears_at[static_cast<std::size_t>(caller)];
      const bool is_old = effect >= deposed && effect < heard;
      const bool goes_over = !is_old && effect >= deposed && begin < heard;
      if (goes_over && number(2) == 0) {
        effects.emplace(std::max(begin, deposed), Effect{history.calls.size(), true, true});
      }
      if (call.ending == Ending::unknown) effect = number(2) == 0 ? begin + number(60) : never;
      if (call.ending == Ending::refused) effect = never;
      if (effect != never) effects.emplace(effect, Effect{history.calls.size(), is_old, false});
      history.calls.push_back(std::move(call));
    }
    for (const auto& [time, effect] : effects) {
      if (time >= deposed && !copy_) copy_ = state_;
      auto& call = history.calls[effect.call];
      auto& state = effect.is_old && copy_ ? *copy_ : state_;
      if (!effect.is_stray) {
        happen(call, state);
      } else if (auto other = call; !has(*copy_, call.turn)) {
        happen(other, *copy_);
      }
    }
    const auto last = *std::max_element(hears_at.begin(), hears_at.end());
    if (has_branch) history.losses = {{What::branch, at(deposed), at(last)}};
    std::shuffle(history.calls.begin(), history.calls.end(), random_);
    return history;
  }

 private:
  static constexpr int never = 1 << 30;

  struct Effect {
    std::size_t call = 0;
    bool is_old = false;    ///< at the deposed primary
    bool is_stray = false;  ///< nobody is told of it
  };

  int number(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  static bool has(const Seen& state, int turn) {
    return state && std::count(state->begin(), state->end(), turn) > 0;
  }

  static void happen(RecordedCall& call, Seen& state) {
    switch (call.kind) {
      case Kind::append:
        if (has(state, call.turn)) break;  // an earlier copy did it before the primary was deposed
        if (!state) state.emplace();
        state->push_back(call.turn);
        call.seen = state;
        break;
      case Kind::load:
        call.seen = state;
        break;
      case Kind::erase:
        call.has_erased = state.has_value();
        state.reset();
        break;
    }
    if (call.ending != Ending::done) call.seen.reset();
  }

  std::mt19937_64 random_;
  Seen state_;
  std::optional<Seen> copy_;
};

TEST(LinearizabilityOfRandomHistories, AcceptsThoseThatHappened) {
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    const auto history = Simulation(seed).run(60, seed % 2 == 0 && seed <= 300, seed > 300);
    const auto verdict = check_linearizable(history);
    ASSERT_TRUE(verdict.is_linearizable) << "seed " << seed << ": " << verdict.explanation;
  }
  for (const bool has_branch : {false, true}) {
    const auto long_one = check_linearizable(Simulation(7).run(1500, false, has_branch));
    EXPECT_TRUE(long_one.is_linearizable) << long_one.explanation;
  }
}

// Without the branch they cannot be explained: the model is needed, and not too wide.
TEST(LinearizabilityOfRandomHistories, RejectsThoseOfADeposedPrimaryWhereThereIsNone) {
  int rejected = 0;
  for (std::uint64_t seed = 301; seed <= 600; ++seed) {
    const auto history = Simulation(seed).run(60, false, true);
    rejected += check_linearizable({history.calls, {}}).is_linearizable ? 0 : 1;
  }
  EXPECT_GT(rejected, 200);
}

// One answer of a random history is changed to one that cannot be.
TEST(LinearizabilityOfRandomHistories, RejectsThoseWithOneWrongAnswer) {
  int changed = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    auto history = Simulation(seed).run(60, false, seed > 300);
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
    const auto verdict = check_linearizable(history);
    EXPECT_FALSE(verdict.is_linearizable || verdict.has_given_up) << "seed " << seed;
  }
  EXPECT_GT(changed, 500);
}

// To try out which turns of a long branch are lost would take for ever, though the one that is
// missing was acknowledged after it.
TEST(LinearizabilityOfRandomHistories, RejectsALossBehindALongBranchAtOnce) {
  auto history = Simulation(7).run(600, false, true);
  const auto is_later = [](const auto& one, const auto& other) { return one.end < other.end; };
  auto& calls = history.calls;
  const auto last = std::max_element(calls.begin(), calls.end(), is_later)->end;
  history.losses.front().to = last - std::chrono::milliseconds(200);
  const auto most =
      std::max_element(calls.begin(), calls.end(), [](const auto& one, const auto& other) {
        return turns_of(one).size() < turns_of(other).size();
      });
  auto left = turns_of(*most);
  left.pop_back();
  calls.push_back({.kind = Kind::load,
                   .begin = last + std::chrono::milliseconds(1),
                   .end = last + std::chrono::milliseconds(2),
                   .base = {},
                   .seen = left});
  const auto verdict = check_linearizable(history);
  EXPECT_FALSE(verdict.is_linearizable || verdict.has_given_up);
  EXPECT_EQ(verdict.steps, 0U);
  const auto small = smallest_rejected(history);
  EXPECT_LT(small.calls.size(), calls.size());
  EXPECT_FALSE(check_linearizable(small).is_linearizable);
}

}  // namespace
}  // namespace dialogstore::test
