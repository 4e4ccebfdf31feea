#include "support/linearizability.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;

bool begins_with(const Turns& whole, const Turns& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

const Turns& turns_of(const Seen& content) {
  static const Turns none;
  return content ? *content : none;
}

class Search {
 public:
  Search(const ContextHistory& history, std::size_t most_steps)
      : losses_(history.losses), most_steps_(most_steps) {
    for (const auto& call : history.calls) {
      // What never takes effect explains nothing; that it took none, the others' answers say. And a
      // load without an answer says nothing.
      const bool is_idle = call.ending == Ending::refused ||
                           (call.kind == Kind::load && call.ending != Ending::done);
      if (!is_idle) calls_.push_back(&call);
    }
    std::stable_sort(calls_.begin(), calls_.end(),
                     [](const auto& a, const auto& b) { return a->begin < b->begin; });
    is_placed_.assign(calls_.size(), 0);
    open_ = static_cast<std::size_t>(std::count_if(
        calls_.begin(), calls_.end(), [](const auto& c) { return c->ending == Ending::done; }));
  }

  Verdict run() {
    Verdict verdict;
    verdict.is_linearizable = search({}, Moment::min());
    verdict.has_given_up = !verdict.is_linearizable && steps_ > most_steps_;
    verdict.steps = steps_;
    if (!verdict.is_linearizable) verdict.explanation = explain();
    return verdict;
  }

 private:
  // The calls in placed_ happened, in an order that led to `state`; the last of them to begin began
  // at `latest`. Recursive: as deep as there are calls.
  bool search(const Seen& state, Moment latest) {
    if (open_ == 0) return true;
    if (++steps_ > most_steps_ || !tried_.insert(memory_of(state, latest)).second) return false;
    note_progress(state);
    const Moment limit = first_end();
    if (const auto idle = find_idle(state, latest, limit); idle < calls_.size()) {
      // It changes nothing, and rules out no loss, so that it can as well come now as later.
      return place(idle, state, latest);
    }
    for (const bool is_certain : {true, false}) {
      for (std::size_t i = 0; i < calls_.size() && calls_[i]->begin <= limit; ++i) {
        if (is_placed_[i] != 0 || (calls_[i]->ending == Ending::done) != is_certain) continue;
        if (const auto next = effect(*calls_[i], state); next && place(i, *next, latest))
          return true;
      }
    }
    return try_losses(state, latest, limit);
  }

  bool place(std::size_t number, const Seen& next, Moment latest) {
    const bool is_done = calls_[number]->ending == Ending::done;
    is_placed_[number] = 1;
    open_ -= is_done ? 1 : 0;
    ++placed_;
    if (search(next, std::max(latest, calls_[number]->begin))) return true;
    is_placed_[number] = 0;
    open_ += is_done ? 1 : 0;
    --placed_;
    return false;
  }

  // No call that began later may come before the one that ended first.
  Moment first_end() const {
    Moment first = Moment::max();
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (is_placed_[i] == 0 && calls_[i]->ending == Ending::done) {
        first = std::min(first, calls_[i]->end);
      }
    }
    return first;
  }

  std::size_t find_idle(const Seen& state, Moment latest, Moment limit) const {
    for (std::size_t i = 0; i < calls_.size() && calls_[i]->begin <= limit; ++i) {
      const auto& call = *calls_[i];
      if (is_placed_[i] != 0 || call.ending != Ending::done) continue;
      if (!losses_.empty() && call.begin > latest) continue;
      if (call.kind == Kind::load && call.seen == state) return i;
      if (call.kind == Kind::erase && !call.has_erased && !state) return i;
    }
    return calls_.size();
  }

  // What the state becomes; nothing when the call cannot happen now with the answer it got.
  std::optional<Seen> effect(const RecordedCall& call, const Seen& state) const {
    switch (call.kind) {
      case Kind::load:
        return call.seen == state ? std::optional<Seen>(state) : std::nullopt;
      case Kind::erase:
        if (call.ending == Ending::done && call.has_erased != state.has_value())
          return std::nullopt;
        return Seen();
      case Kind::append:
        break;
    }
    // A save names what it builds on: it adds to that, or to what grew from it.
    if (!begins_with(turns_of(state), call.base)) return std::nullopt;
    Turns turns = turns_of(state);
    turns.push_back(call.turn);
    const bool fits =
        call.ending == Ending::done ? !call.seen || turns == *call.seen : matters(turns, state);
    if (!fits) return std::nullopt;
    return Seen(std::move(turns));
  }

  // An append that nobody was told of is only needed where somebody has seen it, or erased what it
  // created.
  bool matters(const Turns& turns, const Seen& state) const {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (is_placed_[i] != 0 || calls_[i]->ending != Ending::done) continue;
      if (calls_[i]->seen && begins_with(*calls_[i]->seen, turns)) return true;
      if (!state && calls_[i]->has_erased) return true;
    }
    return false;
  }

  bool try_losses(const Seen& state, Moment latest, Moment limit) {
    if (!state) return false;
    for (const auto& loss : losses_) {
      if (limit < loss.from || latest > loss.to) continue;
      if (loss.what == AllowedLoss::What::newest_turns) {
        for (auto size = state->size(); size-- > 1;) {
          const Turns left(state->begin(), state->begin() + static_cast<std::ptrdiff_t>(size));
          if (search(Seen(left), latest)) return true;
        }
      }
      if (search({}, latest)) return true;
    }
    return false;
  }

  std::string memory_of(const Seen& state, Moment latest) const {
    // All before the first that is not placed are, and none behind the last that is.
    const auto first = std::find(is_placed_.begin(), is_placed_.end(), 0);
    const auto last = std::find(is_placed_.rbegin(), is_placed_.rend(), 1).base();
    std::string memory = std::to_string(first - is_placed_.begin()) + ':';
    if (first < last) memory.append(first, last);
    memory += state ? '+' : '-';
    const auto& turns = turns_of(state);
    memory.append(reinterpret_cast<const char*>(turns.data()), turns.size() * sizeof(int));
    // Without losses it does not matter when the calls began.
    if (!losses_.empty()) memory += std::to_string(latest.time_since_epoch().count());
    return memory;
  }

  void note_progress(const Seen& state) {
    if (placed_ < furthest_ || (placed_ == furthest_ && placed_ > 0)) return;
    furthest_ = placed_;
    furthest_state_ = state;
    furthest_placed_ = is_placed_;
  }

  std::string explain() const {
    std::string text = "no order explains more than " + std::to_string(furthest_) + " of " +
                       std::to_string(calls_.size()) + " calls; then there is " +
                       describe(furthest_state_) + "; left are";
    int most = 10;
    for (std::size_t i = 0; i < calls_.size() && most > 0; ++i) {
      if (i < furthest_placed_.size() && furthest_placed_[i] != 0) continue;
      text += "\n  " + describe(*calls_[i]);
      --most;
    }
    return text;
  }

  std::vector<const RecordedCall*> calls_;  ///< by their begin
  std::vector<AllowedLoss> losses_;
  std::size_t most_steps_;
  std::size_t steps_ = 0;
  std::size_t open_ = 0;  ///< calls that are done and not placed
  std::size_t placed_ = 0;
  std::vector<char> is_placed_;
  std::unordered_set<std::string> tried_;

  std::size_t furthest_ = 0;
  Seen furthest_state_;
  std::vector<char> furthest_placed_;
};

}  // namespace

Verdict check_linearizable(const ContextHistory& history, std::size_t most_steps) {
  return Search(history, most_steps).run();
}

}  // namespace dialogstore::test
