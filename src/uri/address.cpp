#include "uri/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace dialogstore::uri {
namespace {

constexpr std::size_t unix_path_bytes = 107;   // sockaddr_un on Linux, without its NUL
constexpr std::size_t file_path_bytes = 4000;  // PATH_MAX, less what SQLite puts behind it
constexpr std::size_t host_bytes = 253;
constexpr std::size_t zone_bytes = 15;  // IFNAMSIZ, without its NUL

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
  });
}

bool is_ip(int family, std::string_view text) {
  in6_addr ignored{};
  return inet_pton(family, std::string(text).c_str(), &ignored) == 1;
}

// ---- redis and rediss: [user:password@][host][:port][/database] ------------------------------

void read_credentials(std::string_view text, RedisOptions& out) {
  if (text.find('@') != std::string_view::npos) {
    fail("there is more than one @ in front of the host; " + std::string(encode_hint));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    fail(
        "in front of the @ stands no password; write user:password@host, or :password@host for "
        "the default user");
  }
  const std::string_view password = text.substr(colon + 1);
  if (password.find(':') != std::string_view::npos) {
    fail("there is more than one : in front of the @; " + std::string(encode_hint));
  }
  if (password.empty()) {
    fail("the password in front of the @ is empty; write user:password@host, or leave out the @");
  }
  out.user = percent_decode(text.substr(0, colon), "the user");
  refuse_control_bytes(out.user, "the user");
  out.password = percent_decode(password, "the password");
}

std::string read_zone(std::string_view text) {
  constexpr std::string_view percent = "%25";
  const std::string_view zone = text.substr(std::min(percent.size(), text.size()));
  if (!text.starts_with(percent) || !is_name(zone) || zone.size() > zone_bytes) {
    fail(
        "the host's IPv6 zone is not %25 and the name of an interface; write it as "
        "[fe80::1%25eth0]");
  }
  return '%' + std::string(zone);
}

// Text in brackets; returns what follows them.
std::string_view read_ipv6(std::string_view text, ServerAddress& out) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) fail("the host's [ has no ]; write it as [::1]");
  const std::string_view inside = text.substr(1, end - 1);
  const std::size_t percent = inside.find('%');
  const std::string_view address = inside.substr(0, percent);
  if (!is_ip(AF_INET6, address)) fail("the host in [ ] is not an IPv6 address such as [::1]");
  out.host = address;
  if (percent != std::string_view::npos) out.host += read_zone(inside.substr(percent));
  return text.substr(end + 1);
}

std::string_view read_name(std::string_view text, ServerAddress& out) {
  if (text.find(',') != std::string_view::npos) {
    fail(
        "there is a comma in the host: several are named behind redis+cluster:// and "
        "redis+sentinel://");
  }
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    fail("there is more than one : behind the host; an IPv6 address goes into brackets, [::1]");
  }
  if (!host.empty()) {
    if (!is_host(host)) {
      fail(
          "the host is not a name or an address (letters, digits, - _ and dots between them); an "
          "IPv6 address goes into brackets, [::1]");
    }
    out.host = host;
  }
  return colon == std::string_view::npos ? std::string_view() : text.substr(colon);
}

// The text is not shown: in `redis://user:secret` it is a password whose @host was forgotten.
void read_port(std::string_view text, ServerAddress& out) {
  if (text.empty()) return;
  const auto port = text.front() == ':' ? parse_digits(text.substr(1)) : std::nullopt;
  if (!port || *port < 1 || *port > 65535) {
    fail(
        "the port behind the host is not a whole number from 1 to 65535; write "
        "redis://host:6379, or leave out the colon for port 6379");
  }
  out.port = static_cast<std::uint16_t>(*port);
}

void read_host_and_port(std::string_view text, ServerAddress& out) {
  text = text.starts_with('[') ? read_ipv6(text, out) : read_name(text, out);
  read_port(text, out);
}

// Returns what stands behind the @, or all if there is none.
std::string_view cut_credentials(std::string_view text, RedisOptions& out) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return text;
  read_credentials(text.substr(0, at), out);
  return text.substr(at + 1);
}

void read_tcp(const UriParts& parts, RedisOptions& out) {
  out.tls = parts.kind == Kind::rediss;
  ServerAddress server{out.host, out.port};
  read_host_and_port(cut_credentials(parts.authority, out), server);
  out.host = std::move(server.host);
  out.port = server.port;
  if (parts.path.size() > 1) {
    out.database = read_database(parts.path.substr(1), "the database behind the host");
  }
}

// ---- several servers: [user:password@]host[:port],host[:port] ---------------------------------

// The first one stands where a single server would.
void read_servers(std::string_view text, std::uint16_t port, RedisOptions& out) {
  std::vector<ServerAddress> servers;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, comma);
    if (one.empty()) fail("a host is missing; write host1:port,host2:port");
    ServerAddress server{{}, port};
    read_host_and_port(one, server);
    if (server.host.empty()) fail("a host is missing in front of its port");
    if (std::find(servers.begin(), servers.end(), server) != servers.end()) {
      fail("the same server is named twice; remove one");
    }
    servers.push_back(std::move(server));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  out.host = servers.front().host;
  out.port = servers.front().port;
  out.more_servers.assign(servers.begin() + 1, servers.end());
}

void read_cluster(const UriParts& parts, RedisOptions& out) {
  constexpr std::uint16_t standard_port = 6379;
  out.topology = Topology::cluster;
  out.tls = parts.kind == Kind::cluster_tls;
  read_servers(cut_credentials(parts.authority, out), standard_port, out);
  if (parts.path.size() > 1 && read_database(parts.path.substr(1), "the database") != 0) {
    fail("a cluster has the database 0 only; remove it and tell bots apart by namespace=");
  }
}

void read_sentinel(const UriParts& parts, RedisOptions& out) {
  constexpr std::uint16_t standard_port = 26379;
  out.topology = Topology::sentinel;
  out.tls = parts.kind == Kind::sentinel_tls;
  out.sentinel_tls = out.tls;
  read_servers(cut_credentials(parts.authority, out), standard_port, out);
  const std::string_view path = parts.path.substr(std::min<std::size_t>(1, parts.path.size()));
  const std::size_t slash = std::min(path.find('/'), path.size());
  out.service = percent_decode(path.substr(0, slash), "the service");
  refuse_control_bytes(out.service, "the service");
  if (out.service.empty()) {
    fail(
        "behind the Sentinels stands no service; write redis+sentinel://host:26379/mymaster, with "
        "the name they watch the primary by");
  }
  if (slash < path.size()) {
    out.database = read_database(path.substr(slash + 1), "the database behind the service");
  }
}

// ---- paths -------------------------------------------------------------------------------------

void read_unix(const UriParts& parts, RedisOptions& out) {
  if (!parts.authority.empty()) {
    fail(
        "behind redis+unix:// stands no slash; write redis+unix:///path/to.sock, with user and "
        "password as options: ?user=...&password=...");
  }
  out.unix_path = percent_decode(parts.path, "the socket's path");
  refuse_control_bytes(out.unix_path, "the socket's path");
  if (out.unix_path.empty() || out.unix_path.back() == '/') {
    fail("the socket's path names no file; write redis+unix:///path/to.sock");
  }
  if (out.unix_path.size() > unix_path_bytes) {
    fail("the socket's path is longer than " + std::to_string(unix_path_bytes) +
         " bytes, the most the system takes; use a shorter one");
  }
}

void read_file(const UriParts& parts, std::string& out) {
  constexpr std::string_view forms =
      "write sqlite:///relative.db (three slashes) or sqlite:////absolute/file.db (four)";
  if (!parts.authority.empty()) {
    fail("behind sqlite:// stands a host instead of a slash; " + std::string(forms));
  }
  const std::string_view path = parts.path.substr(std::min<std::size_t>(1, parts.path.size()));
  out = percent_decode(path, "the file's path");
  refuse_control_bytes(out, "the file's path");
  if (out.empty() || out.back() == '/') fail("the path names no file; " + std::string(forms));
  if (out == ":memory:") fail("a store in memory is memory://; the path names no file");
  if (out.size() > file_path_bytes) {
    fail("the file's path is longer than " + std::to_string(file_path_bytes) +
         " bytes; shorten it");
  }
}

void read_memory(const UriParts& parts, std::string& out) {
  constexpr std::size_t name_bytes = 128;
  if (!parts.path.empty() || parts.authority.size() > name_bytes ||
      !(parts.authority.empty() || is_name(parts.authority))) {
    fail("the name behind memory:// has at most " + std::to_string(name_bytes) +
         " characters: letters, digits and . _ -");
  }
  out = parts.authority;
}

}  // namespace

void read_address(const UriParts& parts, StorageUri& out) {
  switch (parts.kind) {
    case Kind::redis:
    case Kind::rediss:
      out.scheme = UriScheme::redis;
      return read_tcp(parts, out.redis);
    case Kind::redis_unix:
      out.scheme = UriScheme::redis;
      return read_unix(parts, out.redis);
    case Kind::cluster:
    case Kind::cluster_tls:
      out.scheme = UriScheme::redis;
      return read_cluster(parts, out.redis);
    case Kind::sentinel:
    case Kind::sentinel_tls:
      out.scheme = UriScheme::redis;
      return read_sentinel(parts, out.redis);
    case Kind::sqlite:
      out.scheme = UriScheme::sqlite;
      return read_file(parts, out.file);
    case Kind::memory:
      out.scheme = UriScheme::memory;
      return read_memory(parts, out.file);
  }
}

int read_database(std::string_view text, std::string_view part) {
  const auto number = parse_digits(text);
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    fail(std::string(part) + " is not a whole number such as 0 or 12; write redis://host:6379/0");
  }
  return static_cast<int>(*number);
}

ServerAddress read_server(std::string_view text, std::string_view part) {
  ServerAddress server;
  if (!text.empty()) read_host_and_port(text, server);
  if (server.host.empty() || server.port == 0) {
    fail(std::string(part) + " is not host:port");
  }
  return server;
}

bool is_host(std::string_view text) noexcept {
  if (text.find(':') != std::string_view::npos) return is_ip(AF_INET6, text);
  if (!is_name(text) || text.size() > host_bytes) return false;
  if (text.front() == '.' || text.find("..") != std::string_view::npos) return false;
  const bool is_numeric = text.find_first_not_of("0123456789.") == std::string_view::npos;
  return !is_numeric || is_ip(AF_INET, text);
}

}  // namespace dialogstore::uri
