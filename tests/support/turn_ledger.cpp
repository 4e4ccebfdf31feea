#include "support/turn_ledger.hpp"

#include <algorithm>

namespace dialogstore::test {

std::string TurnLedger::Entry::text() const {
  return std::to_string(generation) + "." + std::to_string(number);
}

TurnLedger::Entry TurnLedger::begin() {
  const std::lock_guard lock(mutex_);
  fates_.push_back(Fate::in_doubt);
  return {generation_, fates_.size() - 1};
}

void TurnLedger::settle(const Entry& entry, Fate fate) {
  const std::lock_guard lock(mutex_);
  if (entry.generation == generation_) fates_.at(entry.number) = fate;
}

bool TurnLedger::is_full() const {
  const std::lock_guard lock(mutex_);
  return fates_.size() >= capacity_;
}

std::uint64_t TurnLedger::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

std::vector<TurnLedger::Entry> TurnLedger::acknowledged() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < fates_.size(); ++i) {
    if (fates_[i] == Fate::acknowledged) entries.push_back({generation_, i});
  }
  return entries;
}

std::string TurnLedger::fault_of(const std::vector<std::string>& stored) const {
  const std::lock_guard lock(mutex_);
  std::size_t known = 0;
  for (std::size_t i = 0; i < fates_.size(); ++i) {
    const auto text = Entry{generation_, i}.text();
    const auto count = std::count(stored.begin(), stored.end(), text);
    known += static_cast<std::size_t>(count);
    if (count > 1) return "turn " + text + " is there " + std::to_string(count) + " times";
    if (count == 0 && fates_[i] == Fate::acknowledged) {
      return "turn " + text + " was acknowledged and is lost";
    }
    if (count == 1 && fates_[i] == Fate::refused) {
      return "turn " + text + " was refused and is there";
    }
  }
  if (known == stored.size()) return {};
  return std::to_string(stored.size() - known) + " turns are none that anybody said since the " +
         "context was deleted";
}

std::string TurnLedger::missing(const std::vector<Entry>& entries,
                                const std::vector<std::string>& stored) {
  for (const auto& entry : entries) {
    const auto text = entry.text();
    if (std::find(stored.begin(), stored.end(), text) == stored.end()) return text;
  }
  return {};
}

void TurnLedger::begin_again() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  fates_.clear();
}

}  // namespace dialogstore::test
