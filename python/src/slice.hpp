// Work of many steps, done in one go or a slice at a time: an event loop sees to others in between.
#pragma once

#include <chrono>
#include <optional>

namespace dialogstore::python {

/// Says when a slice is over; one of no length never is.
class Slice {
 public:
  using Seconds = std::optional<double>;

  explicit Slice(Seconds length) {
    if (length) {
      end_ = Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*length));
    }
  }

  [[nodiscard]] bool is_over() const noexcept { return end_ && Clock::now() >= *end_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> end_;
};

}  // namespace dialogstore::python
