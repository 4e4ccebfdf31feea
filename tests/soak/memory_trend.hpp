// Whether a figure that goes up and down goes up in the long run.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace dialogstore::soak {

/// Samples over the time of a run. The first third is warm-up: pools, caches and connections grow
/// to what the load needs, and both kinds of failover have come once. Of the other two thirds the
/// peaks are compared, not the ends: a failover piles up requests and replies, and their memory is
/// freed and taken again at every one, so that single samples differ more than a leak would make
/// them.
class MemoryTrend {
 public:
  /// `part`: of the run's time, 0 to 1.
  void add(double part, std::uint64_t bytes) {
    auto& peak = peaks_[std::min<std::size_t>(2, static_cast<std::size_t>(part * 3))];
    peak = std::max(peak, bytes);
    last_ = bytes;
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  /// The highest of the second and of the last third.
  [[nodiscard]] std::uint64_t earlier() const { return peaks_[1]; }
  [[nodiscard]] std::uint64_t later() const { return peaks_[2]; }
  [[nodiscard]] std::uint64_t growth() const {
    return later() > earlier() ? later() - earlier() : 0;
  }

 private:
  std::array<std::uint64_t, 3> peaks_{};
  std::uint64_t last_ = 0;
};

}  // namespace dialogstore::soak
