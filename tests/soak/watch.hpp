// Looks on while a run goes on: memory, calls that do not end, and a line for who waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "callers.hpp"
#include "memory_trend.hpp"

namespace dialogstore::soak {

struct WatchOptions {
  std::chrono::seconds length{};    ///< of the run
  std::chrono::milliseconds stuck;  ///< a call that takes longer than this will never end
};

/// A call that does not end is told at once and ends the process: nobody could wait for its thread.
class Watch {
 public:
  Watch(const Callers& callers, WatchOptions options);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// How much of the run is over, 0 to 1.
  [[nodiscard]] double part() const;
  void note_servers(std::uint64_t bytes);
  /// A line that stays.
  void say(const std::string& line);
  void stop();

  [[nodiscard]] MemoryTrend client() const;
  [[nodiscard]] MemoryTrend servers() const;

 private:
  void run();
  void look();
  void show() const;

  const Callers& callers_;
  const WatchOptions options_;
  const SteadyClock::time_point begun_ = SteadyClock::now();
  const bool is_terminal_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;
  MemoryTrend client_;
  MemoryTrend servers_;
  std::thread thread_;
};

/// As the kernel counts this process's pages. Throws std::runtime_error.
std::uint64_t resident_bytes();

}  // namespace dialogstore::soak
