// Which keys were listed a short while ago, so that a busy dialog's entry in the index is not
// written again at each turn. Bounded: the least recently listed are forgotten, which costs a
// write, never a listing.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "base/recent_map.hpp"

namespace dialogstore::redis {

class RecentKeys {
 public:
  using Clock = std::chrono::steady_clock;

  RecentKeys(std::size_t capacity, Clock::duration interval)
      : listed_(capacity), interval_(interval) {}

  [[nodiscard]] bool is_due(std::string_view key, Clock::time_point now) const {
    const auto* listed = listed_.find(key);
    return listed == nullptr || now - *listed >= interval_;
  }
  void mark(std::string_view key, Clock::time_point now) { listed_.put(key, now); }
  void forget(std::string_view key) { listed_.forget(key); }
  void forget_all() noexcept { listed_.clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return listed_.size(); }

 private:
  RecentMap<Clock::time_point> listed_;
  Clock::duration interval_;
};

}  // namespace dialogstore::redis
