// How a storage behaves. Every default is finite; a URI's query parameters set the same things.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace dialogstore {

/// What a save does when someone else saved the context in between.
enum class ConflictPolicy : std::uint8_t {
  fail,   ///< ConflictError; nothing is written
  merge,  ///< reload, put the new turns behind theirs, state by key, save again: no turn is lost
  overwrite,  ///< the last writer wins, as in DFF
};

/// How much of a dialog a load brings.
enum class History : std::uint8_t {
  all,     ///< every turn
  recent,  ///< the newest turns (at least two) and the whole state: the same cost at any length.
           ///< Every turn when the last ones were erased, since older ones give the next number.
};

/// Order in which `scan` lists keys.
enum class ScanOrder : std::uint8_t {
  any,           ///< cheapest
  newest_first,  ///< most recently used first
};

/// Settings of one storage. Unit, default and limit are beside each.
struct StorageOptions {
  /// One bot's set of contexts in a shared store. 1 to limits::namespace_bytes bytes; letters,
  /// digits and `. _ - : /`.
  std::string name_space = "dialogstore";
  /// Longest life of one call with all its retries. limits::timeout_min … timeout_max.
  std::chrono::milliseconds timeout{10'000};
  /// Contexts expire this long after they were last written (or read, with ttl_on_read); zero:
  /// never. At least ten seconds more than `timeout`, at most limits::ttl_max.
  std::chrono::milliseconds ttl{0};
  bool ttl_on_read = false;
  ConflictPolicy on_conflict = ConflictPolicy::fail;
  History history = History::all;
  /// A save seals older turns into a compressed page when this many rows lie behind the keyframe.
  /// 1 … 1000. Any value reads what any other wrote.
  std::uint16_t seal_after = 8;
  /// zstd level of pages, 1 … 19.
  int compression_level = 3;
  /// Contexts kept in memory, those used last; 0: none; at most limits::cached_contexts. A load of
  /// one of them reads the last row alone, to see whether it is still the one stored, so it is
  /// never older than a load without a cache; when another process has saved meanwhile, it takes a
  /// second round trip.
  std::size_t cache = 0;
};

/// Settings of one call; what is not set comes from the storage.
struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<ConflictPolicy> on_conflict;
  std::optional<History> history;
};

/// How to reach one Redis or Valkey server.
struct RedisOptions {
  std::string host = "localhost";
  std::uint16_t port = 6379;
  std::string unix_path;  ///< not empty: a unix socket instead of host and port
  std::string user;       ///< ACL user; empty: the default user
  std::string password;
  int database = 0;
  std::string client_name = "dialogstore";
  bool tls = false;           ///< TLS 1.2 or newer; chain and host name are verified
  bool tls_insecure = false;  ///< no verification, for tests only
  std::string tls_ca_file, tls_certificate, tls_key, tls_server_name;
  std::chrono::milliseconds connect_timeout{5'000};
  unsigned connections = 1;  ///< 1 … 64, to this server, used in turn
  /// How far the server's clock may step back between a save and a delete: a tombstone lives
  /// limits::timeout_max plus this, longer than any late copy of a save.
  std::chrono::milliseconds clock_tolerance{600'000};
};

/// The embedded store.
struct SQLiteOptions {
  /// Each save is on the disk before it is acknowledged (synchronous=FULL). Off: a power cut may
  /// lose the newest saves, never older ones, and never leaves half of one.
  bool durable = true;
  /// How long to wait for another process that is writing; bounded by the call's timeout.
  std::chrono::milliseconds busy_timeout{5'000};
};

}  // namespace dialogstore
