// Where requests go: one server here; a cluster's router or one that asks Sentinels takes its place
// without anybody above noticing.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialogstore/options.hpp"
#include "flow/task.hpp"
#include "redis/link.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

/// All members are called on the executor.
class RedisClient {
 public:
  virtual ~RedisClient() = default;

  /// Sends one encoded request to the server that has `slot` (keys.hpp) and waits for its reply, as
  /// RedisLink::exec does. A server that does not have the slot says so instead of executing the
  /// request, which then goes to the one that has; so it is executed at most once.
  virtual Task<ExecResult> exec(std::uint16_t slot, std::string request,
                                Clock::time_point deadline) = 0;
  /// The same with commands behind it that are about the connection, `count` in all. They may keep
  /// it for long, so it is another one than that of exec().
  virtual Task<ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                         Clock::time_point deadline) = 0;
  /// exec() for a read, which a replica may answer where the settings say so: it may be behind.
  virtual Task<ExecResult> exec_read(std::uint16_t slot, std::string request,
                                     Clock::time_point deadline) {
    return exec(slot, std::move(request), deadline);
  }

  /// The servers that share the slots, in an order that stays; for what each must be asked.
  struct Servers {
    std::vector<std::string> names;
    std::optional<Failure> failure;  ///< why they are not known
  };
  virtual Task<Servers> servers(Clock::time_point deadline);
  /// Sends a request to one of them, whatever its slots are.
  virtual Task<ExecResult> exec_at(std::string server, std::string request,
                                   Clock::time_point deadline);
  /// A number for the server that has the slot, as far as that is known.
  [[nodiscard]] virtual std::uint64_t server_of(std::uint16_t /*slot*/) const { return 0; }

  /// RedisLink::heard of the link that requests for the slot take, where the settings ask for
  /// tracking: they all take the same one then.
  [[nodiscard]] virtual Clock::time_point heard(std::uint16_t /*slot*/) const {
    return Clock::time_point::min();
  }

  /// Whether one command may name keys of several slots.
  [[nodiscard]] virtual bool spans_slots() const noexcept = 0;
  /// Over all links. `connections` rises when another server may answer from now on.
  [[nodiscard]] virtual LinkStatistics statistics() const = 0;
  [[nodiscard]] virtual asio::any_io_executor executor() const = 0;
  /// Ends every waiting request with errc::closed. Final. Idempotent.
  virtual void close() = 0;
};

/// What the clients of several servers need beside the settings of a link.
struct ClientSettings {
  LinkSettings link;                   ///< to each server; the endpoint is the first
  unsigned connections = 1;            ///< to each server
  std::vector<ServerAddress> servers;  ///< to ask first: nodes, or Sentinels
  std::vector<std::pair<ServerAddress, ServerAddress>> announced;  ///< RedisOptions::announced
  bool reads_replicas = false;
  std::string service;    ///< of Sentinels
  LinkSettings sentinel;  ///< to each Sentinel; the endpoint is not used
};

/// `connections` links to one server, used in turn.
std::shared_ptr<RedisClient> make_single_server(asio::any_io_executor executor,
                                                const LinkSettings& settings, unsigned connections);
/// A Redis Cluster: requests go to the node that has their slot.
std::shared_ptr<RedisClient> make_cluster(asio::any_io_executor executor,
                                          const ClientSettings& settings);
/// One server, or the cluster that it is a node of: it is asked before the first request.
std::shared_ptr<RedisClient> make_server_or_cluster(asio::any_io_executor executor,
                                                    const ClientSettings& settings);
/// The server that Sentinels name as the primary of a service.
std::shared_ptr<RedisClient> make_sentinel_service(asio::any_io_executor executor,
                                                   const ClientSettings& settings);

}  // namespace dialogstore::redis
