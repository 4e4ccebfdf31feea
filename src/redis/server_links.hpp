// The links to one of several servers, and whether it still answers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/link.hpp"

namespace dialogstore::redis {

/// Which connections a request takes.
enum class Line : std::uint8_t {
  shared,
  blocking,  ///< those of requests that keep a connection from all that come after them
};

/// Which of several links to one server a request takes.
class LinkTurns {
 public:
  /// `by_slot`: all requests for a slot take the same; else one after another.
  LinkTurns(unsigned connections, bool by_slot) noexcept
      : count_(std::max(1U, connections)), by_slot_(by_slot) {}

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t of(std::uint16_t slot) const noexcept { return slot % count_; }
  [[nodiscard]] std::size_t next(std::uint16_t slot) noexcept {
    if (by_slot_) return of(slot);
    const auto turn = next_;
    next_ = next_ + 1 < count_ ? next_ + 1 : 0;
    return turn;
  }

 private:
  std::size_t count_;
  bool by_slot_;
  std::size_t next_ = 0;
};

/// Of links that wait long: what was read over them would be told behind what they wait for.
[[nodiscard]] LinkSettings blocking_link(LinkSettings settings);

class ServerLinks : public std::enable_shared_from_this<ServerLinks> {
 public:
  ServerLinks(const asio::any_io_executor& executor, const LinkSettings& settings,
              unsigned connections);
  ~ServerLinks() { close(); }
  ServerLinks(const ServerLinks&) = delete;
  ServerLinks& operator=(const ServerLinks&) = delete;

  /// As RedisLink::exec_together, over the links in turn. A link that close() ended makes
  /// `unavailable` of its requests: another server may be asked.
  Task<ExecResult> exec(std::uint16_t slot, std::string requests, unsigned count,
                        Clock::time_point deadline, Line line = Line::shared);
  /// RedisClient::heard
  [[nodiscard]] Clock::time_point heard(std::uint16_t slot) const {
    return shared_[turns_.of(slot)]->heard();
  }
  [[nodiscard]] LinkStatistics statistics() const;
  /// Requests that wait for their replies end. Final.
  void close();

  enum class Pulse : std::uint8_t { idle, alive, silent };
  /// Since the last call: silent when what waited then still waits, and nothing was answered.
  [[nodiscard]] Pulse take_pulse() noexcept;

 private:
  using Links = std::vector<std::shared_ptr<RedisLink>>;

  asio::any_io_executor executor_;
  LinkSettings blocking_settings_;
  LinkTurns turns_;
  Links shared_;
  Links blocking_;  ///< made when first needed
  bool is_closed_ = false;
  std::size_t waiting_ = 0;
  std::size_t waited_at_pulse_ = 0;
  std::size_t ended_since_pulse_ = 0;
};

/// Adds the counters up.
void add(LinkStatistics& sum, const LinkStatistics& more) noexcept;

}  // namespace dialogstore::redis
