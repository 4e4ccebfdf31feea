// The main storage: Redis and Valkey.
#pragma once

#include <string_view>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

/// Stores contexts in a Redis or Valkey server, in a Redis Cluster, or in the primary that
/// Sentinels name (6.0 or newer, core commands only). Keeps one connection to each server, which
/// carries the calls of all threads; connects at the first call and again whenever the connection
/// is lost. The user needs: +@list +@sortedset +@hash commands on the namespace's keys, EVAL,
/// EVALSHA, TIME, PEXPIRE, PERSIST, UNLINK (docs/operations.md has the ACL line).
class RedisContextStorage : public DBContextStorage {
 public:
  /// @param path `redis://user:password@host:port/db?…`, `rediss://…`, `redis+unix:///…`,
  /// `redis+cluster://host1,host2/?…` or `redis+sentinel://host1,host2/service?…` (docs/uris.md).
  /// Throws UriError.
  explicit RedisContextStorage(std::string_view path);
  /// From settings instead of a URI. Throws StorageError (invalid_argument).
  explicit RedisContextStorage(RedisOptions redis, StorageOptions options = {});
};

}  // namespace dialogstore
