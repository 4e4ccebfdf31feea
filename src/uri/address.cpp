#include "uri/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

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
std::string_view read_ipv6(std::string_view text, RedisOptions& out) {
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

std::string_view read_name(std::string_view text, RedisOptions& out) {
  if (text.find(',') != std::string_view::npos) {
    fail(
        "there is a comma in the host: several servers are not supported by this version; name "
        "one");
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
void read_port(std::string_view text, RedisOptions& out) {
  if (text.empty()) return;
  const auto port = text.front() == ':' ? parse_digits(text.substr(1)) : std::nullopt;
  if (!port || *port < 1 || *port > 65535) {
    fail(
        "the port behind the host is not a whole number from 1 to 65535; write "
        "redis://host:6379, or leave out the colon for port 6379");
  }
  out.port = static_cast<std::uint16_t>(*port);
}

void read_tcp(const UriParts& parts, RedisOptions& out) {
  out.tls = parts.kind == Kind::rediss;
  std::string_view rest = parts.authority;
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    read_credentials(rest.substr(0, at), out);
    rest.remove_prefix(at + 1);
  }
  rest = rest.starts_with('[') ? read_ipv6(rest, out) : read_name(rest, out);
  read_port(rest, out);
  if (parts.path.size() > 1) {
    out.database = read_database(parts.path.substr(1), "the database behind the host");
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

bool is_host(std::string_view text) noexcept {
  if (text.find(':') != std::string_view::npos) return is_ip(AF_INET6, text);
  if (!is_name(text) || text.size() > host_bytes) return false;
  if (text.front() == '.' || text.find("..") != std::string_view::npos) return false;
  const bool is_numeric = text.find_first_not_of("0123456789.") == std::string_view::npos;
  return !is_numeric || is_ip(AF_INET, text);
}

}  // namespace dialogstore::uri
