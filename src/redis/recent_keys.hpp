// Which keys were listed a short while ago, so that a busy dialog's entry in the index is not
// written again at each turn. Bounded: the least recently listed are forgotten, which costs a
// write, never a listing.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dialogstore::redis {

class RecentKeys {
 public:
  using Clock = std::chrono::steady_clock;

  RecentKeys(std::size_t capacity, Clock::duration interval)
      : capacity_(capacity), interval_(interval) {}

  [[nodiscard]] bool is_due(std::string_view key, Clock::time_point now) const {
    const auto found = places_.find(key);
    return found == places_.end() || now - found->second->listed >= interval_;
  }

  void mark(std::string_view key, Clock::time_point now) {
    const auto found = places_.find(key);
    if (found != places_.end()) {
      found->second->listed = now;
      entries_.splice(entries_.begin(), entries_, found->second);
      return;
    }
    if (entries_.size() >= capacity_) {
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({std::string(key), now});
    places_.emplace(entries_.front().key, entries_.begin());
  }

  void forget(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    const auto place = found->second;
    places_.erase(found);
    entries_.erase(place);
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Clock::time_point listed;
  };

  std::size_t capacity_;
  Clock::duration interval_;
  std::list<Entry> entries_;  ///< most recently listed first
  std::unordered_map<std::string_view, std::list<Entry>::iterator>
      places_;  ///< views into entries_
};

}  // namespace dialogstore::redis
