// The server's clock as seen from here: the distance between its wall clock and our steady clock.
// Every answer that carries server time is a sample, off by at most its round trip.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace dialogstore::redis {

class ServerClock {
 public:
  using Clock = std::chrono::steady_clock;
  using Microseconds = std::chrono::microseconds;

  /// Server time `server` was read at some moment between `asked` and `answered`.
  void sample(Microseconds server, Clock::time_point asked, Clock::time_point answered) {
    const auto trip = answered - asked;
    const Microseconds offset = server - since_epoch(asked + trip / 2);
    // A later sample is not a better one: a busy server's answers are late. Old ones give way, for
    // clocks drift; and one that lies outside of what both trips explain shows a clock that was
    // set.
    const bool is_stale = answered - taken_ > max_age;
    const bool is_better = trip <= trip_;
    const auto drift = offset > offset_ ? offset - offset_ : offset_ - offset;
    if (!known_ || is_stale || is_better || drift > (trip + trip_) / 2 + min_step) {
      known_ = true;
      offset_ = offset;
      trip_ = trip;
      taken_ = answered;
    }
  }

  /// Forgets everything: another server may answer from now on.
  void reset() { known_ = false; }
  [[nodiscard]] bool is_known() const noexcept { return known_; }

  /// Needs a sample.
  [[nodiscard]] Microseconds at(Clock::time_point when) const {
    return since_epoch(when) + offset_;
  }

 private:
  static constexpr std::chrono::seconds max_age{60};
  static constexpr std::chrono::milliseconds min_step{2};  ///< samples in milliseconds are cut off

  static Microseconds since_epoch(Clock::time_point when) {
    return std::chrono::duration_cast<Microseconds>(when.time_since_epoch());
  }

  bool known_ = false;
  Microseconds offset_{0};
  Clock::duration trip_{0};
  Clock::time_point taken_{};
};

}  // namespace dialogstore::redis
