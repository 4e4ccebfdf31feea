#include "latency.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace dialogstore::cli {

double Latencies::milliseconds(double share) {
  if (durations_.empty()) return 0;
  if (!sorted_) std::sort(durations_.begin(), durations_.end());
  sorted_ = true;
  const auto last = static_cast<double>(durations_.size() - 1);
  const auto at = static_cast<std::size_t>(std::ceil(share * last));
  return std::chrono::duration<double, std::milli>(durations_[at]).count();
}

double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(std::fabs(value))));
  return scale > 1 ? std::round(value * scale) / scale : std::round(value);
}

std::string duration_text(double milliseconds) {
  std::array<char, 48> text{};
  const bool seconds = milliseconds >= 1000;
  std::snprintf(text.data(), text.size(), "%g %s",
                rounded(seconds ? milliseconds / 1000 : milliseconds), seconds ? "s" : "ms");
  return text.data();
}

}  // namespace dialogstore::cli
