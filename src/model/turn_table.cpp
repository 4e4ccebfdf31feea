#include <algorithm>
#include <utility>

#include "model/context_access.hpp"

namespace dialogstore {
namespace {

template <class Turns>
auto position_of(Turns& turns, std::int64_t index) noexcept {
  return std::lower_bound(
      turns.begin(), turns.end(), index,
      [](const TurnText& turn, std::int64_t wanted) { return turn.index < wanted; });
}

constexpr std::size_t slot(TurnPart part) noexcept {
  return static_cast<std::size_t>(part);
}

}  // namespace

const TurnText* TurnTable::find(std::int64_t index) const noexcept {
  const auto found = position_of(turns_, index);
  return found != turns_.end() && found->index == index ? &*found : nullptr;
}

TurnText& TurnTable::at(std::int64_t index) {
  if (turns_.empty() || turns_.back().index < index) {
    turns_.push_back({index, {}});
    return turns_.back();
  }
  const auto found = position_of(turns_, index);
  if (found->index == index) return *found;
  return *turns_.insert(found, {index, {}});
}

void TurnTable::set_part(std::int64_t index, TurnPart part, SharedText text) {
  at(index).parts[slot(part)] = std::move(text);
}

bool TurnTable::erase_part(std::int64_t index, TurnPart part) {
  const auto found = position_of(turns_, index);
  if (found == turns_.end() || found->index != index) return false;
  SharedText& text = found->parts[slot(part)];
  if (text.empty()) return false;
  text = {};
  if (found->empty()) turns_.erase(found);
  return true;
}

void TurnTable::merge(TurnPart part, std::vector<PartText> parts) {
  std::vector<TurnText> merged;
  merged.reserve(std::max(turns_.size(), parts.size()));
  auto turn = turns_.begin();
  for (PartText& added : parts) {
    for (; turn != turns_.end() && turn->index < added.index; ++turn) {
      merged.push_back(std::move(*turn));
    }
    if (turn != turns_.end() && turn->index == added.index) {
      merged.push_back(std::move(*turn++));
    } else {
      merged.push_back({added.index, {}});
    }
    merged.back().parts[slot(part)] = std::move(added.text);
  }
  std::move(turn, turns_.end(), std::back_inserter(merged));
  turns_ = std::move(merged);
}

void TurnTable::trim(const FirstKept& first) {
  for (TurnText& turn : turns_) {
    if (turn.index >= *std::max_element(first.begin(), first.end())) break;
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (turn.index < first[part]) turn.parts[part] = {};
    }
  }
  std::erase_if(turns_, [](const TurnText& turn) { return turn.empty(); });
}

std::optional<std::int64_t> TurnTable::last_index(TurnPart part) const noexcept {
  const auto found = std::find_if(turns_.rbegin(), turns_.rend(), [part](const TurnText& turn) {
    return !turn.parts[slot(part)].empty();
  });
  if (found == turns_.rend()) return std::nullopt;
  return found->index;
}

}  // namespace dialogstore
