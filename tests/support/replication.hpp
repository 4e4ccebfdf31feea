// How far a replica is behind.
#pragma once

#include "support/eventually.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {

/// Waits until the replica has all that its primary had taken when this was called. What is
/// acknowledged before is not lost when the replica takes over.
[[nodiscard]] inline bool catches_up(RedisServer& replica, RedisServer& primary) {
  const auto offset = primary.info("master_repl_offset");
  return !offset.empty() && eventually([&] {
    const auto there = replica.info("slave_repl_offset");
    return !there.empty() && std::stoll(there) >= std::stoll(offset);
  });
}

}  // namespace dialogstore::test
