// The log of a context: pure functions between rows and a context's inside. No I/O, no clock, no
// randomness of their own.
//
//   page page … page keyframe delta delta …      one keyframe, always; or one tombstone alone
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "format/row.hpp"
#include "model/context_access.hpp"

namespace dialogstore::format {

using ContextState = ContextAccess::State;

struct LogOptions {
  std::uint16_t seal_after = 8;  ///< K: a save seals when the keyframe is this many rows back
  std::size_t page_turns = 8;    ///< turns of a page; up to twice as many stay in one
  std::size_t delta_turns = 16;  ///< a save with more new turns than this seals
  int compression_level = 1;     ///< zstd
};

// ---- reading ---------------------------------------------------------------------------------

enum class ReplayStatus : std::uint8_t {
  loaded,
  absent,        ///< no rows
  deleted,       ///< a tombstone; `version` names it
  needs_window,  ///< the keyframe is further back: read the last `window` rows
  failed,        ///< `error`, `row`, `why`
};

struct ReplayResult {
  ReplayStatus status = ReplayStatus::absent;
  Version version;
  std::size_t window = 0;
  errc error{};         ///< corrupt, unsupported_format, too_large
  std::size_t row = 0;  ///< of a failure: which row, from the first of `rows`
  std::string why;
};

/// Rebuilds a context from the newest rows of its log, oldest first.
/// With `everything` the rows are the whole log and the position is complete (a page of unknown
/// codec is then unsupported_format): pages are checked as far as that goes without decompressing
/// them, and read when somebody looks at their turns (TurnTable). Without, pages are skipped
/// unread. `out` is filled only when status is loaded; its changes are empty and its position is
/// set. Its turns lie in `source`, where the rows do, and in decompressed pages.
ReplayResult replay(std::span<const std::string_view> rows, bool everything, ContextState& out,
                    const TextSource& source = {});

// ---- writing ---------------------------------------------------------------------------------

// Operations of the save script (PROTOCOL): letters on the wire, do not change them.
enum class SaveOp : char {
  append = 'a',     ///< rows behind the last
  seal = 's',       ///< the last n rows become these
  edit = 'e',       ///< row n (negative: from the end) becomes the first of these, the rest behind
  drop_head = 'h',  ///< rows behind the last, then the first n rows go
  replace = 'r',    ///< the whole log becomes these rows (create, overwrite, rewrite)
  erase = 'd',      ///< the whole log becomes this tombstone
  touch = 't',      ///< nothing is written; the expiry is set again
};

/// One save as it is sent, the same bytes on every retry. `own` is the token of the last row.
struct SaveRequest {
  std::string base;  ///< 12 bytes: the version it replaces; empty: there must be nothing
  Token own{};
  SaveOp op = SaveOp::touch;
  std::int64_t n = 0;
  std::vector<std::string> rows;
  [[nodiscard]] std::size_t bytes() const noexcept;
};

struct SavePlan {
  SaveRequest request;
  LogPosition after;  ///< the context's position once the save took effect
};

enum class PlanStatus : std::uint8_t {
  ready,
  needs_everything,  ///< sealed turns are touched: load everything first
  failed,            ///< `error`, `why`: too_large, unsupported_format (rewriting an opaque page)
};

struct PlanResult {
  PlanStatus status = PlanStatus::ready;
  SavePlan plan;
  errc error{};
  std::string why;
};

/// A save of what changed (state.changes) on top of state.position, which must be set. Chooses
/// touch, append, seal, edit, drop_head, or replace that keeps all tokens (several pages touched,
/// or turns set below what was trimmed).
/// Like all plans it reads older turns where it needs them, and then throws as TurnTable does.
PlanResult plan_save(const ContextState& state, const Token& own, const LogOptions& options);

/// The same save as a log written anew, whatever changed, with the tokens of the one it takes the
/// place of. needs_everything when turns of the context were left in the store.
PlanResult plan_rewrite(const ContextState& state, const Token& own, const LogOptions& options);

/// A log that holds the whole context anew: pages of the older turns, one keyframe.
/// `replaced`: version of the log (or tombstone) it takes the place of; null when there is none.
/// needs_everything when turns of the context were left in the store (position not complete).
PlanResult plan_replace(const ContextState& state, const Version* replaced, const Token& own,
                        const LogOptions& options);

/// A delta with one new turn (its parts; its index becomes `last.next_turn`) behind the row whose
/// header is `last` (a keyframe's or a delta's), without knowing the context: of `after`, only
/// version, keyframe_distance and next_turn are known. too_large when 65,535 rows lie behind the
/// keyframe already: such a context must be loaded and saved, which seals it.
PlanResult plan_append(const RowHeader& last, TurnText turn, const Token& own);

/// A tombstone in place of the log at `version`.
SaveRequest plan_erase(const Version& version, const Token& own);

// ---- merging ---------------------------------------------------------------------------------

/// Puts what changed in `mine` (made on an older version) on top of `theirs` (just loaded, without
/// changes): new turns get indices behind theirs, edits stay at their index and are dropped when
/// that was trimmed away, state goes by key, mine over theirs. The result is in `theirs`, as
/// changes.
void merge(const ContextState& mine, ContextState& theirs);

// ---- checking --------------------------------------------------------------------------------

/// What `check` reports of one log; empty when it is sound. Never throws.
std::vector<std::string> inspect(std::span<const std::string_view> rows);

}  // namespace dialogstore::format
