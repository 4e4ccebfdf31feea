// The main storage: Redis and Valkey.
#pragma once

#include <string_view>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

/// Stores contexts in a Redis or Valkey server (6.0 or newer, core commands only). Keeps one
/// connection that carries the calls of all threads; connects at the first call and again whenever
/// the connection is lost. The user needs: +@list +@sortedset +@hash commands on the namespace's
/// keys, EVAL, EVALSHA, TIME, PEXPIRE, PERSIST, UNLINK (docs/operations.md has the ACL line).
class RedisContextStorage : public DBContextStorage {
 public:
  /// @param path `redis://user:password@host:port/db?…`, `rediss://…` or `redis+unix:///…`.
  /// Throws UriError.
  explicit RedisContextStorage(std::string_view path);
  /// From settings instead of a URI. Throws StorageError (invalid_argument).
  explicit RedisContextStorage(RedisOptions redis, StorageOptions options = {});
};

}  // namespace dialogstore
