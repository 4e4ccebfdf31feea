// The inside of a Context, for the floors above: its turns as bytes, what changed, and its place in
// the store. Public code never sees this.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/context.hpp"
#include "model/context_changes.hpp"
#include "model/log_position.hpp"
#include "model/shared_text.hpp"

namespace dialogstore {

/// The JSON of a turn's parts; empty when absent. A label is `["flow","node"]`; messages are in the
/// stored form (message_text.hpp): known fields that are null are left out.
struct TurnText {
  std::int64_t index = 0;
  std::array<SharedText, turn_parts> parts;
  [[nodiscard]] bool empty() const noexcept {
    return parts[0].empty() && parts[1].empty() && parts[2].empty();
  }
};

/// One part of the turn of that index.
struct PartText {
  std::int64_t index = 0;
  SharedText text;
};

/// Turns in ascending order of their index.
class TurnTable {
 public:
  [[nodiscard]] const TurnText* find(std::int64_t index) const noexcept;
  /// The turn of that index, made when there is none. O(1) at the end, O(n) elsewhere.
  TurnText& at(std::int64_t index);
  void set_part(std::int64_t index, TurnPart part, SharedText text);
  /// True when there was one; a turn left without parts is removed.
  bool erase_part(std::int64_t index, TurnPart part);
  /// Takes a whole sequence in one pass. `parts` ascend by index without repetition.
  void merge(TurnPart part, std::vector<PartText> parts);
  /// Drops each sequence's parts below its first kept index.
  void trim(const FirstKept& first);
  /// Index of the last turn that has this part.
  [[nodiscard]] std::optional<std::int64_t> last_index(TurnPart part) const noexcept;
  [[nodiscard]] const std::vector<TurnText>& all() const noexcept { return turns_; }
  [[nodiscard]] std::vector<TurnText>& all() noexcept { return turns_; }
  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }

 private:
  std::vector<TurnText> turns_;
};

/// A save that was sent and not answered: sending these very bytes again settles it.
/// Defined by the storage floor.
struct PendingSave;

struct Context::State {
  Json id;
  TurnTable turns;
  JsonObject misc, framework_states, extra;
  bool validation = false;
  /// Where numbering goes on when the table holds no turn of a sequence.
  std::array<std::int64_t, turn_parts> next{0, 0, 0};
  ContextChanges changes;

  /// Null for a context that was never loaded from or saved to a storage.
  std::unique_ptr<LogPosition> position;
  std::string stored_under;  ///< storage identity and key that `position` belongs to
  std::shared_ptr<const PendingSave> pending;
  /// An unanswered save was not found and not disproved: what is stored may hold these changes, so
  /// that they are never merged.
  bool in_doubt = false;
  bool saving = false;  ///< a save of this object is in progress
  /// A save put the changes on top of what others had stored, so that more is here now than the
  /// caller put here. For the caller to reset.
  bool merged = false;
};

struct ContextAccess {
  static Context::State& state(Context& context) noexcept { return *context.state_; }
  static const Context::State& state(const Context& context) noexcept { return *context.state_; }
  using State = Context::State;
};

/// Puts text in the stored form under an index; the one already there is no change.
void set_turn_part(ContextAccess::State& state, std::int64_t index, TurnPart part, SharedText text);

/// The index of the next turn of the sequence: behind the last, as in DFF; when there is none,
/// where numbering went on. The same whether older turns were loaded or not; nullopt when only
/// those tell, since the last ones were erased.
std::optional<std::int64_t> known_next_index(const ContextAccess::State& state, TurnPart part);
/// Of every sequence.
bool knows_numbering(const ContextAccess::State& state);

}  // namespace dialogstore
