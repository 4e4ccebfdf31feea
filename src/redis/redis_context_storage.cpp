#include "dialogstore/redis_context_storage.hpp"

#include "dialogstore/limits.hpp"
#include "dialogstore/uri.hpp"
#include "redis/cluster_map.hpp"
#include "redis/dff_layout.hpp"
#include "redis/redis_client.hpp"
#include "redis/redis_row_log.hpp"
#include "storage/log_context_storage.hpp"
#include "uri/option_limits.hpp"

namespace dialogstore {
namespace {

constexpr unsigned max_connections = 64;
constexpr unsigned max_durable_replicas = 16;

[[noreturn]] void throw_bad_option(const std::string& text) {
  throw_error(errc::invalid_argument, "open", {}, text);
}

void check_topology(const RedisOptions& redis) {
  const bool is_cluster = redis.topology == Topology::cluster;
  const bool is_sentinel = redis.topology == Topology::sentinel;
  if (redis.topology != Topology::automatic && !redis.unix_path.empty()) {
    throw_bad_option("a cluster or Sentinels are not reached over a unix socket");
  }
  if (!is_cluster && !is_sentinel && !redis.more_servers.empty()) {
    throw_bad_option("more_servers needs topology cluster or sentinel");
  }
  if (is_cluster && redis.database != 0) throw_bad_option("a cluster has the database 0 only");
  if (is_sentinel && redis.service.empty()) throw_bad_option("service is empty");
  for (const auto& server : redis.more_servers) {
    if (server.host.empty() || server.port == 0) throw_bad_option("a server has no host or port");
  }
  if (redis.durable_replicas > max_durable_replicas) {
    throw_bad_option("durable_replicas is " + std::to_string(redis.durable_replicas) +
                     ", it must be at most " + std::to_string(max_durable_replicas));
  }
}

void check_staleness(const RedisOptions& redis, const StorageOptions& options, Layout layout) {
  if (auto problem = uri::find_staleness_problem(redis, options, layout)) {
    throw_bad_option(*problem);
  }
}

void check_redis_options(const RedisOptions& redis) {
  using namespace std::chrono_literals;
  if (redis.connections < 1 || redis.connections > max_connections) {
    throw_bad_option("connections is " + std::to_string(redis.connections) + ", it must be 1 to " +
                     std::to_string(max_connections));
  }
  if (redis.host.empty() && redis.unix_path.empty()) throw_bad_option("host is empty");
  if (redis.port == 0 && redis.unix_path.empty()) throw_bad_option("port is 0");
  if (redis.database < 0) throw_bad_option("database is negative");
  if (redis.tls && !redis.unix_path.empty()) {
    throw_bad_option("a unix socket has no TLS: leave out tls or unix_path");
  }
  if (redis.connect_timeout < limits::timeout_min || redis.connect_timeout > limits::timeout_max) {
    throw_bad_option("connect_timeout must be 1 ms to 10 min");
  }
  check_topology(redis);
  if (redis.clock_tolerance < 0ms || redis.clock_tolerance > limits::ttl_max) {
    throw_bad_option("clock_tolerance must not be negative nor above 100 years");
  }
}

redis::LinkSettings link_settings(const RedisOptions& redis) {
  redis::LinkSettings link;
  link.endpoint = {redis.host, redis.port, redis.unix_path};
  link.user = redis.user;
  link.password = redis.password;
  link.database = redis.database;
  link.client_name = redis.client_name;
  link.connect_timeout = redis.connect_timeout;
  link.tls.enabled = redis.tls;
  link.tls.verify = !redis.tls_insecure;
  link.tls.ca_file = redis.tls_ca_file;
  link.tls.certificate_file = redis.tls_certificate;
  link.tls.private_key_file = redis.tls_key;
  link.tls.server_name = redis.tls_server_name;
  return link;
}

redis::ClientSettings client_settings(const RedisOptions& redis,
                                      std::shared_ptr<redis::KeyTracking> tracking) {
  redis::ClientSettings settings;
  settings.sentinel = settings.link = link_settings(redis);
  settings.link.tracking = std::move(tracking);
  settings.connections = redis.connections;
  settings.servers = redis.more_servers;
  settings.servers.insert(settings.servers.begin(), {redis.host, redis.port});
  settings.announced = redis.announced;
  settings.reads_replicas = redis.read_replicas;
  settings.service = redis.service;
  settings.sentinel.database = 0;
  settings.sentinel.user = redis.sentinel_user;
  settings.sentinel.password = redis.sentinel_password;
  settings.sentinel.tls.enabled = redis.sentinel_tls;
  return settings;
}

std::shared_ptr<redis::RedisClient> make_client(const asio::any_io_executor& executor,
                                                const RedisOptions& redis,
                                                std::shared_ptr<redis::KeyTracking> tracking) {
  const auto settings = client_settings(redis, std::move(tracking));
  switch (redis.topology) {
    case Topology::cluster:
      return redis::make_cluster(executor, settings);
    case Topology::sentinel:
      return redis::make_sentinel_service(executor, settings);
    case Topology::automatic:
      break;
  }
  if (!redis.unix_path.empty()) {
    return redis::make_single_server(executor, settings.link, redis.connections);
  }
  return redis::make_server_or_cluster(executor, settings);
}

// Hosts and ports, or the socket's path; no user, no password.
std::string place_of(const RedisOptions& redis) {
  if (!redis.unix_path.empty()) {
    return "redis+unix://" + redis.unix_path + "?db=" + std::to_string(redis.database);
  }
  std::string place = redis.tls ? "rediss" : "redis";
  if (redis.topology == Topology::cluster) place += "+cluster";
  if (redis.topology == Topology::sentinel) place += "+sentinel";
  place += "://" + redis::to_text(ServerAddress{redis.host, redis.port});
  for (const auto& server : redis.more_servers) place += "," + redis::to_text(server);
  if (redis.topology == Topology::sentinel) place += "/" + redis.service;
  return place + "/" + std::to_string(redis.database);
}

std::shared_ptr<StorageEngine> make_engine(const RedisOptions& redis, const StorageOptions& options,
                                           Layout layout) {
  check_redis_options(redis);
  check_options(options);
  check_staleness(redis, options, layout);
  auto thread = std::make_unique<IoThread>();
  std::shared_ptr<redis::KeyTracking> tracking;
  if (redis.cache_max_staleness.count() > 0) tracking = std::make_shared<redis::KeyTracking>();
  auto client = make_client(thread->executor(), redis, tracking);
  const redis::Durability durability{redis.durable_replicas, redis.durable_on_disk};
  if (layout == Layout::dff) {
    if (durability.waits()) {
      throw_bad_option("durability=" + durability.text() +
                       " is for layout=log; remove one of the two options");
    }
    return redis::make_dff_engine(std::move(thread), std::move(client), options, place_of(redis));
  }
  redis::RowLogSettings settings;
  settings.identity = place_of(redis) + "#" + options.name_space;
  settings.user = redis.user;
  settings.clock_tolerance = redis.clock_tolerance;
  settings.durability = durability;
  settings.tracking = std::move(tracking);
  settings.max_staleness = redis.cache_max_staleness;
  auto rows = redis::make_redis_row_log(std::move(client), options, std::move(settings));
  return make_log_engine(std::move(thread), std::move(rows), options);
}

std::shared_ptr<StorageEngine> make_engine(std::string_view path) {
  const auto uri = parse_uri(path);
  if (uri.scheme != UriScheme::redis) {
    throw_error(errc::invalid_uri, "open", {},
                "RedisContextStorage wants redis://, rediss://, redis+unix://, redis+cluster:// or "
                "redis+sentinel://, got " +
                    redact_uri(path));
  }
  return make_engine(uri.redis, uri.options, uri.layout);
}

}  // namespace

RedisContextStorage::RedisContextStorage(std::string_view path)
    : DBContextStorage(redact_uri(path), make_engine(path)) {}

RedisContextStorage::RedisContextStorage(RedisOptions redis, StorageOptions options)
    : DBContextStorage(place_of(redis), make_engine(redis, options, Layout::log)) {}

}  // namespace dialogstore
