// The rows of contexts in a Redis or Valkey server: saving by the script, reading, listing.
#pragma once

#include <memory>
#include <string>

#include "dialogstore/options.hpp"
#include "redis/durability.hpp"
#include "redis/key_tracking.hpp"
#include "redis/redis_client.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

struct RowLogSettings {
  std::string identity;  ///< names server, database and namespace
  std::string user;      ///< for messages
  std::chrono::milliseconds clock_tolerance{600'000};
  Durability durability;  ///< of a save before it is acknowledged
  /// That of the client's links; null: nobody tells of changes.
  std::shared_ptr<KeyTracking> tracking;
  std::chrono::milliseconds max_staleness{0};  ///< RedisOptions::cache_max_staleness
};

/// `options` must have passed check_options.
std::unique_ptr<RowLog> make_redis_row_log(std::shared_ptr<RedisClient> client,
                                           const StorageOptions& options, RowLogSettings settings);

}  // namespace dialogstore::redis
