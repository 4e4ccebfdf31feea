// What one cell measures, and the line that says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/redis_client.hpp"

namespace dialogstore::bench {

/// Of a Redis server, since its start.
struct ServerCounters {
  double bytes_in = 0;
  double bytes_out = 0;
  double cpu_us = 0;
};

/// Between its construction and `line`: time, CPU of this process and, when there is a server, what
/// it counted (less what asking for it costs).
class Meter {
 public:
  /// @param store redis://host:port/db; anything else has no server.
  explicit Meter(const std::string& store);

  /// From here on is measured.
  void start();
  void add_latency(std::chrono::steady_clock::duration time) { latencies_.push_back(time); }
  /// Ends the measurement.
  void stop();

  [[nodiscard]] std::size_t turns() const noexcept { return latencies_.size(); }
  /// `{"turns":…,"turns_per_second":…,…}`: a JSON object, the figures of one turn.
  [[nodiscard]] std::string json();

 private:
  struct Moment {
    std::chrono::steady_clock::time_point time;
    double client_cpu_us = 0;
    ServerCounters server;
  };

  [[nodiscard]] Moment now();
  [[nodiscard]] ServerCounters server_counters();
  [[nodiscard]] double percentile(double share) const;

  std::optional<test::RedisClient> server_;
  ServerCounters asking_;  ///< what one look at the counters adds to them
  Moment start_;
  Moment stop_;
  std::vector<std::chrono::steady_clock::duration> latencies_;
};

}  // namespace dialogstore::bench
