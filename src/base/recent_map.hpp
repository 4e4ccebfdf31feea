// A map of bounded size: when it is full, the entry used least recently makes room.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dialogstore {

template <class Value>
class RecentMap {
 public:
  /// At least one entry.
  explicit RecentMap(std::size_t capacity) : capacity_(capacity) {}

  /// Null when there is none. Valid until the next call that is not const.
  [[nodiscard]] const Value* find(std::string_view key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? nullptr : &found->second->value;
  }

  /// The same, to change it.
  [[nodiscard]] Value* peek(std::string_view key) {
    return const_cast<Value*>(std::as_const(*this).find(key));
  }

  /// The same, which counts as a use.
  [[nodiscard]] Value* use(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  void put(std::string_view key, Value value) {
    if (auto* present = use(key)) {
      *present = std::move(value);
      return;
    }
    if (entries_.size() >= capacity_) {
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({std::string(key), std::move(value)});
    places_.emplace(entries_.front().key, entries_.begin());
  }

  void forget(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    const auto place = found->second;
    places_.erase(found);
    entries_.erase(place);
  }

  void clear() noexcept {
    places_.clear();
    entries_.clear();
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Value value;
  };
  using Entries = std::list<Entry>;

  std::size_t capacity_;
  Entries entries_;  ///< the one used last first
  std::unordered_map<std::string_view, typename Entries::iterator>
      places_;  ///< views into entries_
};

}  // namespace dialogstore
