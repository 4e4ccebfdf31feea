// What a context's changes mean for its log: which turns a delta may name, which lie in pages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/log.hpp"
#include "format/row_json.hpp"

namespace dialogstore::format {

struct ChangeSet {
  std::vector<TurnEdit> tail;    ///< new turns and turns that are not sealed, ascending
  std::vector<TurnEdit> sealed;  ///< turns that lie in a page, or where one would
  std::size_t new_turns = 0;
  std::uint32_t next_turn = 0;        ///< of the rows to be written
  FirstKept first = nothing_trimmed;  ///< what stands once these changes are applied
  bool trims = false;                 ///< `first` is more than the log says
  bool below_first = false;           ///< a turn is set below what was trimmed
  bool state = false;                 ///< something besides turns changed
  bool beyond_last_index = false;     ///< a turn's index is larger than limits::turn_index_max

  [[nodiscard]] bool empty() const noexcept {
    return tail.empty() && sealed.empty() && !trims && !below_first && !state;
  }
};

ChangeSet classify(const ContextState& state);

/// The next index of each sequence. Needs knows_numbering.
PartIndices numbering(const ContextState& state);

}  // namespace dialogstore::format
