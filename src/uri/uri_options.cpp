#include "uri/uri_options.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <string>
#include <utility>

#include "uri/address.hpp"
#include "uri/duration.hpp"
#include "uri/option_limits.hpp"

namespace dialogstore::uri {
namespace {

using std::chrono::milliseconds;

// One option as it was written. Behind a password nothing is shown any more: an & that should have
// been %26 makes the rest of the password look like options.
struct Written {
  std::string_view name;
  std::string text;  // decoded
  bool may_show = true;

  [[noreturn]] void refuse(const std::string& expected) const {
    fail("option " + std::string(name) + (may_show ? " is " + quoted(text) : " is wrong") + ": " +
         expected);
  }
};

// ---- values ------------------------------------------------------------------------------------

milliseconds duration_of(const Written& option, milliseconds lowest, milliseconds highest) {
  const auto duration = parse_duration(option.text);
  if (!duration || *duration < lowest || *duration > highest) {
    option.refuse("a duration from " + format_duration(lowest) + " to " + format_duration(highest) +
                  " is expected, written 500ms, 10s, 2m, 1h, 30d, or a whole number of seconds");
  }
  return *duration;
}

milliseconds timeout_of(const Written& option) {
  return duration_of(option, limits::timeout_min, limits::timeout_max);
}

template <class Number>
Number number_of(const Written& option, std::uint64_t highest) {
  const auto number = parse_digits(option.text);
  if (!number || *number < 1 || *number > highest) {
    option.refuse("a whole number from 1 to " + std::to_string(highest) + " is expected");
  }
  return static_cast<Number>(*number);
}

bool flag_of(const Written& option) {
  if (option.text == "yes" || option.text == "true") return true;
  if (option.text == "no" || option.text == "false") return false;
  option.refuse("yes or no is expected");
}

template <class Value, std::size_t count>
Value choice_of(const Written& option,
                const std::array<std::pair<std::string_view, Value>, count>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (option.text == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  option.refuse("one of these is expected: " + names);
}

std::string printable_of(const Written& option) {
  const bool is_printable = std::all_of(option.text.begin(), option.text.end(),
                                        [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_printable) option.refuse("ASCII characters without spaces are expected");
  return option.text;
}

std::string host_of(const Written& option) {
  if (!is_host(option.text)) option.refuse("the name of a host is expected");
  return option.text;
}

std::string namespace_of(const Written& option) {
  if (!is_namespace(option.text)) {
    option.refuse("1 to " + std::to_string(limits::namespace_bytes) +
                  " characters are expected: letters, digits and . _ - : /");
  }
  return option.text;
}

constexpr std::array<std::pair<std::string_view, ConflictPolicy>, 3> policies{
    {{"fail", ConflictPolicy::fail},
     {"merge", ConflictPolicy::merge},
     {"overwrite", ConflictPolicy::overwrite}}};
constexpr std::array<std::pair<std::string_view, History>, 2> histories{
    {{"all", History::all}, {"recent", History::recent}}};
// memory, replicas:N, aof or aof:N.
void set_durability(const Written& option, RedisOptions& redis) {
  const std::string_view text = option.text;
  const auto colon = std::min(text.find(':'), text.size());
  const auto word = text.substr(0, colon);
  redis.durable_on_disk = word == "aof";
  redis.durable_replicas = 0;
  if (text == "memory" || text == "aof") return;
  // Without a number, or with one that is none: zero, which is refused.
  const auto number =
      colon < text.size() ? parse_digits(text.substr(colon + 1)).value_or(0) : std::uint64_t{0};
  const bool is_known = word == "replicas" || word == "aof";
  if (!is_known || number < 1 || number > durable_replicas_max) {
    option.refuse("memory, replicas:N, aof or aof:N is expected, N from 1 to " +
                  std::to_string(durable_replicas_max));
  }
  redis.durable_replicas = static_cast<unsigned>(number);
}

// announced=reachable,announced=reachable
std::vector<std::pair<ServerAddress, ServerAddress>> announced_of(const Written& option) {
  constexpr std::string_view part = "an address in the option announce";
  std::vector<std::pair<ServerAddress, ServerAddress>> pairs;
  std::string_view rest = option.text;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view pair = rest.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
      option.refuse("announced:port=reachable:port is expected, several with commas between them");
    }
    pairs.emplace_back(read_server(pair.substr(0, equals), part),
                       read_server(pair.substr(equals + 1), part));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return pairs;
}

// Never shown: a key may have been written here by mistake.
EncryptionKeys keys_of(const Written& option) {
  const std::string_view text = option.text;
  constexpr std::string_view file = "file:";
  constexpr std::string_view environment = "env:";
  if (text.starts_with(file) && text.size() > file.size()) {
    return EncryptionKeys::from_file(std::string(text.substr(file.size())));
  }
  if (text.starts_with(environment) && text.size() > environment.size()) {
    return EncryptionKeys::from_environment(std::string(text.substr(environment.size())));
  }
  fail(
      "option encrypt is wrong: file:PATH or env:NAME is expected, where the keys are; a key is "
      "never written into a URI");
}

constexpr std::array<std::pair<std::string_view, bool>, 2> read_sources{
    {{"primary", false}, {"replicas", true}}};
constexpr std::array<std::pair<std::string_view, Layout>, 2> layouts{
    {{"log", Layout::log}, {"dff", Layout::dff}}};

// ---- the options -------------------------------------------------------------------------------

constexpr unsigned bit(Kind kind) {
  return 1U << static_cast<unsigned>(kind);
}
constexpr unsigned redis_tls = bit(Kind::rediss) | bit(Kind::cluster_tls) | bit(Kind::sentinel_tls);
constexpr unsigned redis_unix = bit(Kind::redis_unix);
constexpr unsigned sentinels = bit(Kind::sentinel) | bit(Kind::sentinel_tls);
constexpr unsigned sentinels_tls = bit(Kind::sentinel_tls);
constexpr unsigned several = bit(Kind::cluster) | bit(Kind::cluster_tls) | sentinels;
constexpr unsigned may_be_cluster = bit(Kind::redis) | bit(Kind::rediss) | several;
constexpr unsigned redis_any = bit(Kind::redis) | redis_tls | redis_unix | several;
constexpr unsigned sqlite_only = bit(Kind::sqlite);
constexpr unsigned everywhere = redis_any | sqlite_only | bit(Kind::memory);

struct Rule {
  std::string_view name;
  unsigned kinds;
  std::string_view elsewhere;  // what to do where it has no meaning
  void (*apply)(const Written&, StorageUri&);
};

constexpr std::string_view for_redis = "it belongs to Redis (redis://, rediss://, redis+unix://)";
constexpr std::string_view for_several = "it belongs to clusters and Sentinels";
constexpr std::string_view for_cluster = "it belongs to clusters: write redis+cluster://h1,h2";
constexpr std::string_view for_sentinels =
    "it belongs to Sentinels: write redis+sentinel://h1,h2/service";
constexpr std::string_view for_sqlite = "it belongs to sqlite://";
constexpr std::string_view for_tls = "it needs TLS: write rediss://host (a Unix socket has no TLS)";
constexpr std::string_view for_unix =
    "it belongs to redis+unix://; with a host write redis://user:password@host:port/db";

constexpr auto rules = std::to_array<Rule>({
    {"namespace",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.name_space = namespace_of(o); }},
    {"timeout",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.timeout = timeout_of(o); }},
    {"ttl",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) {
       u.options.ttl = duration_of(o, ttl_margin + limits::timeout_min, limits::ttl_max);
     }},
    {"ttl_on_read",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.ttl_on_read = flag_of(o); }},
    {"on_conflict",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.on_conflict = choice_of(o, policies); }},
    {"history",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.history = choice_of(o, histories); }},
    {"seal_after",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) {
       u.options.seal_after = number_of<std::uint16_t>(o, seal_after_max);
     }},
    {"compression",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) {
       u.options.compression_level = number_of<int>(o, compression_max);
     }},
    {"cache",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) {
       u.options.cache = number_of<std::size_t>(o, limits::cached_contexts);
     }},
    {"encrypt",
     everywhere,
     {},
     [](const Written& o, StorageUri& u) { u.options.encryption = keys_of(o); }},
    {"layout", redis_any, for_redis,
     [](const Written& o, StorageUri& u) { u.layout = choice_of(o, layouts); }},
    {"connect_timeout", redis_any, for_redis,
     [](const Written& o, StorageUri& u) { u.redis.connect_timeout = timeout_of(o); }},
    {"cache_max_staleness", redis_any, for_redis,
     [](const Written& o, StorageUri& u) { u.redis.cache_max_staleness = timeout_of(o); }},
    {"connections", redis_any, for_redis,
     [](const Written& o, StorageUri& u) {
       u.redis.connections = number_of<unsigned>(o, connections_max);
     }},
    {"client_name", redis_any, for_redis,
     [](const Written& o, StorageUri& u) { u.redis.client_name = printable_of(o); }},
    {"clock_tolerance", redis_any, for_redis,
     [](const Written& o, StorageUri& u) {
       u.redis.clock_tolerance = duration_of(o, shortest_duration, clock_tolerance_max);
     }},
    {"durability", redis_any, for_redis,
     [](const Written& o, StorageUri& u) { set_durability(o, u.redis); }},
    {"read_from", may_be_cluster & ~sentinels, for_cluster,
     [](const Written& o, StorageUri& u) { u.redis.read_replicas = choice_of(o, read_sources); }},
    {"announce", may_be_cluster, for_several,
     [](const Written& o, StorageUri& u) { u.redis.announced = announced_of(o); }},
    {"sentinel_user", sentinels, for_sentinels,
     [](const Written& o, StorageUri& u) { u.redis.sentinel_user = printable_of(o); }},
    {"sentinel_password", sentinels, for_sentinels,
     [](const Written& o, StorageUri& u) { u.redis.sentinel_password = o.text; }},
    {"sentinel_tls", sentinels_tls, for_sentinels,
     [](const Written& o, StorageUri& u) { u.redis.sentinel_tls = flag_of(o); }},
    {"user", redis_unix, for_unix,
     [](const Written& o, StorageUri& u) { u.redis.user = printable_of(o); }},
    {"password", redis_unix, for_unix,
     [](const Written& o, StorageUri& u) { u.redis.password = o.text; }},
    {"db", redis_unix, for_unix,
     [](const Written& o,
        StorageUri& u) { u.redis.database = read_database(o.text, "option db"); }},
    {"tls_ca", redis_tls, for_tls,
     [](const Written& o, StorageUri& u) { u.redis.tls_ca_file = o.text; }},
    {"tls_cert", redis_tls, for_tls,
     [](const Written& o, StorageUri& u) { u.redis.tls_certificate = o.text; }},
    {"tls_key", redis_tls, for_tls,
     [](const Written& o, StorageUri& u) { u.redis.tls_key = o.text; }},
    {"tls_server_name", redis_tls, for_tls,
     [](const Written& o, StorageUri& u) { u.redis.tls_server_name = host_of(o); }},
    {"tls_insecure", redis_tls, for_tls,
     [](const Written& o, StorageUri& u) { u.redis.tls_insecure = flag_of(o); }},
    {"durable", sqlite_only, for_sqlite,
     [](const Written& o, StorageUri& u) { u.sqlite.durable = flag_of(o); }},
    {"busy_timeout", sqlite_only, for_sqlite,
     [](const Written& o, StorageUri& u) { u.sqlite.busy_timeout = timeout_of(o); }},
});

bool is_secret(std::string_view name) {
  return name == "password" || name == "sentinel_password";
}

// ---- reading -----------------------------------------------------------------------------------

[[noreturn]] void fail_unknown(const Written& option, Kind kind) {
  std::vector<std::string_view> names;
  std::string listed;
  for (const Rule& rule : rules) {
    if ((rule.kinds & bit(kind)) == 0) continue;
    names.push_back(rule.name);
    listed += (listed.empty() ? "" : ", ") + std::string(rule.name);
  }
  if (!option.may_show) {
    fail("an option behind the password is unknown; an & in the password is written %26; known: " +
         listed);
  }
  const std::string_view nearest = nearest_name(option.name, names);
  fail("option " + quoted(option.name) + " is unknown; " +
       (nearest.empty() ? "" : "did you mean " + std::string(nearest) + "? ") + "known: " + listed);
}

Written cut_option(std::string_view text, bool may_show) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name.empty() || equals == std::string_view::npos) {
    fail("an option has no " + std::string(name.empty() ? "name" : "value") +
         "; write ?name=value&name=value");
  }
  Written option{name, {}, may_show && !is_secret(name)};
  option.text = percent_decode(text.substr(equals + 1), "the value of an option");
  return option;
}

void check_together(const UriParts& parts, const StorageUri& uri) {
  if (const auto problem = find_problem(uri.options)) fail("option " + *problem);
  if (const auto problem = find_staleness_problem(uri.redis, uri.options, uri.layout)) {
    fail("option " + *problem);
  }
  if (uri.layout == Layout::dff && !uri.options.encryption.empty()) {
    fail(
        "option encrypt is for layout=log: DFF reads only what is readable; remove one of the two");
  }
  const RedisOptions& redis = uri.redis;
  if (redis.tls_certificate.empty() != redis.tls_key.empty()) {
    fail("options tls_cert and tls_key belong together: the other one is missing");
  }
  if (redis.tls_insecure && !redis.tls_ca_file.empty()) {
    fail("option tls_insecure=yes checks nothing, so that tls_ca has no effect; remove one");
  }
  if (parts.kind == Kind::redis_unix && !redis.user.empty() && redis.password.empty()) {
    fail("option user is given without password; add it");
  }
  if (!redis.sentinel_user.empty() && redis.sentinel_password.empty()) {
    fail("option sentinel_user is given without sentinel_password; add it");
  }
  if (uri.options.ttl_on_read && uri.options.ttl == milliseconds(0)) {
    fail("option ttl_on_read has no effect without ttl; add it, or remove ttl_on_read");
  }
}

}  // namespace

std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names;
  names.reserve(rules.size());
  for (const Rule& rule : rules) names.push_back(rule.name);
  return names;
}

void read_options(const UriParts& parts, StorageUri& out) {
  std::bitset<rules.size()> seen;
  bool may_show = true;
  std::string_view rest = parts.query.value_or(std::string_view());
  while (parts.query) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const Written option = cut_option(rest.substr(0, end), may_show);
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const Rule& r) { return r.name == option.name; });
    if (rule == rules.end()) fail_unknown(option, parts.kind);
    if ((rule->kinds & bit(parts.kind)) == 0) {
      fail("option " + std::string(rule->name) +
           " has no meaning here: " + std::string(rule->elsewhere));
    }
    const auto index = static_cast<std::size_t>(rule - rules.begin());
    if (seen[index]) fail("option " + std::string(rule->name) + " is given twice; remove one");
    seen[index] = true;
    may_show = may_show && !is_secret(rule->name);
    if (option.text.empty())
      option.refuse("a value is expected; remove the option for its default");
    if (!is_secret(rule->name)) refuse_control_bytes(option.text, "an option's value");
    rule->apply(option, out);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  check_together(parts, out);
}

}  // namespace dialogstore::uri
