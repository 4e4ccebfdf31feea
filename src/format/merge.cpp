// Puts one context's changes on top of another version of the same context.
#include <algorithm>
#include <utility>

#include "dialogstore/limits.hpp"
#include "format/log.hpp"
#include "format/row_json.hpp"

namespace dialogstore::format {
namespace {

class Merger {
 public:
  Merger(const ContextState& mine, ContextState& theirs) : mine_(mine), theirs_(theirs) {
    if (mine.position) {
      my_next_ = mine.position->next_turn;
      my_first_ = mine.position->first;
    }
    if (theirs.position) their_next_ = theirs.position->next_turn;
  }

  void run();

 private:
  void trim();
  void put_edit(std::int64_t index, std::uint8_t touched);
  void put_new_turns();
  void set(std::int64_t index, std::size_t part, SharedText text);
  [[nodiscard]] bool was_trimmed_by_them(std::int64_t index, std::size_t part) const;

  const ContextState& mine_;
  ContextState& theirs_;
  std::int64_t my_next_ = 0;
  std::int64_t their_next_ = 0;
  FirstKept my_first_ = nothing_trimmed;
};

/// What I trimmed, I trimmed of the turns that I knew; theirs behind those stay.
void Merger::trim() {
  FirstKept& first = theirs_.changes.first;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    first[part] = std::max(first[part], std::min(mine_.changes.first[part], my_next_));
  }
  if (first == nothing_trimmed) return;
  theirs_.turns.trim(first);
  for (std::size_t part = 0; part < turn_parts; ++part) {
    theirs_.next[part] = std::max(theirs_.next[part], first[part]);
  }
}

bool Merger::was_trimmed_by_them(std::int64_t index, std::size_t part) const {
  if (!theirs_.position || index >= theirs_.position->first[part]) return false;
  // Below what was trimmed when I loaded it, I set it knowing that.
  return index >= my_first_[part];
}

void Merger::set(std::int64_t index, std::size_t part, SharedText text) {
  theirs_.turns.set_part(index, static_cast<TurnPart>(part), std::move(text));
  theirs_.changes.turns[index] |= part_bit(part);
  theirs_.next[part] = std::max(theirs_.next[part], index + 1);
}

void Merger::put_edit(std::int64_t index, std::uint8_t touched) {
  const TurnText* turn = mine_.turns.find(index);
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if ((touched & part_bit(part)) == 0 || was_trimmed_by_them(index, part)) continue;
    if (turn != nullptr && !turn->parts[part].empty()) {
      set(index, part, turn->parts[part]);
    } else if (index >= theirs_.changes.first[part]) {
      theirs_.turns.erase_part(index, static_cast<TurnPart>(part));
      theirs_.changes.turns[index] |= part_bit(part);
    }
  }
}

void Merger::put_new_turns() {
  const auto mine = mine_.turns.from(my_next_);
  if (mine.empty()) return;
  // The gaps between them stay, unless the last one would have no number left.
  const std::int64_t shift = their_next_ - my_next_;
  const bool close_gaps = mine.back().index + shift > limits::turn_index_max;
  std::int64_t next = their_next_;
  for (const TurnText& turn : mine) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (!turn.parts[part].empty()) {
        set(close_gaps ? next : turn.index + shift, part, turn.parts[part]);
      }
    }
    ++next;
  }
}

void put_members(const JsonObject& mine, const MemberChanges& changes, JsonObject& theirs,
                 MemberChanges& their_changes) {
  for (const std::string& name : changes.erased) theirs.erase(name);
  if (!changes.set.empty()) {
    for (const auto& [name, value] : mine) {  // in my order, for names that they have not
      if (changes.set.contains(name)) theirs.set(name, value);
    }
  }
  their_changes.add(changes);
}

void Merger::run() {
  const ContextChanges& changes = mine_.changes;
  ContextChanges& their = theirs_.changes;
  trim();
  for (const auto& [index, touched] : changes.turns) {
    if (index < my_next_) put_edit(index, touched);
  }
  put_new_turns();
  put_members(mine_.misc, changes.misc, theirs_.misc, their.misc);
  put_members(mine_.framework_states, changes.framework_states, theirs_.framework_states,
              their.framework_states);
  put_members(mine_.extra, changes.extra, theirs_.extra, their.extra);
  if (changes.id) theirs_.id = mine_.id;
  if (changes.validation) theirs_.validation = mine_.validation;
  their.id = their.id || changes.id;
  their.validation = their.validation || changes.validation;
}

}  // namespace

void merge(const ContextState& mine, ContextState& theirs) {
  Merger(mine, theirs).run();
}

}  // namespace dialogstore::format
