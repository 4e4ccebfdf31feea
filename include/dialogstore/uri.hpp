// Storage URIs. A pure parser to a plain struct; printing never shows the password.
//
//   redis://user:password@host:port/db?option=value     rediss://… (TLS)
//   redis+cluster://user:password@host1:port,host2:port/     rediss+cluster://…
//   redis+sentinel://user:password@host1:port,host2:port/service/db     rediss+sentinel://…
//   redis+unix:///path/to.sock?db=1&user=…&password=…
//   sqlite:///relative.db   sqlite:////absolute/file.db  memory://name
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dialogstore/options.hpp"

namespace dialogstore {

enum class UriScheme : std::uint8_t { redis, sqlite, memory };

/// The layout of values in Redis.
enum class Layout : std::uint8_t {
  log,  ///< ours
  dff,  ///< DFF's own: one JSON string per key, shared with Python bots
};

struct StorageUri {
  UriScheme scheme = UriScheme::memory;
  std::string file;  ///< of sqlite: the path; of memory: the name of the shared store, may be empty
  Layout layout = Layout::log;
  RedisOptions redis;
  SQLiteOptions sqlite;
  StorageOptions options;
};

/// Throws UriError: what is wrong, where (the part's name and its value unless secret), and the
/// remedy; an unknown or repeated option lists the known ones. The password is never in a message.
StorageUri parse_uri(std::string_view uri);

/// The URI with the password replaced by `***`, for messages and logs. Never throws; what cannot be
/// parsed is cut at the first character that could belong to a secret.
std::string redact_uri(std::string_view uri);

/// Throws StorageError (invalid_argument) naming the option that is out of its range.
void check_options(const StorageOptions& options);

}  // namespace dialogstore
