#include "support/cluster_failover.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr int hand_over_tries = 5;

std::optional<std::size_t> replica_of(RedisCluster& cluster, std::size_t primary) {
  const auto replicas = cluster.node(primary).command({"CLUSTER", "REPLICAS", cluster.id(primary)});
  if (replicas.elements.empty()) return std::nullopt;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (replicas.elements[0].text.starts_with(cluster.id(i))) return i;
  }
  return std::nullopt;
}

bool takes_over(RedisCluster& cluster, std::size_t replica) {
  return eventually([&] { return cluster.is_primary(replica); }, patience);
}

}  // namespace

std::pair<std::size_t, std::size_t> primary_and_replica(RedisCluster& cluster,
                                                        std::uint64_t number) {
  std::pair<std::size_t, std::size_t> found;
  const bool is_found = eventually(
      [&] {
        const auto primary = static_cast<std::size_t>(number++ % cluster.size());
        if (!cluster.is_primary(primary)) return false;
        const auto replica = replica_of(cluster, primary);
        if (replica) found = {primary, *replica};
        return replica.has_value();
      },
      patience);
  if (!is_found) throw std::runtime_error("no primary of the cluster has a replica");
  return found;
}

bool kill_and_restart_primary(RedisCluster& cluster, std::uint64_t number) {
  const auto [primary, replica] = primary_and_replica(cluster, number);
  cluster.node(primary).kill9();
  const bool is_taken = takes_over(cluster, replica);
  cluster.node(primary).restart();
  return is_taken && cluster.wait_until_sound();
}

bool hand_over(RedisCluster& cluster, std::size_t replica) {
  // Refused while it has lost sight of its primary for a moment; and one may come to nothing.
  for (int tries = 0; tries < hand_over_tries && !cluster.is_primary(replica); ++tries) {
    static_cast<void>(eventually([&] {
      return !cluster.node(replica).command({"CLUSTER", "FAILOVER"}).is_error();
    }));
    static_cast<void>(eventually([&] { return cluster.is_primary(replica); }));
  }
  return takes_over(cluster, replica) && cluster.wait_until_sound();
}

bool hand_over_primary(RedisCluster& cluster, std::uint64_t number) {
  return hand_over(cluster, primary_and_replica(cluster, number).second);
}

std::size_t disorders(RedisCluster& cluster) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    const std::string log = cluster.node(i).log();
    for (const std::string_view told :
         {"Manual failover timed out", "as failing (quorum reached)"}) {
      for (auto at = log.find(told); at != std::string::npos; at = log.find(told, at + 1)) ++count;
    }
  }
  return count;
}

}  // namespace dialogstore::test
