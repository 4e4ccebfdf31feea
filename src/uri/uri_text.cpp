#include "uri/uri_text.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "dialogstore/error.hpp"

namespace dialogstore::uri {
namespace {

struct SchemeRule {
  std::string_view scheme;
  std::optional<Kind> kind;
  std::string_view remedy;  // of a scheme that is known but not served
};

constexpr auto scheme_rules = std::to_array<SchemeRule>({
    {"redis", Kind::redis, {}},
    {"rediss", Kind::rediss, {}},
    {"redis+unix", Kind::redis_unix, {}},
    {"sqlite", Kind::sqlite, {}},
    {"memory", Kind::memory, {}},
    {"redis+cluster", Kind::cluster, {}},
    {"rediss+cluster", Kind::cluster_tls, {}},
    {"redis+sentinel", Kind::sentinel, {}},
    {"rediss+sentinel", Kind::sentinel_tls, {}},
    {"rediss+unix", {}, "TLS over a Unix socket is not supported; write redis+unix:///path.sock"},
    {"unix", {}, "write redis+unix:///path.sock"},
    {"valkey", {}, "write redis://, which serves Valkey too"},
    {"valkeys", {}, "write rediss://, which serves Valkey too"},
    {"sqlite3", {}, "write sqlite:///file.db"},
    {"sqlite+aiosqlite", {}, "write sqlite:///file.db"},
    {"file", {}, "write sqlite:///file.db"},
});

constexpr std::string_view known_schemes =
    "known are redis://, rediss://, redis+unix://, redis+cluster://, rediss+cluster://, "
    "redis+sentinel://, rediss+sentinel://, sqlite:// and memory://";

constexpr bool is_control(char byte) noexcept {
  const auto value = static_cast<unsigned char>(byte);
  return value < 0x20 || value == 0x7f;
}

int hex_digit(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool is_scheme_text(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    const char small = lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
  });
}

void check_bytes(std::string_view uri) {
  if (uri.empty()) {
    fail("the text is empty; write for example redis://localhost:6379 or sqlite:///dialogs.db");
  }
  if (uri.size() > max_bytes) {
    fail("it is longer than " + std::to_string(max_bytes) + " bytes; shorten it");
  }
  if (std::any_of(uri.begin(), uri.end(), is_control)) {
    fail("it holds a control character (a line break or a NUL, say); remove it");
  }
}

// A text in front of `://` may be a piece of a password when the scheme was forgotten, so it is
// shown only when nothing else looks like user:password@.
Kind kind_of(std::string_view scheme, std::string_view rest) {
  std::string small(scheme);
  std::transform(small.begin(), small.end(), small.begin(), lower);
  for (const SchemeRule& rule : scheme_rules) {
    if (small != rule.scheme) continue;
    if (rule.kind) return *rule.kind;
    fail("scheme " + small + "://: " + std::string(rule.remedy));
  }
  const bool shown = is_scheme_text(scheme) && rest.find('@') == std::string_view::npos;
  fail("the scheme " + (shown ? quoted(small) + " " : std::string()) + "is unknown; " +
       std::string(known_schemes));
}

// `redis://user:pa/ss@host`: everything up to the first / ? # is the authority, so an @ behind it
// is what an unescaped password leaves.
void check_leftovers(Kind kind, std::string_view behind_authority) {
  const bool is_redis = kind != Kind::redis_unix && kind != Kind::sqlite && kind != Kind::memory;
  if (is_redis && behind_authority.find('@') != std::string_view::npos) {
    fail(
        "an @ stands behind the host, which happens when the password holds a character with a "
        "meaning of its own; " +
        std::string(encode_hint));
  }
  if (behind_authority.find('#') != std::string_view::npos) {
    fail("it holds a #, which has no meaning here; in a name or value write %23");
  }
}

}  // namespace

void fail(const std::string& text) {
  throw_error(errc::invalid_uri, "", "", "storage URI: " + text);
}

UriParts split(std::string_view uri) {
  check_bytes(uri);
  const std::size_t colon = uri.find("://");
  if (colon == std::string_view::npos) {
    fail("it has no scheme such as redis:// at its start; " + std::string(known_schemes));
  }
  UriParts parts;
  parts.scheme = uri.substr(0, colon);
  std::string_view rest = uri.substr(colon + 3);
  parts.kind = kind_of(parts.scheme, rest);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  parts.authority = rest.substr(0, end);
  rest.remove_prefix(end);
  check_leftovers(parts.kind, rest);
  const std::size_t question = rest.find('?');
  parts.path = rest.substr(0, question);
  if (question != std::string_view::npos) parts.query = rest.substr(question + 1);
  return parts;
}

std::string percent_decode(std::string_view text, std::string_view part) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      fail("in " + std::string(part) +
           " a % is not followed by two hexadecimal digits; a % itself is written %25");
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

void refuse_control_bytes(std::string_view text, std::string_view part) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    fail(std::string(part) + " holds a NUL or another control character (as %00, say); remove it");
  }
}

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto add = static_cast<std::uint64_t>(digit - '0');
    if (value > (largest - add) / 10) return std::nullopt;
    value = value * 10 + add;
  }
  return value;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 40;
  std::string result = "\"";
  for (const char byte : text.substr(0, shown)) {
    const bool printable = !is_control(byte) && static_cast<unsigned char>(byte) < 0x80;
    result += printable && byte != '"' ? byte : '?';
  }
  return result + (text.size() > shown ? "...\"" : "\"");
}

}  // namespace dialogstore::uri
