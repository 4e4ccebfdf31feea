#include "dialogstore/uri.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "support/documents.hpp"
#include "uri/duration.hpp"
#include "uri/uri_options.hpp"

namespace dialogstore {
namespace {

using namespace std::chrono_literals;

TEST(ParseUri, TakesARedisAddressApart) {
  const StorageUri uri = parse_uri("redis://bot:s%40fe@cache.example.com:6380/12");
  EXPECT_EQ(uri.scheme, UriScheme::redis);
  EXPECT_EQ(uri.redis.user, "bot");
  EXPECT_EQ(uri.redis.password, "s@fe");
  EXPECT_EQ(uri.redis.host, "cache.example.com");
  EXPECT_EQ(uri.redis.port, 6380);
  EXPECT_EQ(uri.redis.database, 12);
  EXPECT_FALSE(uri.redis.tls);
  EXPECT_TRUE(uri.redis.unix_path.empty());
}

TEST(ParseUri, LeavesOutToTheDefaults) {
  for (const char* text : {"redis://", "redis:///", "redis://localhost", "redis://localhost/",
                           "redis://:6379", "REDIS://localhost:6379/0"}) {
    const StorageUri uri = parse_uri(text);
    EXPECT_EQ(uri.redis.host, "localhost") << text;
    EXPECT_EQ(uri.redis.port, 6379) << text;
    EXPECT_EQ(uri.redis.database, 0) << text;
    EXPECT_TRUE(uri.redis.user.empty() && uri.redis.password.empty()) << text;
  }
}

TEST(ParseUri, TakesAPasswordOfTheDefaultUser) {
  const StorageUri uri = parse_uri("redis://:secret@localhost");
  EXPECT_TRUE(uri.redis.user.empty());
  EXPECT_EQ(uri.redis.password, "secret");
}

TEST(ParseUri, KeepsEveryByteOfAPassword) {
  EXPECT_EQ(parse_uri("redis://:%00%0A%FF+=%3A@h").redis.password, std::string("\0\n\xff+=:", 6));
}

TEST(ParseUri, TakesAddressesOfBothFamilies) {
  EXPECT_EQ(parse_uri("redis://127.0.0.1:1").redis.host, "127.0.0.1");
  EXPECT_EQ(parse_uri("redis://[::1]:65535").redis.host, "::1");
  EXPECT_EQ(parse_uri("redis://[::1]:65535").redis.port, 65535);
  EXPECT_EQ(parse_uri("redis://u:p@[2001:db8::7]/3").redis.host, "2001:db8::7");
  EXPECT_EQ(parse_uri("redis://[fe80::1%25eth0]").redis.host, "fe80::1%eth0");
  EXPECT_EQ(parse_uri("redis://redis_1.my-net").redis.host, "redis_1.my-net");
}

TEST(ParseUri, TakesTlsOptions) {
  const StorageUri uri = parse_uri(
      "rediss://h?tls_ca=/etc/ca.pem&tls_cert=c.pem&tls_key=k%20y.pem&tls_server_name=redis.local");
  EXPECT_TRUE(uri.redis.tls);
  EXPECT_FALSE(uri.redis.tls_insecure);
  EXPECT_EQ(uri.redis.tls_ca_file, "/etc/ca.pem");
  EXPECT_EQ(uri.redis.tls_certificate, "c.pem");
  EXPECT_EQ(uri.redis.tls_key, "k y.pem");
  EXPECT_EQ(uri.redis.tls_server_name, "redis.local");
  EXPECT_TRUE(parse_uri("rediss://h?tls_insecure=yes").redis.tls_insecure);
}

TEST(ParseUri, TakesAPlaceOfKeysAndDoesNotLookThere) {
  EXPECT_TRUE(parse_uri("redis://h").options.encryption.empty());
  for (const std::string store : {"redis://h", "sqlite:///a.db", "memory://"}) {
    const StorageUri file = parse_uri(store + "?encrypt=file:/no/where%20at%20all");
    EXPECT_EQ(file.options.encryption.source(), "file:/no/where at all");
    EXPECT_EQ(parse_uri(store + "?encrypt=env:KEYS").options.encryption.source(), "env:KEYS");
  }
}

TEST(ParseUri, TakesAUnixSocket) {
  const StorageUri uri =
      parse_uri("redis+unix:///run/re%20dis.sock?db=3&user=bot&password=a%26b=c");
  EXPECT_EQ(uri.scheme, UriScheme::redis);
  EXPECT_EQ(uri.redis.unix_path, "/run/re dis.sock");
  EXPECT_EQ(uri.redis.database, 3);
  EXPECT_EQ(uri.redis.user, "bot");
  EXPECT_EQ(uri.redis.password, "a&b=c");
  EXPECT_EQ(parse_uri("redis+unix:///" + std::string(106, 'x')).redis.unix_path.size(), 107U);
}

TEST(ParseUri, TakesFilesAsSqlalchemyDoes) {
  EXPECT_EQ(parse_uri("sqlite:///dialogs.db").file, "dialogs.db");
  EXPECT_EQ(parse_uri("sqlite:///a/b.db").file, "a/b.db");
  EXPECT_EQ(parse_uri("sqlite:////var/lib/b.db").file, "/var/lib/b.db");
  EXPECT_EQ(parse_uri("sqlite:///with%20space%3F.db").file, "with space?.db");
  const StorageUri uri = parse_uri("sqlite:///f.db?durable=no&busy_timeout=250ms");
  EXPECT_EQ(uri.scheme, UriScheme::sqlite);
  EXPECT_FALSE(uri.sqlite.durable);
  EXPECT_EQ(uri.sqlite.busy_timeout, 250ms);
}

TEST(ParseUri, TakesStoresInMemory) {
  EXPECT_EQ(parse_uri("memory://").file, "");
  EXPECT_EQ(parse_uri("memory://tests-1").file, "tests-1");
  EXPECT_EQ(parse_uri("memory://?namespace=a").options.name_space, "a");
}

TEST(ParseUri, TakesTheOptionsOfEveryStore) {
  const StorageUri uri = parse_uri(
      "redis://h?namespace=bot:v1/a&timeout=3s&ttl=30d&ttl_on_read=yes&on_conflict=merge&"
      "history=recent&cache=100&seal_after=4&compression=19&layout=dff&connect_timeout=1500ms&"
      "connections=8&client_name=bot-1&clock_tolerance=1h");
  EXPECT_EQ(uri.options.name_space, "bot:v1/a");
  EXPECT_EQ(uri.options.timeout, 3s);
  EXPECT_EQ(uri.options.ttl, 720h);
  EXPECT_TRUE(uri.options.ttl_on_read);
  EXPECT_EQ(uri.options.on_conflict, ConflictPolicy::merge);
  EXPECT_EQ(uri.options.history, History::recent);
  EXPECT_EQ(uri.options.seal_after, 4);
  EXPECT_EQ(uri.options.compression_level, 19);
  EXPECT_EQ(uri.options.cache, 100U);
  EXPECT_EQ(uri.layout, Layout::dff);
  EXPECT_EQ(uri.redis.connect_timeout, 1500ms);
  EXPECT_EQ(uri.redis.connections, 8U);
  EXPECT_EQ(uri.redis.client_name, "bot-1");
  EXPECT_EQ(uri.redis.clock_tolerance, 1h);
}

TEST(ParseUri, TakesHowFarACacheMayBeBehind) {
  EXPECT_EQ(parse_uri("redis://h?cache=5").redis.cache_max_staleness, 0ms);
  EXPECT_EQ(
      parse_uri("redis+unix:///s?cache_max_staleness=250ms&cache=5").redis.cache_max_staleness,
      250ms);
}

TEST(ParseDuration, KnowsItsUnits) {
  EXPECT_EQ(uri::parse_duration("500ms"), 500ms);
  EXPECT_EQ(uri::parse_duration("10s"), 10s);
  EXPECT_EQ(uri::parse_duration("10"), 10s);
  EXPECT_EQ(uri::parse_duration("2m"), 2min);
  EXPECT_EQ(uri::parse_duration("1h"), 1h);
  EXPECT_EQ(uri::parse_duration("30d"), 720h);
  for (const char* text : {"", "s", "-1", "+1", "1.5s", "1e9h", "010", " 1", "1 s", "1S", "1w",
                           "0x1", "9223372036854775807s", "18446744073709551616"}) {
    EXPECT_FALSE(uri::parse_duration(text)) << text;
  }
}

TEST(FormatDuration, IsReadBackTheSame) {
  for (const auto duration : {0ms, 1ms, 999ms, 1000ms, 61'000ms, 600'000ms, 86'400'000ms}) {
    EXPECT_EQ(uri::parse_duration(uri::format_duration(duration)), duration);
  }
}

// ---- settings made in code ----------------------------------------------------------------------

TEST(CheckOptions, AcceptsTheDefaults) {
  EXPECT_NO_THROW(check_options(StorageOptions{}));
}

TEST(CheckOptions, NamesTheOptionThatIsOutOfRange) {
  const auto expect_named = [](const StorageOptions& options, std::string_view name) {
    try {
      check_options(options);
      ADD_FAILURE() << name << " was accepted";
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), errc::invalid_argument);
      EXPECT_NE(error.detail().find(name), std::string::npos) << error.what();
    }
  };
  expect_named({.name_space = ""}, "namespace");
  expect_named({.name_space = "a{b}"}, "namespace");
  expect_named({.timeout = 0ms}, "timeout");
  expect_named({.timeout = 11min}, "timeout");
  expect_named({.ttl = -1ms}, "ttl");
  expect_named({.ttl = 5s}, "ttl");
  expect_named({.ttl = std::chrono::hours(24 * 40'000)}, "ttl");
  expect_named({.seal_after = 0}, "seal_after");
  expect_named({.compression_level = 20}, "compression");
  expect_named({.cache = limits::cached_contexts + 1}, "cache");
}

// ---- documentation ------------------------------------------------------------------------------

TEST(UriDocumentation, NamesEveryOption) {
  const std::string text = test::read_document("docs/uris.md");
  for (const std::string_view name : uri::option_names()) {
    EXPECT_NE(text.find("| `" + std::string(name) + "` |"), std::string::npos) << name;
  }
}

TEST(ParseUri, ReadsTheNodesOfACluster) {
  const auto uri =
      parse_uri("redis+cluster://bot:s%40cret@h1:7001,h2,[::1]:7003/0?read_from=replicas");
  EXPECT_EQ(uri.scheme, UriScheme::redis);
  EXPECT_EQ(uri.redis.topology, Topology::cluster);
  EXPECT_EQ(uri.redis.user, "bot");
  EXPECT_EQ(uri.redis.password, "s@cret");
  EXPECT_EQ(uri.redis.host, "h1");
  EXPECT_EQ(uri.redis.port, 7001);
  EXPECT_EQ(uri.redis.more_servers, (std::vector<ServerAddress>{{"h2", 6379}, {"::1", 7003}}));
  EXPECT_TRUE(uri.redis.read_replicas);
  EXPECT_FALSE(uri.redis.tls);
  EXPECT_TRUE(parse_uri("rediss+cluster://h1/").redis.tls);
  EXPECT_EQ(parse_uri("redis://h1").redis.topology, Topology::automatic);
}

TEST(ParseUri, ReadsTheSentinelsAndTheirService) {
  const auto uri = parse_uri(
      "rediss+sentinel://:pw@s1,s2:5000/my%20master/3?sentinel_user=u&sentinel_password=x%2Fy");
  EXPECT_EQ(uri.redis.topology, Topology::sentinel);
  EXPECT_EQ(uri.redis.host, "s1");
  EXPECT_EQ(uri.redis.port, 26379);
  EXPECT_EQ(uri.redis.more_servers, (std::vector<ServerAddress>{{"s2", 5000}}));
  EXPECT_EQ(uri.redis.service, "my master");
  EXPECT_EQ(uri.redis.database, 3);
  EXPECT_EQ(uri.redis.password, "pw");
  EXPECT_EQ(uri.redis.sentinel_user, "u");
  EXPECT_EQ(uri.redis.sentinel_password, "x/y");
  EXPECT_TRUE(uri.redis.tls);
  EXPECT_TRUE(uri.redis.sentinel_tls);
  EXPECT_FALSE(parse_uri("rediss+sentinel://s/m?sentinel_tls=no").redis.sentinel_tls);
}

TEST(ParseUri, ReadsAnnouncedAddressesAndDurability) {
  const auto uri = parse_uri(
      "redis://h?announce=10.0.0.1:6379=localhost:7001,[fe80::1]:1=[::1]:2&durability=replicas:2");
  const std::vector<std::pair<ServerAddress, ServerAddress>> expected{
      {{"10.0.0.1", 6379}, {"localhost", 7001}}, {{"fe80::1", 1}, {"::1", 2}}};
  EXPECT_EQ(uri.redis.announced, expected);
  EXPECT_EQ(uri.redis.durable_replicas, 2U);
  EXPECT_FALSE(uri.redis.durable_on_disk);
  const auto durability = [](const std::string& text) {
    const auto redis = parse_uri("redis://h?durability=" + text).redis;
    return std::pair(redis.durable_on_disk, redis.durable_replicas);
  };
  EXPECT_EQ(durability("memory"), std::pair(false, 0U));
  EXPECT_EQ(durability("aof"), std::pair(true, 0U));
  EXPECT_EQ(durability("aof:16"), std::pair(true, 16U));
}

}  // namespace
}  // namespace dialogstore
