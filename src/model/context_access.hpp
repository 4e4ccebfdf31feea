// The inside of a Context, for the floors above: its turns as bytes, what changed, and its place in
// the store. Public code never sees this.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dialogstore/context.hpp"
#include "model/context_changes.hpp"
#include "model/log_position.hpp"
#include "model/shared_text.hpp"
#include "model/turn_table.hpp"

namespace dialogstore {

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

  /// Nothing for a context that was never loaded from or saved to a storage.
  std::optional<LogPosition> position;
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
/// those tell, since the last ones were erased. Reads turns that are loaded and unread where only
/// they tell.
std::optional<std::int64_t> known_next_index(const ContextAccess::State& state, TurnPart part);
/// The same without reading: nullopt also when only unread turns tell.
std::optional<std::int64_t> next_index_here(const ContextAccess::State& state, TurnPart part);
/// Whether known_next_index knows it, of every sequence.
bool knows_numbering(const ContextAccess::State& state);

}  // namespace dialogstore
