// URIs that are refused: the error names the part that is wrong and the remedy.
#include <string>
#include <vector>

#include "unit/uri_fixture.hpp"

namespace dialogstore {
namespace {

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
      {"redis+cluster://h/1", "database 0 only", "namespace="},                           // 6
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
      {"redis+sentinel://h1,h2", "no service", "/mymaster"},                              // 14
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
      {"redis://h1,h2", "comma", "redis+cluster://"},
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

TEST(ParseUri, RefusesWrongServersOfAClusterOrOfSentinels) {
  expect_refused({
      {"redis+cluster://", "host is missing", "host1:port,host2:port"},
      {"redis+cluster://a,", "host is missing", "host1:port,host2:port"},
      {"redis+cluster://,a", "host is missing", "host1:port,host2:port"},
      {"redis+cluster://a,:7000", "host is missing", "port"},
      {"redis+cluster://a,b:x", "port", "1 to 65535"},
      {"redis+cluster://a,a:6379", "twice", "remove one"},
      {"redis+cluster://a,b c", "host", "letters"},
      {"redis+cluster://a,[::1", "host", "[::1]"},
      {"redis+cluster://a/x", "database", "whole number"},
      {"redis+cluster://u:p@ss@a,b", "more than one @", "%40"},
      {"redis+sentinel://a", "no service", "redis+sentinel://"},
      {"redis+sentinel://a/", "no service", "redis+sentinel://"},
      {"redis+sentinel://a//0", "no service", "redis+sentinel://"},
      {"redis+sentinel://a/s/x", "database", "whole number"},
      {"redis+sentinel://a/s%00", "the service", "NUL"},
      {"redis+sentinel://a/s?sentinel_user=u", "sentinel_user", "sentinel_password"},
      {"redis+sentinel://a/s?sentinel_tls=yes", "sentinel_tls has no meaning", "redis+sentinel"},
      {"redis://a?sentinel_password=x", "sentinel_password has no meaning", "redis+sentinel"},
      {"redis+sentinel://a/s?read_from=replicas", "read_from has no meaning", "redis+cluster"},
      {"redis+cluster://a?read_from=any", "read_from", "primary, replicas"},
      {"redis+cluster://a?announce=b:1", "announce", "announced:port=reachable:port"},
      {"redis+cluster://a?announce=b=c:1", "announce", "host:port"},
      {"redis+cluster://a?announce=b:1=c:x", "port", "1 to 65535"},
      {"redis+unix:///a?announce=b:1=c:1", "announce has no meaning", "clusters"},
      {"redis+cluster://a?tls_ca=x", "tls_ca", "rediss://"},
      {"redis://a?durability=disk", "durability", "replicas:N, aof"},
      {"redis://a?durability=aof:", "durability", "1 to 16"},
      {"redis://a?durability=aof:0", "durability", "1 to 16"},
      {"redis://a?durability=aof:17", "durability", "1 to 16"},
      {"redis://a?durability=aofx:1", "durability", "aof:N"},
      {"redis://a?durability=memory:1", "durability", "aof:N"},
      {"redis://a?durability=replicas:0", "durability", "1 to 16"},
      {"redis://a?durability=replicas:17", "durability", "1 to 16"},
      {"sqlite:///a?durability=memory", "durability has no meaning", "redis://"},
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
      {"redis://h?encrypt=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8%3D", "encrypt", "file:PATH"},
      {"redis://h?encrypt=file:", "encrypt", "env:NAME"},
      {"redis://h?encrypt=env:", "encrypt", "never written into a URI"},
      {"redis://h?encrypt=file:a&layout=dff", "encrypt", "layout=log"},
      {"redis://h?key_file=a", "\"key_file\" is unknown", "did you mean encrypt?"},
      {"redis://h?namespace=*", "namespace", "letters, digits"},
      {"redis://h?namespace=a%3F", "namespace", "letters, digits"},
      {"redis://h?namespace=a[b]", "namespace", "letters, digits"},
      {"redis://h?namespace=a%0D%0AFLUSHALL", "value", "control character"},
      {"redis://h?namespace=a%00b", "value", "NUL"},
      {"redis://h?seal_after=0", "seal_after", "from 1 to 1000"},
      {"redis://h?seal_after=1001", "seal_after", "from 1 to 1000"},
      {"redis://h?compression=20", "compression", "from 1 to 19"},
      {"redis://h?cache=1000001", "cache", "from 1 to 1000000"},
      {"redis://h?cache=1&cache_max_staleness=0", "cache_max_staleness", "from 1ms"},
      {"redis://h?cache=1&cache_max_staleness=11m", "cache_max_staleness", "to 10m"},
      {"redis://h?cache_max_staleness=1s", "cache_max_staleness has no effect without cache",
       "add"},
      {"redis://h?cache=1&cache_max_staleness=1s&layout=dff", "cache_max_staleness", "layout=log"},
      {"redis://h?cache=1&cache_max_staleness=1s&read_from=replicas", "cache_max_staleness",
       "read_from=replicas"},
      {"sqlite:///a?cache=1&cache_max_staleness=1s", "cache_max_staleness has no meaning",
       "redis://"},
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

}  // namespace
}  // namespace dialogstore
