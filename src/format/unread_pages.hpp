// The pages of a log that was loaded, as they lie in it: decompressed and parsed when somebody
// looks at their turns.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "format/row.hpp"
#include "format/row_json.hpp"
#include "model/older_turns.hpp"

namespace dialogstore::format {

class UnreadPages final : public OlderTurns {
 public:
  /// What the rows behind the pages say of them.
  struct Tail {
    std::int64_t end = 0;           ///< the pages' turns lie below it
    bool needed_to_number = false;  ///< see OlderTurns
    std::uint32_t next_turn = 0;    ///< none of their indices is this, or larger
    FirstKept first = nothing_trimmed;
    std::vector<TurnText> removals;  ///< parts that those rows remove, should a page have them
  };

  /// `pages` are the first rows of a log, in order; what they say that they are when decompressed
  /// is within the limits. Their views lie in `source`, or are copied when that is of bytes that do
  /// not last.
  UnreadPages(std::vector<RowView> pages, TextSource source, Tail tail);

  [[nodiscard]] const RowHeader& header(std::size_t page) const { return pages_[page].header; }
  [[nodiscard]] SharedText tokens(std::size_t page) const {
    const std::string_view bytes = pages_[page].tokens;
    return bytes.empty() ? SharedText() : source_.take(bytes);
  }

 private:
  [[nodiscard]] Content do_read() const override;
  TurnRange read_row(std::size_t row, TurnPatches& turns) const;
  void copy_bytes();

  TextSource source_;  // keeps alive what the views lie in
  std::vector<RowView> pages_;
  Tail tail_;
};

}  // namespace dialogstore::format
