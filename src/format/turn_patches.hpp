// The turns that rows name, put on top of each other in the order of the rows.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/turn_text.hpp"

namespace dialogstore::format {

/// The text of a part that a row removes. No part has this text of its own.
inline constexpr std::string_view removed_part = "null";

/// Rows name turns nearly always in ascending order, or one of the newest again; anything else is
/// sorted once at the end, so that hostile rows cost no more than n log n.
class TurnPatches {
 public:
  /// A new turn to be filled in place when the index lies behind all others; else null, and the
  /// turn is to be applied.
  TurnText* add_behind(std::int64_t index) {
    if (!turns_.empty() && turns_.back().index >= index) return nullptr;
    return &turns_.emplace_back();
  }
  /// Parts that are not empty replace those of earlier rows.
  void apply(TurnText&& turn);
  /// Sorts when necessary; afterwards each index stands once, ascending.
  void settle();
  [[nodiscard]] std::vector<std::int64_t> indices() const;
  /// The parts that these remove from earlier rows, and nothing else. Call settle first.
  [[nodiscard]] std::vector<TurnText> removals() const;
  /// The turns without what was removed and without turns left empty. Call settle first.
  std::vector<TurnText> take();

  [[nodiscard]] std::vector<TurnText>& all() noexcept { return turns_; }
  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }

 private:
  std::vector<TurnText> turns_;
  bool ascending_ = true;
};

}  // namespace dialogstore::format
