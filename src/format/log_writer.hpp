// The rows that begin a log or take the place of its tail: pages of older turns and one keyframe.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "format/log.hpp"
#include "format/row_json.hpp"

namespace dialogstore::format {

struct Failure {
  errc error{};
  std::string why;
  explicit operator bool() const noexcept { return !why.empty(); }
};

/// Turns to be written in place of others, and how.
struct LogDraft {
  TurnList turns;             ///< ascending; the newest one or two go into the keyframe
  std::vector<Token> tokens;  ///< the first page carries them; a page is written for them alone
  Version page_version;       ///< of the pages' headers
  Version keyframe_version;
  FirstKept first = nothing_trimmed;
  std::uint32_t next_turn = 0;
};

struct WrittenLog {
  std::vector<std::string> rows;
  std::vector<PageMark> pages;
  std::vector<std::int64_t> keyframe_turns;
};

/// Pages are kept far below the limit of a row: a draft fails only for a single turn or a state
/// that is too large.
Failure write_log(const ContextState& state, const LogDraft& draft, const LogOptions& options,
                  WrittenLog& out);

/// Writes one page and what a position remembers of it (`mark` has version, next_turn, tokens).
Failure write_page(std::span<const TurnText* const> turns, const LogOptions& options,
                   PageMark& mark, std::string& row);

/// Where a context stands behind the written rows; `complete` and `pages` are up to the caller.
LogPosition position_after(const LogDraft& draft, const WrittenLog& written);

/// The limit of one row.
Failure check_row(const std::string& row);

// ---- answers ---------------------------------------------------------------------------------

inline constexpr std::uint16_t last_distance = std::numeric_limits<std::uint16_t>::max();
inline constexpr std::uint32_t last_seq = std::numeric_limits<std::uint32_t>::max();

/// The plan, or the limit that it breaks.
PlanResult checked(SavePlan plan);
PlanResult failed(Failure failure);
PlanResult needs_everything();
PlanResult too_many_saves();
PlanResult beyond_last_turn();

}  // namespace dialogstore::format
