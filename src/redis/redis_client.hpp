// Where requests go: one server here; a cluster's router or one that asks Sentinels takes its place
// without anybody above noticing.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/link.hpp"

namespace dialogstore::redis {

/// All members are called on the executor.
class RedisClient {
 public:
  virtual ~RedisClient() = default;

  /// Sends one encoded request to the server that has `slot` (keys.hpp) and waits for its reply, as
  /// RedisLink::exec does.
  virtual asio::awaitable<ExecResult> exec(std::uint16_t slot, std::string request,
                                           Clock::time_point deadline) = 0;
  /// Whether one command may name keys of several slots.
  [[nodiscard]] virtual bool spans_slots() const noexcept = 0;
  /// Over all links. `connections` rises when another server may answer from now on.
  [[nodiscard]] virtual LinkStatistics statistics() const = 0;
  [[nodiscard]] virtual asio::any_io_executor executor() const = 0;
  /// Ends every waiting request with errc::closed. Final. Idempotent.
  virtual void close() = 0;
};

/// `connections` links to one server, used in turn.
std::shared_ptr<RedisClient> make_single_server(asio::any_io_executor executor,
                                                const LinkSettings& settings, unsigned connections);

}  // namespace dialogstore::redis
