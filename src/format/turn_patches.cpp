#include "format/turn_patches.hpp"

#include <algorithm>
#include <utility>

namespace dialogstore::format {
namespace {

void put_over(TurnText& older, TurnText&& newer) {
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if (!newer.parts[part].empty()) older.parts[part] = std::move(newer.parts[part]);
  }
}

}  // namespace

void TurnPatches::apply(TurnText&& turn) {
  if (turns_.empty() || turns_.back().index < turn.index) {
    turns_.push_back(std::move(turn));
    return;
  }
  if (ascending_) {
    const auto place = std::ranges::lower_bound(turns_, turn.index, {}, &TurnText::index);
    if (place->index == turn.index) {
      put_over(*place, std::move(turn));
      return;
    }
    ascending_ = false;
  }
  turns_.push_back(std::move(turn));
}

void TurnPatches::settle() {
  if (ascending_) return;
  std::ranges::stable_sort(turns_, {}, &TurnText::index);
  std::size_t kept = 0;
  for (std::size_t i = 1; i < turns_.size(); ++i) {
    if (turns_[i].index == turns_[kept].index) {
      put_over(turns_[kept], std::move(turns_[i]));
    } else if (++kept != i) {
      turns_[kept] = std::move(turns_[i]);
    }
  }
  turns_.resize(kept + 1);
  ascending_ = true;
}

std::vector<std::int64_t> TurnPatches::indices() const {
  std::vector<std::int64_t> indices;
  indices.reserve(turns_.size());
  for (const TurnText& turn : turns_) indices.push_back(turn.index);
  return indices;
}

std::vector<TurnText> TurnPatches::removals() const {
  std::vector<TurnText> removals;
  for (const TurnText& turn : turns_) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (turn.parts[part] != removed_part) continue;
      if (removals.empty() || removals.back().index != turn.index) {
        removals.push_back({turn.index, {}});
      }
      removals.back().parts[part] = turn.parts[part];
    }
  }
  return removals;
}

std::vector<TurnText> TurnPatches::take() {
  for (TurnText& turn : turns_) {
    for (SharedText& part : turn.parts) {
      if (part == removed_part) part = {};
    }
  }
  std::erase_if(turns_, [](const TurnText& turn) { return turn.empty(); });
  return std::move(turns_);
}

}  // namespace dialogstore::format
