#include "support/linearizability.hpp"

#include <algorithm>
#include <utility>

#include "support/firm_answers.hpp"
#include "support/linearizability_search.hpp"

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;

// Without a call that changes nothing there is less to explain.
bool changes_nothing(const RecordedCall& call, const ContextHistory& history) {
  if (call.kind == Kind::load) return true;
  if (call.kind == Kind::erase || call.ending == Ending::done) return false;
  return std::none_of(history.calls.begin(), history.calls.end(), [&](const auto& other) {
    return other.seen &&
           std::find(other.seen->begin(), other.seen->end(), call.turn) != other.seen->end();
  });
}

// What was known at that moment.
ContextHistory until(const ContextHistory& history, Moment moment) {
  ContextHistory part{{}, history.losses};
  for (auto call : history.calls) {
    if (call.begin > moment) continue;
    if (call.end > moment && call.ending == Ending::done) {
      call.ending = Ending::unknown;
      call.seen.reset();
      call.has_erased = false;
    }
    part.calls.push_back(std::move(call));
  }
  return part;
}

// Makes a rejected history smaller, as long as it may.
class Reduction {
 public:
  explicit Reduction(std::size_t most_steps) : steps_left_(most_steps) {}

  ContextHistory of(const ContextHistory& history) {
    if (!is_rejected(history)) return history;
    std::vector<Moment> ends;
    for (const auto& call : history.calls) ends.push_back(call.end);
    std::sort(ends.begin(), ends.end());
    const auto first = std::partition_point(ends.begin(), ends.end(), [&](Moment moment) {
      return !is_rejected(until(history, moment));
    });
    auto smallest = until(history, first == ends.end() ? ends.back() : *first);
    for (std::size_t i = smallest.calls.size(); i-- > 0 && steps_left_ > 0;) {
      if (!changes_nothing(smallest.calls[i], smallest)) continue;
      auto less = smallest;
      less.calls.erase(less.calls.begin() + static_cast<std::ptrdiff_t>(i));
      if (is_rejected(less)) smallest = std::move(less);
    }
    return smallest;
  }

 private:
  bool is_rejected(const ContextHistory& history) {
    // No single question may take all, or the next calls would not be looked at.
    const auto verdict = check_linearizable(history, steps_left_ / 10);
    steps_left_ -= std::min(steps_left_, verdict.steps);
    return !verdict.is_linearizable && !verdict.has_given_up;
  }

  std::size_t steps_left_;
};

}  // namespace

Verdict check_linearizable(const ContextHistory& history, std::size_t most_steps) {
  const FirmAnswers firm(history);
  if (firm.contradiction().empty()) return search_order(history, firm, most_steps);
  Verdict verdict;
  verdict.explanation = firm.contradiction();
  return verdict;
}

ContextHistory smallest_rejected(const ContextHistory& history, std::size_t most_steps) {
  return Reduction(most_steps).of(history);
}

}  // namespace dialogstore::test
