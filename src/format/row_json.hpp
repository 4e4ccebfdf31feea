// The JSON inside rows: docs/format.md "Bodies". Compact; nulls and empties are left out.
//
//   turn     = {"label":["flow","node"],"request":message,"response":message}
//   page     = {"12":turn,"13":turn}
//   keyframe = {"id":…,"misc":{…},"states":{…},"validation":true,"extra":{…},
//               "first":[l,q,r],"next":[l,q,r],"turns":{"12":turn}}
//   delta    = {"turns":{"12":{"request":message,"response":null}},"misc":{…},"misc_del":["name"],
//               "states":{…},"states_del":[…],"extra":{…},"extra_del":[…],"id":…,
//               "validation":true,"first":[l,q,r],"next":[l,q,r]}
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "format/turn_patches.hpp"
#include "model/context_access.hpp"

namespace dialogstore::format {

using PartIndices = std::array<std::int64_t, turn_parts>;

inline constexpr FirstKept nothing_trimmed{keep_all, keep_all, keep_all};

/// Bit of a part in ContextChanges::turns.
constexpr std::uint8_t part_bit(std::size_t part) noexcept {
  return static_cast<std::uint8_t>(1U << part);
}

// ---- reading ---------------------------------------------------------------------------------

struct BodyFault {
  errc error{};
  std::string why;
  explicit operator bool() const noexcept { return !why.empty(); }
};

/// What a keyframe says, and the deltas behind it on top.
struct TailContent {
  Json id;
  JsonObject misc, framework_states, extra;
  bool validation = false;
  FirstKept first{keep_all, keep_all, keep_all};
  PartIndices next{0, 0, 0};    ///< only grows: one past the last index seen
  bool delta_has_next = false;  ///< so a page was edited, and may have lost the last of a sequence
  TurnPatches turns;
  TextSource source;  ///< of the rows
};

/// `next_turn` is the row header's: what "next" stands for when it is left out.
[[nodiscard]] BodyFault read_keyframe(std::string_view body, std::uint32_t next_turn,
                                      TailContent& out);
[[nodiscard]] BodyFault read_delta(std::string_view body, TailContent& content);

struct PageContent {
  std::int64_t lowest = 0;
  std::int64_t highest = -1;
};
/// Puts the turns of a page's decompressed payload, which lies in `source`, on `turns`; raises
/// `next`.
[[nodiscard]] BodyFault read_page(std::string_view payload, const TextSource& source,
                                  TurnPatches& turns, PartIndices& next, PageContent& content);

// ---- writing ---------------------------------------------------------------------------------

using TurnList = std::vector<const TurnText*>;

/// A turn of a delta. Parts of `touched` that the turn has not are removed; null: has none.
struct TurnEdit {
  std::int64_t index = 0;
  std::uint8_t touched = 0;
  const TurnText* turn = nullptr;
};

std::string page_json(std::span<const TurnText* const> turns);
std::string keyframe_json(const ContextAccess::State& state, std::span<const TurnText* const> turns,
                          const FirstKept& first, const PartIndices& next, std::uint32_t next_turn);
/// `first` and `next` are written when they are not null. What else changed is taken from
/// state.changes.
std::string delta_json(const ContextAccess::State& state, std::span<const TurnEdit> turns,
                       const FirstKept* first, const PartIndices* next);
std::string append_json(const TurnText& turn);

/// About as many bytes as the turn takes in a page.
std::size_t json_size(const TurnText& turn) noexcept;

}  // namespace dialogstore::format
