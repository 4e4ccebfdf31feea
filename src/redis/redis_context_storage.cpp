#include "dialogstore/redis_context_storage.hpp"

#include "dialogstore/limits.hpp"
#include "dialogstore/uri.hpp"
#include "redis/dff_layout.hpp"
#include "redis/redis_client.hpp"
#include "redis/redis_row_log.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore {
namespace {

constexpr unsigned max_connections = 64;

[[noreturn]] void throw_bad_option(const std::string& text) {
  throw_error(errc::invalid_argument, "open", {}, text);
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

// Host and port, or the socket's path; no user, no password.
std::string place_of(const RedisOptions& redis) {
  if (!redis.unix_path.empty()) {
    return "redis+unix://" + redis.unix_path + "?db=" + std::to_string(redis.database);
  }
  const bool is_v6 = redis.host.find(':') != std::string::npos;
  return std::string(redis.tls ? "rediss://" : "redis://") +
         (is_v6 ? "[" + redis.host + "]" : redis.host) + ":" + std::to_string(redis.port) + "/" +
         std::to_string(redis.database);
}

std::shared_ptr<StorageEngine> make_engine(const RedisOptions& redis, const StorageOptions& options,
                                           Layout layout) {
  check_redis_options(redis);
  check_options(options);
  auto thread = std::make_unique<IoThread>();
  auto client =
      redis::make_single_server(thread->executor(), link_settings(redis), redis.connections);
  if (layout == Layout::dff) {
    return redis::make_dff_engine(std::move(thread), std::move(client), options, place_of(redis));
  }
  auto rows = redis::make_redis_row_log(
      std::move(client), options,
      {place_of(redis) + "#" + options.name_space, redis.user, redis.clock_tolerance});
  return make_log_engine(std::move(thread), std::move(rows), options);
}

std::shared_ptr<StorageEngine> make_engine(std::string_view path) {
  const auto uri = parse_uri(path);
  if (uri.scheme != UriScheme::redis) {
    throw_error(
        errc::invalid_uri, "open", {},
        "RedisContextStorage wants redis://, rediss:// or redis+unix://, got " + redact_uri(path));
  }
  return make_engine(uri.redis, uri.options, uri.layout);
}

}  // namespace

RedisContextStorage::RedisContextStorage(std::string_view path)
    : DBContextStorage(redact_uri(path), make_engine(path)) {}

RedisContextStorage::RedisContextStorage(RedisOptions redis, StorageOptions options)
    : DBContextStorage(place_of(redis), make_engine(redis, options, Layout::log)) {}

}  // namespace dialogstore
