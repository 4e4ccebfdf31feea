// A Redis Cluster as a RedisClient: the router's decisions with I/O around them, one group of links
// for each node, and the question for the map.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/cluster_router.hpp"
#include "redis/redis_client.hpp"
#include "redis/server_links.hpp"
#include "redis/waiters.hpp"

namespace dialogstore::redis {

class ClusterClient final : public RedisClient, public std::enable_shared_from_this<ClusterClient> {
 public:
  ClusterClient(asio::any_io_executor executor, ClientSettings settings);
  ~ClusterClient() override { close(); }

  Task<ExecResult> exec(std::uint16_t slot, std::string request,
                        Clock::time_point deadline) override;
  Task<ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                 Clock::time_point deadline) override;
  Task<ExecResult> exec_read(std::uint16_t slot, std::string request,
                             Clock::time_point deadline) override;
  Task<Servers> servers(Clock::time_point deadline) override;
  Task<ExecResult> exec_at(std::string server, std::string request,
                           Clock::time_point deadline) override;
  [[nodiscard]] std::uint64_t server_of(std::uint16_t slot) const override;
  [[nodiscard]] Clock::time_point heard(std::uint16_t slot) const override;
  [[nodiscard]] bool spans_slots() const noexcept override { return false; }
  [[nodiscard]] LinkStatistics statistics() const override;
  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }
  void close() override;

 private:
  using Self = std::shared_ptr<ClusterClient>;
  using Nodes = std::map<ServerAddress, std::shared_ptr<ServerLinks>>;

  static Task<ExecResult> run(Self self, Route route, std::string requests, unsigned count,
                              Clock::time_point deadline);
  static Task<ExecResult> send(Self self, const Route* route, std::string requests, unsigned count,
                               Clock::time_point deadline);
  /// Waits for the next map. What the call ends with when it cannot go on.
  static Task<std::optional<ExecResult>> look_up(Self self, Clock::time_point deadline);

  void stop_hearing();

  // The map.
  void refresh_soon();
  static Task<void> refresh(Self self);
  static Task<std::vector<MapReport>> ask(Self self, std::vector<ServerAddress> nodes);
  static Task<std::optional<MapReport>> ask_one(Self self, ServerAddress node,
                                                Clock::time_point deadline);
  void note_problem(Failure problem);
  [[nodiscard]] std::vector<ServerAddress> some_nodes();
  [[nodiscard]] std::vector<ServerAddress> all_nodes() const;

  // The nodes.
  std::shared_ptr<ServerLinks> links_to(const ServerAddress& address, bool is_replica);
  void watch();
  static Task<void> tend(Self self);
  [[nodiscard]] bool tend_nodes(Nodes& nodes, bool are_replicas);

  asio::any_io_executor executor_;
  ClientSettings settings_;
  ClusterRouter router_;
  Nodes primaries_;  ///< and whatever else is asked as one
  Nodes replicas_;   ///< read-only links
  LinkStatistics gone_;
  bool is_closed_ = false;

  bool is_refreshing_ = false;
  bool asks_all_ = true;            ///< not only primaries: the last question brought no map
  int unanswered_ = 0;              ///< questions in a row that nobody answered
  std::optional<Failure> problem_;  ///< why there is no map, of the last question
  asio::steady_timer refresh_timer_;
  Waiters waiters_;  ///< for the map
  bool is_watching_ = false;
  asio::steady_timer watch_timer_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace dialogstore::redis
