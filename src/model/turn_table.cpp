#include "model/turn_table.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

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

// ---- what several readers may do at a time -----------------------------------------------------

WholeTurns& WholeTurns::operator=(const WholeTurns& other) noexcept {
  if (this != &other) clear();
  return *this;
}

WholeTurns& WholeTurns::operator=(WholeTurns&& other) noexcept {
  if (this != &other) delete turns_.exchange(other.turns_.exchange(nullptr));
  return *this;
}

const std::vector<TurnText>& WholeTurns::put(std::vector<TurnText> turns) const {
  auto mine = std::make_unique<std::vector<TurnText>>(std::move(turns));
  std::vector<TurnText>* present = nullptr;
  if (turns_.compare_exchange_strong(present, mine.get(), std::memory_order_acq_rel)) {
    return *mine.release();
  }
  return *present;
}

void WholeTurns::clear() noexcept {
  delete turns_.exchange(nullptr);
}

const std::vector<TurnText>& TurnTable::turns_here() const noexcept {
  const auto* const whole = older_ ? whole_.get() : nullptr;
  return whole != nullptr ? *whole : *turns_;
}

std::int64_t TurnTable::here_from() const noexcept {
  return older_ && whole_.get() == nullptr ? older_->end() : keep_all;
}

bool TurnTable::needs_reading_to_number() const noexcept {
  return here_from() != keep_all && older_->needed_to_number();
}

const std::vector<TurnText>& TurnTable::all() const {
  return here_from() == keep_all ? turns_here() : whole_.put(put_together());
}

std::vector<TurnText> TurnTable::put_together() const {
  const auto& older = older_->turns();
  std::vector<TurnText> whole;
  whole.reserve(older.size() + turns_->size());
  auto turn = older.begin();
  for (const TurnText& newer : *turns_) {
    const auto behind = std::find_if(turn, older.end(), [&](const TurnText& candidate) {
      return candidate.index >= newer.index;
    });
    whole.insert(whole.end(), turn, behind);
    turn = behind;
    whole.push_back(newer);
    if (turn == older.end() || turn->index != newer.index) continue;
    for (std::size_t part = 0; part < turn_parts; ++part) {
      SharedText& text = whole.back().parts[part];
      if (text.empty()) text = turn->parts[part];
    }
    ++turn;
  }
  whole.insert(whole.end(), turn, older.end());
  return whole;
}

const TurnText* TurnTable::find(std::int64_t index) const {
  const auto& turns = index < here_from() ? all() : turns_here();
  const auto found = position_of(turns, index);
  return found != turns.end() && found->index == index ? &*found : nullptr;
}

std::optional<std::int64_t> TurnTable::last_index_here(TurnPart part) const noexcept {
  const auto& turns = turns_here();
  const auto found = std::find_if(turns.rbegin(), turns.rend(), [part](const TurnText& turn) {
    return !turn.parts[slot(part)].empty();
  });
  if (found == turns.rend()) return std::nullopt;
  return found->index;
}

std::optional<std::int64_t> TurnTable::last_index(TurnPart part) const {
  auto last = last_index_here(part);
  if (last || here_from() == keep_all) return last;
  static_cast<void>(all());
  return last_index_here(part);
}

std::optional<std::int64_t> TurnTable::last_index() const {
  const auto& turns = turns_here().empty() ? all() : turns_here();
  if (turns.empty()) return std::nullopt;
  return turns.back().index;
}

std::span<const TurnText> TurnTable::from(std::int64_t index) const {
  const auto& turns = index < here_from() ? all() : turns_here();
  return std::span(turns).subspan(
      static_cast<std::size_t>(position_of(turns, index) - turns.begin()));
}

// ---- what one writer may do --------------------------------------------------------------------

void TurnTable::read() {
  if (!older_) return;
  static_cast<void>(all());
  turns_ = std::move(*whole_.get());
  forget_unread();
}

void TurnTable::forget_unread() noexcept {
  older_.reset();
  whole_.clear();
}

std::vector<TurnText>& TurnTable::all_to_change() {
  read();
  return turns_.change();
}

void TurnTable::keep_only(std::span<const std::int64_t> indices) {
  read();
  const auto is_kept = [&](const TurnText& turn) {
    return std::binary_search(indices.begin(), indices.end(), turn.index);
  };
  if (std::all_of(turns_->begin(), turns_->end(), is_kept)) return;  // and stay shared
  std::vector<TurnText> kept;
  kept.reserve(indices.size());
  std::copy_if(turns_->begin(), turns_->end(), std::back_inserter(kept), is_kept);
  turns_ = std::move(kept);
}

std::vector<TurnText>& TurnTable::turns_to_append_to() {
  if (turns_.is_shared()) {
    std::vector<TurnText> own;
    own.reserve(turns_->size() + 1);
    own.assign(turns_->begin(), turns_->end());
    turns_ = std::move(own);
  }
  return turns_.change();
}

TurnText& TurnTable::at(std::int64_t index) {
  // What readers have put together must not be left behind.
  if (older_ && (whole_.get() != nullptr || index < older_->end())) read();
  if (turns_->empty() || turns_->back().index < index) {
    return turns_to_append_to().emplace_back(TurnText{index, {}});
  }
  auto& turns = turns_.change();
  const auto found = position_of(turns, index);
  if (found->index == index) return *found;
  return *turns.insert(found, {index, {}});
}

void TurnTable::set_part(std::int64_t index, TurnPart part, SharedText text) {
  at(index).parts[slot(part)] = std::move(text);
}

bool TurnTable::erase_part(std::int64_t index, TurnPart part) {
  read();  // else a page that has it too would bring it back
  const TurnText* const present = find(index);
  if (present == nullptr || present->parts[slot(part)].empty()) return false;
  auto& turns = turns_.change();
  const auto found = position_of(turns, index);
  found->parts[slot(part)] = {};
  if (found->empty()) turns.erase(found);
  return true;
}

void TurnTable::merge(TurnPart part, std::vector<PartText> parts) {
  auto& turns = all_to_change();
  std::vector<TurnText> merged;
  merged.reserve(std::max(turns.size(), parts.size()));
  auto turn = turns.begin();
  for (PartText& added : parts) {
    for (; turn != turns.end() && turn->index < added.index; ++turn) {
      merged.push_back(std::move(*turn));
    }
    if (turn != turns.end() && turn->index == added.index) {
      merged.push_back(std::move(*turn++));
    } else {
      merged.push_back({added.index, {}});
    }
    merged.back().parts[slot(part)] = std::move(added.text);
  }
  std::move(turn, turns.end(), std::back_inserter(merged));
  turns = std::move(merged);
}

void TurnTable::trim(const FirstKept& first) {
  const std::int64_t all_kept_from = *std::max_element(first.begin(), first.end());
  if (all_kept_from == keep_all) return;
  auto& turns = all_to_change();
  for (TurnText& turn : turns) {
    if (turn.index >= all_kept_from) break;
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (turn.index < first[part]) turn.parts[part] = {};
    }
  }
  std::erase_if(turns, [](const TurnText& turn) { return turn.empty(); });
}

}  // namespace dialogstore
