#include "format/change_set.hpp"

#include <algorithm>

#include "dialogstore/limits.hpp"

namespace dialogstore::format {
namespace {

bool has_part(const TurnText* turn, std::size_t part) noexcept {
  return turn != nullptr && !turn->parts[part].empty();
}

class Classifier {
 public:
  explicit Classifier(const ContextState& state) : state_(state), position_(*state.position) {}
  ChangeSet run();

 private:
  void combine_first();
  void add(std::int64_t index, std::uint8_t touched);
  std::uint8_t still_matters(std::int64_t index, std::uint8_t touched, const TurnText* turn);
  [[nodiscard]] bool is_unsealed(std::int64_t index) const;
  [[nodiscard]] bool is_behind_pages(std::int64_t index) const;
  void raise_next_turn();

  const ContextState& state_;
  const LogPosition& position_;
  ChangeSet set_;
};

void Classifier::combine_first() {
  for (std::size_t part = 0; part < turn_parts; ++part) {
    set_.first[part] = std::max(position_.first[part], state_.changes.first[part]);
  }
  set_.trims = set_.first != position_.first;
}

/// Leaves out what was trimmed after it was touched, and notices what was set after it was trimmed.
std::uint8_t Classifier::still_matters(std::int64_t index, std::uint8_t touched,
                                       const TurnText* turn) {
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if ((touched & part_bit(part)) == 0 || index >= set_.first[part]) continue;
    if (has_part(turn, part)) {
      set_.below_first = true;
    } else {
      touched &= static_cast<std::uint8_t>(~part_bit(part));
    }
  }
  return touched;
}

bool Classifier::is_unsealed(std::int64_t index) const {
  return std::ranges::binary_search(position_.unsealed_turns, index);
}

/// No page holds such an index or a larger one, so a delta may bring it.
bool Classifier::is_behind_pages(std::int64_t index) const {
  return position_.complete && std::ranges::all_of(position_.pages, [&](const PageMark& page) {
           return !page.opaque && page.turns.get().highest < index;
         });
}

void Classifier::add(std::int64_t index, std::uint8_t touched) {
  const TurnText* turn = state_.turns.find(index);
  touched = still_matters(index, touched, turn);
  const bool is_new = index >= std::int64_t{position_.next_turn};
  const bool unsealed = is_unsealed(index);
  if (!unsealed && (is_new || is_behind_pages(index))) {
    // Nothing is stored there: only what is present now needs saying.
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (!has_part(turn, part)) touched &= static_cast<std::uint8_t>(~part_bit(part));
    }
  }
  if (touched == 0) return;
  if (unsealed || is_new || is_behind_pages(index)) {
    set_.tail.push_back({index, touched, turn});
    set_.new_turns += is_new ? 1 : 0;
  } else {
    set_.sealed.push_back({index, touched, turn});
  }
}

/// Appends number turns by the header alone, so it lies behind everything, trimmed or not.
void Classifier::raise_next_turn() {
  std::int64_t next = std::max<std::int64_t>(position_.next_turn, std::ranges::max(state_.next));
  // What is not touched was counted when it was stored.
  for (const auto* edits : {&set_.tail, &set_.sealed}) {
    if (!edits->empty()) next = std::max(next, edits->back().index + 1);
  }
  for (const std::int64_t index : set_.first) next = std::max(next, index);
  set_.beyond_last_index = next > limits::turn_index_max + 1;
  set_.next_turn = static_cast<std::uint32_t>(next);
}

ChangeSet Classifier::run() {
  const ContextChanges& changes = state_.changes;
  combine_first();
  for (const auto& [index, touched] : changes.turns) add(index, touched);
  set_.state = !changes.misc.empty() || !changes.framework_states.empty() ||
               !changes.extra.empty() || changes.id || changes.validation;
  raise_next_turn();
  return std::move(set_);
}

}  // namespace

ChangeSet classify(const ContextState& state) {
  return Classifier(state).run();
}

PartIndices numbering(const ContextState& state) {
  PartIndices next{};
  for (std::size_t part = 0; part < turn_parts; ++part) {
    const auto known = known_next_index(state, static_cast<TurnPart>(part));
    next[part] = std::max<std::int64_t>(0, known.value_or(state.next[part]));
  }
  return next;
}

}  // namespace dialogstore::format
