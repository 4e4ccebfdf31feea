// Ways in which a replica of a cluster takes its primary's place.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "support/redis_cluster.hpp"

namespace dialogstore::test {

/// A primary that has a replica which all nodes know as such, and would elect, and that replica;
/// `number` chooses. Throws std::runtime_error when there is none for long.
std::pair<std::size_t, std::size_t> primary_and_replica(RedisCluster& cluster,
                                                        std::uint64_t number);

/// The replica takes the place of its primary, which does not answer: what made it so is called
/// first. False when that takes too long.
[[nodiscard]] bool take_over(RedisCluster& cluster, std::size_t primary, std::size_t replica,
                             const std::function<void()>& make_silent);

/// These return when the replica has taken over and all nodes are sound again, false when that
/// takes too long.
[[nodiscard]] bool kill_and_restart(RedisCluster& cluster, std::size_t primary,
                                    std::size_t replica);
[[nodiscard]] bool kill_and_restart_primary(RedisCluster& cluster, std::uint64_t number);
/// CLUSTER FAILOVER: no acknowledged write is lost if it goes in order, and the old primary stays
/// as replica. A node that was elected is not again for four times RedisCluster::long_silence.
[[nodiscard]] bool hand_over(RedisCluster& cluster, std::size_t replica);
[[nodiscard]] bool hand_over_primary(RedisCluster& cluster, std::uint64_t number);

/// How often, as the nodes' logs tell, something has gone otherwise than in order: a handover was
/// not done within the five seconds for which a primary holds its clients, so that it went on
/// taking writes, or a node that got no time to run was taken for dead. Leaves out the node
/// that is, and what its log says.
std::size_t disorders(RedisCluster& cluster, std::optional<std::size_t> dead = {});

}  // namespace dialogstore::test
