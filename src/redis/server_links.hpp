// The links to one of several servers, and whether it still answers.
#pragma once

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

class ServerLinks : public std::enable_shared_from_this<ServerLinks> {
 public:
  ServerLinks(const asio::any_io_executor& executor, const LinkSettings& settings,
              unsigned connections);
  ~ServerLinks() { close(); }
  ServerLinks(const ServerLinks&) = delete;
  ServerLinks& operator=(const ServerLinks&) = delete;

  /// As RedisLink::exec_together, over the links in turn. A link that close() ended makes
  /// `unavailable` of its requests: another server may be asked.
  Task<ExecResult> exec(std::string requests, unsigned count, Clock::time_point deadline,
                        Line line = Line::shared);
  [[nodiscard]] LinkStatistics statistics() const;
  /// Requests that wait for their replies end. Final.
  void close();

  enum class Pulse : std::uint8_t { idle, alive, silent };
  /// Since the last call: silent when what waited then still waits, and nothing was answered.
  [[nodiscard]] Pulse take_pulse() noexcept;

 private:
  using Links = std::vector<std::shared_ptr<RedisLink>>;

  asio::any_io_executor executor_;
  LinkSettings settings_;
  Links shared_;
  Links blocking_;  ///< made when first needed
  std::size_t next_ = 0;
  bool is_closed_ = false;
  std::size_t waiting_ = 0;
  std::size_t waited_at_pulse_ = 0;
  std::size_t ended_since_pulse_ = 0;
};

/// Adds the counters up.
void add(LinkStatistics& sum, const LinkStatistics& more) noexcept;

}  // namespace dialogstore::redis
