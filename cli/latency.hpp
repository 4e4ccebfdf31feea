// How long turns took.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace dialogstore::cli {

class Latencies {
 public:
  using Duration = std::chrono::steady_clock::duration;

  void add(Duration duration) {
    sorted_ = false;
    durations_.push_back(duration);
  }
  [[nodiscard]] std::size_t count() const noexcept { return durations_.size(); }
  /// The duration that this share (0 … 1) of all did not exceed, in milliseconds; 0 without any.
  [[nodiscard]] double milliseconds(double share);

 private:
  std::vector<Duration> durations_;
  bool sorted_ = false;
};

/// Rounded to three significant digits, for tables and JSON.
double rounded(double value);
/// "0.083 ms", "12.4 ms", "1.53 s"
std::string duration_text(double milliseconds);

}  // namespace dialogstore::cli
