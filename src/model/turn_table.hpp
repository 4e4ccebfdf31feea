// The turns of a context by index.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/copy_on_write.hpp"
#include "model/log_position.hpp"
#include "model/older_turns.hpp"
#include "model/turn_text.hpp"

namespace dialogstore {

/// What the first of several readers puts together and all of them see. A copy begins empty.
class WholeTurns {
 public:
  WholeTurns() = default;
  WholeTurns(const WholeTurns& /*other*/) noexcept {}
  WholeTurns(WholeTurns&& other) noexcept : turns_(other.turns_.exchange(nullptr)) {}
  WholeTurns& operator=(const WholeTurns& other) noexcept;
  WholeTurns& operator=(WholeTurns&& other) noexcept;
  ~WholeTurns() { clear(); }

  /// Null when nobody has put them together.
  [[nodiscard]] std::vector<TurnText>* get() const noexcept {
    return turns_.load(std::memory_order_acquire);
  }
  /// These, unless another reader was faster: then that one's.
  const std::vector<TurnText>& put(std::vector<TurnText> turns) const;
  void clear() noexcept;

 private:
  mutable std::atomic<std::vector<TurnText>*> turns_ = nullptr;
};

/// Turns in ascending order of their index. Those of pages may lie below, unread: whatever cannot
/// be answered without them reads them, and throws FormatError or StorageError (too_large) when
/// they are damaged; nothing has changed then. Pages hold lower indices than the rows behind them
/// (docs/format.md), which is relied on until they are read. Copies share what they hold until one
/// of them is changed.
class TurnTable {
 public:
  /// Puts turns below these, which must be those of the rows behind the pages.
  void put_below(std::shared_ptr<const OlderTurns> older) noexcept { older_ = std::move(older); }
  /// Reads what is unread into the table.
  void read();
  /// Leaves out what is unread, as if it had not been loaded.
  void forget_unread() noexcept;
  /// From this index on all turns are here, read or never stored; keep_all: everything is.
  [[nodiscard]] std::int64_t here_from() const noexcept;
  /// Turns are not read that are needed to number the next one.
  [[nodiscard]] bool needs_reading_to_number() const noexcept;

  [[nodiscard]] const TurnText* find(std::int64_t index) const;
  /// The turn of that index, made when there is none. O(1) at the end, O(n) elsewhere.
  TurnText& at(std::int64_t index);
  void set_part(std::int64_t index, TurnPart part, SharedText text);
  /// True when there was one; a turn left without parts is removed.
  bool erase_part(std::int64_t index, TurnPart part);
  /// Takes a whole sequence in one pass. `parts` ascend by index without repetition.
  void merge(TurnPart part, std::vector<PartText> parts);
  /// Drops each sequence's parts below its first kept index.
  void trim(const FirstKept& first);

  /// Index of the last turn that has this part; reads only when none of those here has it.
  [[nodiscard]] std::optional<std::int64_t> last_index(TurnPart part) const;
  /// The same of the turns from here_from() on.
  [[nodiscard]] std::optional<std::int64_t> last_index_here(TurnPart part) const noexcept;
  /// Index of the last turn.
  [[nodiscard]] std::optional<std::int64_t> last_index() const;
  /// The turns from that index on.
  [[nodiscard]] std::span<const TurnText> from(std::int64_t index) const;
  /// The turns from here_from() on.
  [[nodiscard]] std::span<const TurnText> here() const noexcept { return turns_here(); }

  [[nodiscard]] const std::vector<TurnText>& all() const;
  /// Leaves out the turns that are here and not among these, which ascend.
  void keep_only(std::span<const std::int64_t> indices);
  /// For the one writer. No overload of all(): what is const for several readers may call them
  /// through a pointer, which is not.
  [[nodiscard]] std::vector<TurnText>& all_to_change();
  [[nodiscard]] bool empty() const { return turns_here().empty() && all().empty(); }

 private:
  [[nodiscard]] const std::vector<TurnText>& turns_here() const noexcept;
  [[nodiscard]] std::vector<TurnText> put_together() const;

  /// Ours alone, with room for one more.
  [[nodiscard]] std::vector<TurnText>& turns_to_append_to();

  CopyOnWrite<std::vector<TurnText>> turns_;  ///< the newest; all of them without `older_`
  std::shared_ptr<const OlderTurns> older_;   ///< null once they are in `turns_`
  WholeTurns whole_;                          ///< both, once a reader has looked
};

}  // namespace dialogstore
