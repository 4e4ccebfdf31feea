// Which option a misspelt one was meant to be.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "uri/uri_options.hpp"

namespace dialogstore::uri {
namespace {

// What other libraries call the same thing.
constexpr auto other_names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"verify", "tls_insecure"},
    {"ssl_cert_reqs", "tls_insecure"},
    {"insecure", "tls_insecure"},
    {"ssl_ca_certs", "tls_ca"},
    {"cafile", "tls_ca"},
    {"ca", "tls_ca"},
    {"ssl_certfile", "tls_cert"},
    {"ssl_keyfile", "tls_key"},
    {"sni", "tls_server_name"},
    {"socket_timeout", "timeout"},
    {"expire", "ttl"},
    {"expiry", "ttl"},
    {"prefix", "namespace"},
    {"key_prefix", "namespace"},
    {"pool_size", "connections"},
    {"max_connections", "connections"},
    {"database", "db"},
    {"username", "user"},
    {"pass", "password"},
    {"encryption", "encrypt"},
    {"encryption_key", "encrypt"},
    {"key_file", "encrypt"},
    {"socket_connect_timeout", "connect_timeout"},
});

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view written,
                              const std::vector<std::string_view>& names) {
  constexpr std::size_t longest = 40;
  if (written.size() > longest) return {};
  for (const auto& [other, ours] : other_names) {
    if (written == other) {
      const auto found = std::find(names.begin(), names.end(), ours);
      return found == names.end() ? std::string_view() : *found;
    }
  }
  std::string_view nearest;
  std::size_t best = written.size() <= 4 ? 2 : 3;  // this far is another word
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(written, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace dialogstore::uri
