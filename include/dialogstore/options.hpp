// How a storage behaves. Every default is finite; a URI's query parameters set the same things.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialogstore/encryption.hpp"

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
  recent,  ///< the newest turns and the whole state: the same cost at any length. The newest turn,
           ///< and the one before it while the newest lacks a part, are always there; the others up
           ///< to `seal_after` as they come. Every turn when the last ones were erased, since older
           ///< ones give the next number.
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
  /// zstd level of pages, 1 … 19. Pages are small: higher levels cost much and save little.
  int compression_level = 1;
  /// Contexts kept in memory, those used last; 0: none; at most limits::cached_contexts. A load of
  /// one of them reads the last row alone, to see whether it is still the one stored, so it is
  /// never older than a load without a cache; when another process has saved meanwhile, it takes a
  /// second round trip.
  std::size_t cache = 0;
  /// Keys by which everything that a dialog says is encrypted before it leaves the process; none:
  /// rows are stored readable. Context keys stay readable. Not for layout=dff.
  EncryptionKeys encryption;
};

/// Settings of one call; what is not set comes from the storage.
struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<ConflictPolicy> on_conflict;
  std::optional<History> history;
};

/// One server by its name or address.
struct ServerAddress {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
  friend auto operator<=>(const ServerAddress&, const ServerAddress&) = default;  // NOLINT
};

/// What the servers are.
enum class Topology : std::uint8_t {
  automatic,  ///< one server, or the cluster it is a node of: the server says
  cluster,    ///< nodes of a Redis Cluster; any of them tells of the others
  sentinel,   ///< Sentinels, which know where the primary is
};

/// How to reach Redis or Valkey.
struct RedisOptions {
  std::string host = "localhost";
  std::uint16_t port = 6379;
  Topology topology = Topology::automatic;
  /// More nodes of the cluster, or more Sentinels, to ask beside `host` and `port`.
  std::vector<ServerAddress> more_servers;
  std::string unix_path;  ///< not empty: a unix socket instead of host and port
  std::string user;       ///< ACL user; empty: the default user
  std::string password;
  int database = 0;
  std::string client_name = "dialogstore";
  bool tls = false;           ///< TLS 1.2 or newer; chain and host name are verified
  bool tls_insecure = false;  ///< no verification, for tests only
  std::string tls_ca_file, tls_certificate, tls_key, tls_server_name;
  std::chrono::milliseconds connect_timeout{5'000};
  unsigned connections = 1;  ///< 1 … 64, to each server, used in turn
  /// Addresses that a cluster or Sentinels announce, and where to connect instead (behind NAT,
  /// say).
  std::vector<std::pair<ServerAddress, ServerAddress>> announced;
  /// Of a cluster: loads are answered by replicas, which may be behind. A save made on a stale load
  /// is a conflict, never a loss.
  bool read_replicas = false;
  /// Above zero, the server is asked to tell of every change to a context that is in the cache
  /// (CLIENT TRACKING), and a load of one that nobody has changed asks nothing at all. It may then
  /// be behind what others saved: as a rule by the time the server takes to tell, never by more
  /// than this, since a server that was not heard from for so long is asked. At most
  /// limits::timeout_max. Needs StorageOptions::cache; not together with read_replicas. What this
  /// storage saved itself, and was told to be saved, its loads have at once. With a ttl only
  /// contexts that were saved here are given without asking, with ttl_on_read none; with
  /// durable_replicas or durable_on_disk the first load after a save asks.
  std::chrono::milliseconds cache_max_staleness{0};
  /// A save is acknowledged when so many replicas have it, 0 … 16; `not_replicated` when they do
  /// not within the timeout.
  unsigned durable_replicas = 0;
  /// It is acknowledged when it is on the disk of the server, and those replicas have it on theirs
  /// (WAITAOF: Redis 7.2 or newer, or Valkey, with appendonly yes).
  bool durable_on_disk = false;
  std::string service;  ///< of Sentinels: the name they know the primary by
  std::string sentinel_user, sentinel_password;  ///< of the Sentinels; the servers have their own
  bool sentinel_tls = false;                     ///< TLS to the Sentinels, as to the servers
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
