#include "support/linearizability_search.hpp"

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;
using What = AllowedLoss::What;

bool begins_with(const Turns& whole, const Turns& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

const Turns& turns_of(const Seen& content) {
  static const Turns none;
  return content ? *content : none;
}

bool is_done(const RecordedCall& call) {
  return call.ending == Ending::done;
}

// What there is: the context, and what a deposed primary has of it that somebody may still use.
struct World {
  Seen context;
  std::optional<Seen> copy;
  std::size_t branches = 0;  // the losses before this one have had their turn
};

// A call, or what became of a copy of it at a deposed primary.
struct Entry {
  const RecordedCall* call = nullptr;
  bool is_stray = false;

  // What the checked order must have; the others are in it where they explain something.
  bool is_certain() const { return !is_stray && is_done(*call); }
};

// Of what was tried, in as few bytes as tell all of it apart: that two are taken for one is less
// likely than that the machine errs.
using Memory = std::pair<std::size_t, std::size_t>;
struct MemoryHash {
  std::size_t operator()(const Memory& memory) const { return memory.first; }
};

// The numbers of the entries that are not placed, in order. Those that are taken out come back in
// the opposite order.
class Remaining {
 public:
  explicit Remaining(std::size_t count) : end_(count) {
    for (std::size_t i = 0; i <= count; ++i) {
      next_.push_back(i == count ? 0 : i + 1);
      previous_.push_back(i == 0 ? count : i - 1);
    }
  }
  std::size_t begin() const { return next_[end_]; }
  std::size_t end() const { return end_; }
  std::size_t after(std::size_t number) const { return next_[number]; }
  void take_out(std::size_t number) {
    next_[previous_[number]] = next_[number];
    previous_[next_[number]] = previous_[number];
  }
  void put_back(std::size_t number) {
    next_[previous_[number]] = number;
    previous_[next_[number]] = number;
  }

 private:
  std::size_t end_;
  std::vector<std::size_t> next_;  ///< of each one; of the end, the first
  std::vector<std::size_t> previous_;
};

class Search {
 public:
  Search(const ContextHistory& history, const FirmAnswers& firm, std::size_t most_steps)
      : losses_(history.losses), firm_longest_(firm.longest()), most_steps_(most_steps) {
    for (const auto& call : history.calls) {
      // What never takes effect explains nothing; that it took none, the others' answers say. And a
      // load without an answer says nothing.
      const bool is_idle =
          call.ending == Ending::refused || (call.kind == Kind::load && !is_done(call));
      if (!is_idle) entries_.push_back({&call, false});
      for (const auto& loss : losses_) {
        if (may_stray(call, loss)) entries_.push_back({&call, true});
      }
    }
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const auto& a, const auto& b) { return a.call->begin < b.call->begin; });
    is_placed_.assign(entries_.size(), 0);
    left_ = Remaining(entries_.size());
    const std::unordered_set<const RecordedCall*> firm_ones(firm.answers().begin(),
                                                            firm.answers().end());
    for (const auto& entry : entries_) {
      is_firm_.push_back(entry.is_certain() && firm_ones.contains(entry.call));
    }
    open_ = static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [](const auto& entry) { return entry.is_certain(); }));
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
  // Of what was answered before the primary was deposed no copy is on its way any more that could
  // change anything.
  static bool may_stray(const RecordedCall& call, const AllowedLoss& loss) {
    return loss.what != What::everything && call.kind != Kind::load && call.begin <= loss.to &&
           (call.ending == Ending::unknown || call.end >= loss.from);
  }

  // Where nothing takes turns away the context grows into each of the firm answers: that tells at
  // once which of the turns of a branch are lost, which to try out would take too long.
  bool grows_into_firm_ones(const Seen& state) const {
    if (!state) return true;
    auto first_end = Moment::max();
    for (auto i = left_.begin(); i != left_.end(); i = left_.after(i)) {
      const auto& call = *entries_[i].call;
      // What began later than another had ended has no less.
      if (call.begin > first_end) break;
      if (!is_firm_[i]) continue;
      if (!call.seen || call.seen->size() < state->size()) return false;
      first_end = std::min(first_end, call.end);
    }
    return first_end == Moment::max() || begins_with(firm_longest_, *state);
  }

  // The placed entries happened, in an order that led to `world`; the last of them to begin began
  // at `latest`. Recursive: as deep as there are calls.
  bool search(World world, Moment latest) {
    if (open_ == 0) return true;
    if (!grows_into_firm_ones(world.context)) return false;
    if (world.copy && !is_copy_used(world)) world.copy.reset();
    if (++steps_ > most_steps_ || !tried_.insert(memory_of(world, latest)).second) return false;
    note_progress(world);
    const Moment limit = first_end();
    if (const auto idle = find_idle(world, latest, limit); idle < entries_.size()) {
      // It changes nothing, and rules out no loss, so that it can as well come now as later.
      return place(idle, world, latest);
    }
    for (const bool is_certain : {true, false}) {
      for (auto i = left_.begin(); begins_until(i, limit); i = left_.after(i)) {
        if (entries_[i].is_certain() == is_certain && try_entry(i, world, latest)) return true;
      }
    }
    return try_losses(world, latest, limit);
  }

  bool try_entry(std::size_t number, const World& world, Moment latest) {
    const auto& entry = entries_[number];
    if (!entry.is_stray) {
      if (const auto next = effect(entry, world.context, Moment::max())) {
        if (place(number, {*next, world.copy, world.branches}, latest)) return true;
      }
    }
    if (!may_use_copy(entry, world)) return false;
    const auto next = effect(entry, *world.copy, branch_of(world).to);
    return next && place(number, {world.context, *next, world.branches}, latest);
  }

  bool place(std::size_t number, const World& next, Moment latest) {
    const std::size_t is_certain = entries_[number].is_certain() ? 1 : 0;
    const auto behind_last = std::exchange(behind_last_, std::max(behind_last_, number + 1));
    is_placed_[number] = 1;
    left_.take_out(number);
    open_ -= is_certain;
    ++placed_;
    if (search(next, std::max(latest, entries_[number].call->begin))) return true;
    behind_last_ = behind_last;
    is_placed_[number] = 0;
    left_.put_back(number);
    open_ += is_certain;
    --placed_;
    return false;
  }

  bool begins_until(std::size_t number, Moment limit) const {
    return number != left_.end() && entries_[number].call->begin <= limit;
  }

  // No call that began later may come before the one that ended first.
  Moment first_end() const {
    Moment first = Moment::max();
    for (auto i = left_.begin(); begins_until(i, first); i = left_.after(i)) {
      if (entries_[i].is_certain()) first = std::min(first, entries_[i].call->end);
    }
    return first;
  }

  const AllowedLoss& branch_of(const World& world) const { return losses_[world.branches - 1]; }

  bool is_copy_used(const World& world) const {
    for (auto i = left_.begin(); i != left_.end(); i = left_.after(i)) {
      if (entries_[i].is_certain()) return entries_[i].call->begin <= branch_of(world).to;
    }
    return false;
  }

  bool may_use_copy(const Entry& entry, const World& world) const {
    if (!world.copy || entry.call->begin > branch_of(world).to) return false;
    if (entry.is_stray) return true;
    const bool is_change = entry.call->kind != Kind::load;
    return is_done(*entry.call) &&
           !(is_change && branch_of(world).what == What::unconfirmed_branch);
  }

  std::size_t find_idle(const World& world, Moment latest, Moment limit) const {
    for (auto i = left_.begin(); begins_until(i, limit); i = left_.after(i)) {
      if (!entries_[i].is_certain()) continue;
      if (losses_ahead(world, entries_[i].call->begin) != losses_ahead(world, latest) &&
          entries_[i].call->begin > latest) {
        continue;
      }
      if (is_idle_on(*entries_[i].call, world.context)) return i;
      if (may_use_copy(entries_[i], world) && is_idle_on(*entries_[i].call, *world.copy)) return i;
    }
    return entries_.size();
  }
  static bool is_idle_on(const RecordedCall& call, const Seen& state) {
    return (call.kind == Kind::load && call.seen == state) ||
           (call.kind == Kind::erase && !call.has_erased && !state);
  }

  // What the state becomes; nothing when the call cannot happen now with the answer it got.
  std::optional<Seen> effect(const Entry& entry, const Seen& state, Moment seen_until) const {
    const auto& call = *entry.call;
    switch (call.kind) {
      case Kind::load:
        return call.seen == state ? std::optional<Seen>(state) : std::nullopt;
      case Kind::erase:
        if (entry.is_certain() ? call.has_erased != state.has_value()
                               : !is_in_the_way(state, seen_until)) {
          return std::nullopt;
        }
        return Seen();
      case Kind::append:
        break;
    }
    Turns turns = turns_of(state);
    const bool is_there = std::find(turns.begin(), turns.end(), call.turn) != turns.end();
    if (is_there || !builds_on(entry, turns)) return std::nullopt;
    turns.push_back(call.turn);
    const bool fits =
        entry.is_certain() ? !call.seen || turns == *call.seen : matters(turns, state, seen_until);
    if (!fits) return std::nullopt;
    return Seen(std::move(turns));
  }

  // A save names what it builds on: it adds to that, or to what grew from it.
  static bool builds_on(const Entry& entry, const Turns& turns) {
    const auto fits = [&](const Turns& base) { return begins_with(turns, base); };
    const auto& earlier = entry.call->earlier_bases;
    return fits(entry.call->base) ||
           (entry.is_stray && std::any_of(earlier.begin(), earlier.end(), fits));
  }

  // An append that nobody was told of is only needed where somebody has seen it, or erased what it
  // created.
  bool matters(const Turns& turns, const Seen& state, Moment seen_until) const {
    for (auto i = left_.begin(); begins_until(i, seen_until); i = left_.after(i)) {
      if (!entries_[i].is_certain()) continue;
      const auto& call = *entries_[i].call;
      if (call.seen && begins_with(*call.seen, turns)) return true;
      if (!state && call.has_erased) return true;
    }
    return false;
  }

  // An erase that nobody was told of is only needed where somebody has seen what does not grow from
  // what is there.
  bool is_in_the_way(const Seen& state, Moment seen_until) const {
    for (auto i = left_.begin(); state && begins_until(i, seen_until); i = left_.after(i)) {
      if (!entries_[i].is_certain()) continue;
      const auto& call = *entries_[i].call;
      if (call.kind == Kind::erase ? !call.has_erased : !begins_with(turns_of(call.seen), *state)) {
        return true;
      }
    }
    return false;
  }

  // Of each loss, whether it may still happen behind what began then.
  std::string losses_ahead(const World& world, Moment latest) const {
    std::string ahead;
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      const bool is_over = losses_[i].what != What::everything && i < world.branches;
      ahead += !is_over && latest <= losses_[i].to ? '1' : '0';
    }
    return ahead;
  }

  bool try_losses(const World& world, Moment latest, Moment limit) {
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      if (limit < losses_[i].from || latest > losses_[i].to) continue;
      if (losses_[i].what == What::everything) {
        if (world.context && search({{}, world.copy, world.branches}, latest)) return true;
      } else if (i >= world.branches) {
        if (search({world.context, world.context, i + 1}, latest)) return true;
      }
    }
    return false;
  }

  Memory memory_of(const World& world, Moment latest) const {
    // All before the first that is not placed are, and none behind the last that is.
    const auto first = left_.begin();
    std::string memory = std::to_string(first) + ':';
    if (first < behind_last_) memory.append(is_placed_.data() + first, behind_last_ - first);
    const auto add = [&](const Seen& state) {
      const auto& turns = turns_of(state);
      memory += state ? '+' : '-';
      memory += std::to_string(turns.size()) + ':';
      memory.append(reinterpret_cast<const char*>(turns.data()), turns.size() * sizeof(int));
    };
    add(world.context);
    // When the calls began only matters for the losses.
    memory += losses_ahead(world, latest) + std::to_string(world.branches) + ':';
    if (world.copy) add(*world.copy);
    const std::hash<std::string> hash;
    const auto first_half = hash(memory);
    return {first_half, hash(memory + 'x')};
  }

  void note_progress(const World& world) {
    if (placed_ < furthest_ || (placed_ == furthest_ && placed_ > 0)) return;
    furthest_ = placed_;
    furthest_world_ = world;
    furthest_placed_ = is_placed_;
  }

  std::string explain() const {
    const auto& world = furthest_world_;
    std::string text = "no order explains more than " + std::to_string(furthest_) +
                       " calls; then there is " + describe(world.context) +
                       (world.copy ? ", at a deposed primary " + describe(*world.copy) : "") +
                       "; left are";
    int most = 10;
    for (std::size_t i = 0; i < entries_.size() && most > 0; ++i) {
      const bool is_placed = i < furthest_placed_.size() && furthest_placed_[i] != 0;
      if (is_placed || entries_[i].is_stray) continue;
      text += "\n  " + describe(*entries_[i].call);
      --most;
    }
    return text;
  }

  std::vector<Entry> entries_;  ///< by their begin
  std::vector<AllowedLoss> losses_;
  std::vector<bool> is_firm_;  ///< of each entry
  const Turns& firm_longest_;
  std::size_t most_steps_;
  std::size_t steps_ = 0;
  std::size_t open_ = 0;  ///< certain ones that are not placed
  std::size_t placed_ = 0;
  std::vector<char> is_placed_;
  Remaining left_{0};
  std::size_t behind_last_ = 0;  ///< of those that are placed
  std::unordered_set<Memory, MemoryHash> tried_;

  std::size_t furthest_ = 0;
  World furthest_world_;
  std::vector<char> furthest_placed_;
};

}  // namespace

Verdict search_order(const ContextHistory& history, const FirmAnswers& firm,
                     std::size_t most_steps) {
  return Search(history, firm, most_steps).run();
}

}  // namespace dialogstore::test
