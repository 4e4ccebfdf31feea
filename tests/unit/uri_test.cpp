#include "dialogstore/uri.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "uri/duration.hpp"
#include "uri/uri_options.hpp"

namespace dialogstore {
namespace {

using namespace std::chrono_literals;

// The text of the error, or what the parser took it for.
std::string error_of(std::string_view uri) {
  try {
    parse_uri(uri);
  } catch (const UriError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_uri);
    return error.what();
  }
  return "(accepted)";
}

// ---- good ones ---------------------------------------------------------------------------------

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

// ---- bad ones: the error names the part and the remedy ------------------------------------------

struct BadUri {
  std::string uri;
  std::string names;   // the part that is wrong
  std::string remedy;  // what to write instead
};

void expect_refused(const std::vector<BadUri>& table) {
  for (const BadUri& bad : table) {
    const std::string error = error_of(bad.uri);
    EXPECT_NE(error.find(bad.names), std::string::npos) << bad.uri << "\n  " << error;
    EXPECT_NE(error.find(bad.remedy), std::string::npos) << bad.uri << "\n  " << error;
  }
}

TEST(ParseUri, RefusesTheFourteenKnownMistakes) {
  expect_refused({
      {"", "empty", "redis://localhost:6379"},                                            // 1
      {"http://h", "scheme \"http\"", "redis://"},                                        // 3
      {"redis://h:99999", "port", "1 to 65535"},                                          // 4
      {"redis://h:0", "port", "1 to 65535"},                                              // 4
      {"redis://h:abc", "port", "1 to 65535"},                                            // 4
      {"redis://h/16x", "database", "whole number"},                                      // 5
      {"redis://h/-1", "database", "whole number"},                                       // 5
      {"redis+cluster://h/1", "Cluster", "not supported by this version"},                // 6
      {"redis://u:p%zz@h", "the password", "%25"},                                        // 7
      {"redis://u:p@ss@h", "more than one @", "%40"},                                     // 8
      {"redis://u:p:ss@h", "more than one :", "%3A"},                                     // 8
      {"redis://u:p/ss@h", "the password", "%2F"},                                        // 8
      {"redis://u:p?ss@h", "the password", "%3F"},                                        // 8
      {"redis://u:p#ss@h", "the password", "%23"},                                        // 8
      {"redis://[::1", "host", "[::1]"},                                                  // 9
      {"redis://[fe80::1%eth0]", "zone", "[fe80::1%25eth0]"},                             // 9
      {"redis+unix://", "socket's path", "redis+unix:///path/to.sock"},                   // 10
      {"redis+unix:///" + std::string(107, 'x'), "socket's path", "107 bytes"},           // 10
      {"redis+unix:///a%00b", "socket's path", "NUL"},                                    // 10
      {"rediss+unix:///a", "TLS over a Unix socket", "redis+unix:///"},                   // 10
      {"redis+unix:///a?tls_ca=x", "tls_ca", "rediss://"},                                // 10
      {"redis://h?timout=1", "\"timout\" is unknown", "did you mean timeout?"},           // 11
      {"redis://h?ttl=60&ttl=60", "ttl is given twice", "remove one"},                    // 11
      {"rediss://h?verify=none", "\"verify\" is unknown", "did you mean tls_insecure?"},  // 12
      {"redis://h?timeout=0", "timeout is \"0\"", "from 1ms to 10m"},                     // 13
      {"redis://h?timeout=-1", "timeout is \"-1\"", "from 1ms to 10m"},                   // 13
      {"redis://h?timeout=1e9h", "timeout is \"1e9h\"", "from 1ms to 10m"},               // 13
      {"redis://h?timeout=99999999999999999999h", "timeout", "from 1ms to 10m"},          // 13
      {"redis+sentinel://h1,h2", "Sentinel", "not supported by this version"},            // 14
  });
  // 2 is `redis://`: the documented default, see LeavesOutToTheDefaults.
}

TEST(ParseUri, RefusesAWrongStart) {
  expect_refused({
      {"localhost:6379", "no scheme", "redis://"},
      {"redis:localhost", "no scheme", "redis://"},
      {"redis:/localhost", "no scheme", "redis://"},
      {"://h", "scheme is unknown", "redis://"},
      {"unix:///a.sock", "unix://", "redis+unix:///path.sock"},
      {"valkeys://h", "valkeys://", "rediss://"},
      {"sqlite+aiosqlite:///a.db", "sqlite+aiosqlite://", "sqlite:///"},
      {"rediss+cluster://h", "Cluster", "one server"},
      {"redis://h\n", "control character", "remove it"},
      {std::string("redis://h\0", 10), "NUL", "remove it"},
      {"redis://" + std::string(9000, 'h'), "8192", "shorten"},
  });
}

TEST(ParseUri, RefusesAWrongHostOrUser) {
  expect_refused({
      {"redis://h:", "port", "leave out the colon"},
      {"redis://h:06379", "port", "1 to 65535"},
      {"redis://h:+1", "port", "1 to 65535"},
      {"redis://h:6379abc", "port", "1 to 65535"},
      {"redis://[::1]6379", "port", "1 to 65535"},
      {"redis://::1", "host", "[::1]"},
      {"redis://[]", "host", "[::1]"},
      {"redis://[127.0.0.1]", "host", "[::1]"},
      {"redis://[fe80::1%25]", "zone", "%25eth0"},
      {"redis://h1,h2", "comma", "one"},
      {"redis://a..b", "host", "letters"},
      {"redis://a b", "host", "letters"},
      {"redis://a%20b", "host", "letters"},
      {"redis://127.1", "host", "address"},
      {"redis://999.0.0.1", "host", "address"},
      {"redis://" + std::string(254, 'h'), "host", "name"},
      {"redis://user@h", "no password", ":password@host"},
      {"redis://@h", "no password", ":password@host"},
      {"redis://user:@h", "password", "empty"},
      {"redis://us%0Aer:pw@h", "the user", "control character"},
      {"redis://u%4:pw@h", "the user", "%25"},
      {"redis://h/01", "database", "whole number"},
      {"redis://h/0/", "database", "whole number"},
      {"redis://h/2147483648", "database", "whole number"},
      {"redis://h/0#x", "#", "%23"},
      {"redis+unix://run/a.sock", "slash", "redis+unix:///"},
      {"redis+unix://u:p@/run/a.sock", "slash", "?user="},
      {"redis+unix:///run/", "names no file", "redis+unix:///path"},
  });
}

TEST(ParseUri, RefusesAWrongFile) {
  expect_refused({
      {"sqlite://", "names no file", "sqlite:///"},
      {"sqlite:///", "names no file", "sqlite:///"},
      {"sqlite:////", "names no file", "sqlite:////"},
      {"sqlite:///folder/", "names no file", "sqlite:////"},
      {"sqlite://a.db", "host instead of a slash", "sqlite:///relative.db"},
      {"sqlite:///:memory:", "memory", "memory://"},
      {"sqlite:///a%00.db", "file's path", "NUL"},
      {"sqlite:///a%.db", "file's path", "%25"},
      {"sqlite:///a#b.db", "#", "%23"},
      {"sqlite:///" + std::string(4001, 'a'), "4000 bytes", "shorten"},
      {"memory:///a", "memory://", "letters"},
      {"memory://a b", "memory://", "letters"},
  });
}

TEST(ParseUri, RefusesAWrongOption) {
  expect_refused({
      {"redis://h?", "no name", "?name=value"},
      {"redis://h?ttl=60&", "no name", "?name=value"},
      {"redis://h?ttl", "no value", "?name=value"},
      {"redis://h?ttl=", "ttl", "a value is expected"},
      {"redis://h?TTL=60", "\"TTL\" is unknown", "known: namespace"},
      {"redis://h?ttl=0", "ttl", "from 10001ms"},
      {"redis://h?ttl=19s", "ttl is 19s", "at least 20s"},
      {"redis://h?ttl=60s&timeout=1m", "ttl is 1m", "at least 70s"},
      {"redis://h?ttl=40000d", "ttl", "to 36600d"},
      {"redis://h?ttl_on_read=yes", "ttl_on_read", "without ttl"},
      {"redis://h?namespace=a%20b", "namespace", "letters, digits"},
      {"redis://h?namespace={a}", "namespace", "letters, digits"},
      {"redis://h?namespace=" + std::string(129, 'a'), "namespace", "1 to 128"},
      {"redis://h?on_conflict=maybe", "on_conflict is \"maybe\"", "fail, merge, overwrite"},
      {"redis://h?history=none", "history", "all, recent"},
      {"redis://h?layout=json", "layout", "log, dff"},
      {"redis://h?seal_after=0", "seal_after", "from 1 to 1000"},
      {"redis://h?seal_after=1001", "seal_after", "from 1 to 1000"},
      {"redis://h?compression=20", "compression", "from 1 to 19"},
      {"redis://h?cache=1000001", "cache", "from 1 to 1000000"},
      {"redis://h?connections=65", "connections", "from 1 to 64"},
      {"redis://h?connections=-1", "connections", "from 1 to 64"},
      {"redis://h?client_name=a%20b", "client_name", "without spaces"},
      {"redis://h?clock_tolerance=0", "clock_tolerance", "from 1ms"},
      {"redis://h?connect_timeout=11m", "connect_timeout", "to 10m"},
      {"redis://h?expiry=60", "\"expiry\" is unknown", "did you mean ttl?"},
      {"redis://h?" + std::string(100, 'x') + "=1", "...\" is unknown", "known:"},
      {"redis://h?db=1", "option db has no meaning here", "redis://user:password@host:port/db"},
      {"redis://h?password=x", "option password has no meaning", "redis://user:password@host"},
      {"redis://h?tls_ca=x", "option tls_ca has no meaning here", "rediss://"},
      {"redis://h?durable=yes", "option durable has no meaning here", "sqlite://"},
      {"sqlite:///a?connections=2", "option connections has no meaning", "redis://"},
      {"memory://?busy_timeout=1", "option busy_timeout has no meaning", "sqlite://"},
      {"sqlite:///a?durable=maybe", "durable", "yes or no"},
      {"sqlite:///a?busy_timeout=0", "busy_timeout", "from 1ms"},
      {"redis+unix:///a?db=x", "option db", "whole number"},
      {"redis+unix:///a?user=bot", "option user", "without password"},
      {"rediss://h?tls_insecure=1", "tls_insecure", "yes or no"},
      {"rediss://h?tls_cert=a", "tls_key", "missing"},
      {"rediss://h?tls_insecure=yes&tls_ca=a", "tls_ca", "remove one"},
      {"rediss://h?tls_server_name=a%20b", "tls_server_name", "name of a host"},
      {"rediss://h?tls_ca=a%00b", "value", "NUL"},
  });
}

TEST(ParseUri, ListsTheOptionsOfTheSchemeForAnUnknownOne) {
  const std::string error = error_of("sqlite:///a.db?foo=1");
  EXPECT_NE(error.find("namespace, timeout, ttl"), std::string::npos) << error;
  EXPECT_NE(error.find("durable, busy_timeout"), std::string::npos) << error;
  EXPECT_EQ(error.find("tls_ca"), std::string::npos) << error;
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

// ---- passwords ----------------------------------------------------------------------------------

TEST(RedactUri, HidesThePasswordAndNothingElse) {
  EXPECT_EQ(redact_uri("redis://bot:secret@h:1/2?ttl=60"), "redis://bot:***@h:1/2?ttl=60");
  EXPECT_EQ(redact_uri("redis://:secret@h"), "redis://:***@h");
  EXPECT_EQ(redact_uri("redis+unix:///a.sock?db=1&password=secret&user=u"),
            "redis+unix:///a.sock?db=1&password=***&user=u");
  EXPECT_EQ(redact_uri("sqlite:////a/b.db?ttl=60"), "sqlite:////a/b.db?ttl=60");
  EXPECT_EQ(redact_uri("memory://"), "memory://");
}

TEST(RedactUri, CutsWhatDoesNotParse) {
  EXPECT_EQ(redact_uri("redis://bot:sec@ret@h"), "redis://***");
  EXPECT_EQ(redact_uri("redis://bot:sec/ret@h"), "***");
  EXPECT_EQ(redact_uri("bot:secret@h"), "***");
  EXPECT_EQ(redact_uri(""), "***");
  EXPECT_EQ(redact_uri("sqlite:///a.db?timout=1"), "sqlite:///a.db***");
}

std::string random_password(std::mt19937& random) {
  // Letters that occur in no message; and every character with a meaning.
  constexpr std::string_view alphabet = "QXZJKV0123456789@:/?#&%=+[]!$ ";
  std::string password;
  const std::size_t length = 8 + random() % 24;
  while (password.size() < length) password += alphabet[random() % alphabet.size()];
  return password;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    result.append(1, '%').append(1, digits[value / 16]).append(1, digits[value % 16]);
  }
  return result;
}

// `redis://ab:cd@host` is by the rules the user ab with the password cd.
std::string without_colon(std::string text) {
  std::replace(text.begin(), text.end(), ':', '+');
  return text;
}

// No four letters in a row of the password, as it was written or as it was meant.
void expect_hidden(const std::string& secret, const std::string& text, const std::string& uri) {
  constexpr std::size_t piece = 4;
  for (std::size_t i = 0; i + piece <= secret.size(); ++i) {
    const std::string part = secret.substr(i, piece);
    if (part.find_first_of("QXZJKV") == std::string::npos) continue;
    ASSERT_EQ(text.find(part), std::string::npos) << uri << "\n  " << text;
  }
}

TEST(Passwords, NeverShowInAnErrorOrARedactedUri) {
  std::mt19937 random(20'240'501);
  for (int round = 0; round < 500; ++round) {
    const std::string password = random_password(random);
    const std::string written = round % 2 == 0 ? password : encoded(password);
    const std::string secret = round % 2 == 0 ? password : written;
    for (const std::string& uri : {
             "redis://user:" + written + "@host:6379/0",
             "redis://:" + written + "@host",
             "redis://user:" + written + "@host:port",
             "redis://user:" + written + "@host/x",
             "redis://" + without_colon(written) + "@host",
             "redis://user:" + written,
             "user:" + written + "@host",
             written + "://x@host",
             "http://user:" + written + "@host",
             "rediss://u:" + written + "@h?timout=1",
             "rediss://u:" + written + "@h?ttl=x",
             "redis+unix://u:" + written + "@/a",
             "redis://h?password=" + written,
             "redis+unix:///a?password=" + written,
             "redis+unix:///a?passwort=" + written,
             "redis+unix:///a?password=" + written + "&db=x",
             "redis+unix:///a?password=" + written + "&password=" + written,
             "redis+cluster://u:" + written + "@h",
             "sqlite://u:" + written + "@h/a",
             "memory://u:" + written + "@h",
         }) {
      const std::string error = error_of(uri);
      const std::string redacted = redact_uri(uri);
      for (const std::string& text : {error, redacted}) {
        expect_hidden(secret, text, uri);
        expect_hidden(password, text, uri);
      }
    }
  }
}

// ---- documentation ------------------------------------------------------------------------------

TEST(UriDocumentation, NamesEveryOption) {
  const std::string folder = __FILE__;
  std::ifstream file(folder.substr(0, folder.rfind("tests/")) + "docs/uris.md");
  ASSERT_TRUE(file) << "docs/uris.md cannot be read";
  std::stringstream text;
  text << file.rdbuf();
  for (const std::string_view name : uri::option_names()) {
    EXPECT_NE(text.str().find("| `" + std::string(name) + "` |"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace dialogstore
