#include "support/cluster_failover.hpp"

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

constexpr std::chrono::seconds patience{90};
constexpr std::chrono::seconds one_try{10};
constexpr int hand_over_tries = 5;

std::optional<std::size_t> replica_of(RedisCluster& cluster, std::size_t primary) {
  const auto replicas = cluster.node(primary).command({"CLUSTER", "REPLICAS", cluster.id(primary)});
  if (replicas.elements.empty()) return std::nullopt;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (replicas.elements[0].text.starts_with(cluster.id(i))) return i;
  }
  return std::nullopt;
}

// As all nodes know it. Who still takes it for a primary gives it no vote, and calm nodes hear of a
// change from the node itself some seconds later.
bool is_replica_of(RedisCluster& cluster, std::size_t replica, std::size_t primary) {
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.node(i).pid() < 0) continue;
    const auto nodes = cluster.node(i).command({"CLUSTER", "NODES"}).text;
    const auto begin = nodes.find(cluster.id(replica) + " ");
    if (begin == std::string::npos) return false;
    const auto line = nodes.substr(begin, nodes.find('\n', begin) - begin);
    if (line.find("slave " + cluster.id(primary)) == std::string::npos) return false;
  }
  return true;
}

bool is_taken_over(RedisCluster& cluster, std::size_t replica) {
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
        if (!replica || !is_replica_of(cluster, *replica, primary)) return false;
        found = {primary, *replica};
        return true;
      },
      patience);
  if (!is_found) throw std::runtime_error("no primary of the cluster has a replica");
  return found;
}

bool take_over(RedisCluster& cluster, std::size_t primary, std::size_t replica,
               const std::function<void()>& make_silent) {
  if (!eventually([&] { return is_replica_of(cluster, replica, primary); }, patience)) return false;
  make_silent();
  cluster.watch_closely(primary);
  const bool is_taken = is_taken_over(cluster, replica);
  cluster.watch_calmly(primary);
  return is_taken;
}

bool kill_and_restart(RedisCluster& cluster, std::size_t primary, std::size_t replica) {
  auto& node = cluster.node(primary);
  const bool is_taken = take_over(cluster, primary, replica, [&] { node.kill9(); });
  node.restart();
  cluster.watch_calmly();
  return is_taken && cluster.wait_until_sound();
}

bool kill_and_restart_primary(RedisCluster& cluster, std::uint64_t number) {
  const auto [primary, replica] = primary_and_replica(cluster, number);
  return kill_and_restart(cluster, primary, replica);
}

bool hand_over(RedisCluster& cluster, std::size_t replica) {
  // Refused while it has lost sight of its primary for a moment; and one may come to nothing.
  for (int tries = 0; tries < hand_over_tries && !cluster.is_primary(replica); ++tries) {
    // Calm nodes elect nobody again for long.
    if (tries > 0) cluster.watch_closely();
    static_cast<void>(eventually(
        [&] {
          return !cluster.node(replica).command({"CLUSTER", "FAILOVER"}).is_error();
        },
        one_try));
    static_cast<void>(eventually([&] { return cluster.is_primary(replica); }, one_try));
  }
  cluster.watch_calmly();
  return is_taken_over(cluster, replica) && cluster.wait_until_sound();
}

bool hand_over_primary(RedisCluster& cluster, std::uint64_t number) {
  return hand_over(cluster, primary_and_replica(cluster, number).second);
}

std::size_t disorders(RedisCluster& cluster, std::optional<std::size_t> dead) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (i == dead) continue;
    std::istringstream log(cluster.node(i).log());
    for (std::string line; std::getline(log, line);) {
      const auto tells = [&](std::string_view text) {
        return line.find(text) != std::string::npos;
      };
      const bool is_fault =
          tells("as failing (quorum reached)") && !(dead && tells(cluster.id(*dead)));
      count += is_fault || tells("Manual failover timed out") ? 1 : 0;
    }
  }
  return count;
}

}  // namespace dialogstore::test
