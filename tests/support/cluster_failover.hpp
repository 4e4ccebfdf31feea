// Ways in which a replica of a cluster takes its primary's place.
#pragma once

#include <cstdint>
#include <utility>

#include "support/redis_cluster.hpp"

namespace dialogstore::test {

/// A primary that has a replica in step, and that replica; `number` chooses. Throws
/// std::runtime_error when there is none for long.
std::pair<std::size_t, std::size_t> primary_and_replica(RedisCluster& cluster,
                                                        std::uint64_t number);

/// Both return when the replica has taken over and all nodes are sound again, false when that
/// takes too long.
[[nodiscard]] bool kill_and_restart_primary(RedisCluster& cluster, std::uint64_t number);
/// CLUSTER FAILOVER: no acknowledged write is lost if it goes in order, and the old primary stays
/// as replica.
[[nodiscard]] bool hand_over(RedisCluster& cluster, std::size_t replica);
[[nodiscard]] bool hand_over_primary(RedisCluster& cluster, std::uint64_t number);

/// How often, as the nodes' logs tell, something has gone otherwise than in order: a handover was
/// not done within the five seconds for which a primary holds its clients, so that it went on
/// taking writes, or a node that got no time to run was taken for dead.
std::size_t disorders(RedisCluster& cluster);

}  // namespace dialogstore::test
