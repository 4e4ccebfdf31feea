#include "contract/store.hpp"

#include <cstdlib>

#include "dialogstore/memory_context_storage.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "dialogstore/sqlite_context_storage.hpp"
#include "support/redis_cluster.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {
namespace {

std::string query_of(const StorageOptions& options) {
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return std::to_string(time.count()) + "ms";
  };
  std::string query = "?namespace=" + options.name_space;
  query += "&timeout=" + milliseconds(options.timeout);
  if (options.ttl.count() > 0) {
    query += "&ttl=" + milliseconds(options.ttl);
    query += std::string("&ttl_on_read=") + (options.ttl_on_read ? "yes" : "no");
  }
  query += "&on_conflict=";
  query += options.on_conflict == ConflictPolicy::fail    ? "fail"
           : options.on_conflict == ConflictPolicy::merge ? "merge"
                                                          : "overwrite";
  query += std::string("&history=") + (options.history == History::all ? "all" : "recent");
  query += "&seal_after=" + std::to_string(options.seal_after);
  query += "&compression=" + std::to_string(options.compression_level);
  if (options.cache > 0) query += "&cache=" + std::to_string(options.cache);
  if (!options.encryption.empty()) query += "&encrypt=" + options.encryption.source();
  return query;
}

}  // namespace

struct Store::Place {
  std::string name = unique_name();
  std::unique_ptr<TempDir> folder;
  // A store in memory lives as long as a storage is open on it.
  std::unique_ptr<DBContextStorage> keeper;
};

std::string_view to_string(StoreKind kind) {
  switch (kind) {
    case StoreKind::memory:
      return "memory";
    case StoreKind::sqlite:
      return "sqlite";
    case StoreKind::redis_tcp:
      return "redis_tcp";
    case StoreKind::redis_unix:
      return "redis_unix";
    case StoreKind::redis_cluster:
      return "redis_cluster";
  }
  return "?";
}

EncryptionKeys test_keys() {
  constexpr const char* name = "DIALOGSTORE_TEST_KEYS";
  static const bool is_set =
      ::setenv(name, "new AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1) == 0;
  static_cast<void>(is_set);
  return EncryptionKeys::from_environment(name);
}

Store::Store(StoreKind kind, bool is_encrypted)
    : kind_(kind), is_encrypted_(is_encrypted), place_(std::make_unique<Place>()) {
  if (kind == StoreKind::sqlite) {
    place_->folder = std::make_unique<TempDir>();
  } else if (kind == StoreKind::memory) {
    place_->keeper = open();
  }
}

Store::~Store() = default;

std::string Store::name_space(const std::string& suffix) const {
  return place_->name + suffix;
}

StorageOptions Store::options() const {
  StorageOptions options;
  options.name_space = name_space();
  options.timeout = std::chrono::seconds(60);
  if (is_encrypted_) options.encryption = test_keys();
  return options;
}

std::string Store::file() const {
  return *place_->folder / "contexts.db";
}

std::unique_ptr<DBContextStorage> Store::open(const StorageOptions& options) const {
  switch (kind_) {
    case StoreKind::memory:
      return std::make_unique<MemoryContextStorage>(uri(options));
    case StoreKind::sqlite:
      // Not durable: the tests pull no plug, and a sync for each save would be most of their time.
      return std::make_unique<SQLiteContextStorage>(file(), SQLiteOptions{.durable = false},
                                                    options);
    case StoreKind::redis_tcp: {
      RedisOptions redis;
      redis.host = RedisServer::host();
      redis.port = static_cast<std::uint16_t>(shared_redis().port());
      return std::make_unique<RedisContextStorage>(redis, options);
    }
    case StoreKind::redis_unix: {
      RedisOptions redis;
      redis.unix_path = shared_redis().unix_path();
      return std::make_unique<RedisContextStorage>(redis, options);
    }
    case StoreKind::redis_cluster: {
      RedisOptions redis;
      redis.topology = Topology::cluster;
      redis.host = RedisServer::host();
      redis.port = static_cast<std::uint16_t>(shared_cluster().node(0).port());
      return std::make_unique<RedisContextStorage>(redis, options);
    }
  }
  return nullptr;
}

std::string Store::uri(const StorageOptions& options) const {
  switch (kind_) {
    case StoreKind::memory:
      return "memory://" + place_->name + query_of(options);
    case StoreKind::sqlite:
      return "sqlite:///" + file() + query_of(options);
    case StoreKind::redis_tcp:
      return shared_redis().uri(query_of(options).substr(1));
    case StoreKind::redis_unix:
      return shared_redis().unix_uri(query_of(options).substr(1));
    case StoreKind::redis_cluster:
      return shared_cluster().uri(query_of(options).substr(1));
  }
  return {};
}

}  // namespace dialogstore::test
