#include "redis/cluster_map.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

namespace dialogstore::redis {
namespace {

constexpr std::int64_t largest_port = 65535;
constexpr std::string_view unknown_host = "?";

template <class Number>
std::optional<Number> number_in(std::string_view text, Number largest) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (value > largest) return std::nullopt;
  return value;
}

// Host, port, and in newer servers an identifier and more that is not needed here. Nothing when it
// has not that shape; an address with an empty host when the node is not reachable by any.
std::optional<ServerAddress> read_node(const ReplyNode& node, const ServerAddress& asked,
                                       const AddressBook& book) {
  if (node.kind != ReplyKind::array || node.elements.size() < 2) return std::nullopt;
  const auto& host = node.elements[0];
  const auto& port = node.elements[1];
  const bool is_host = host.kind == ReplyKind::string || host.kind == ReplyKind::nil;
  if (!is_host || port.kind != ReplyKind::integer || port.integer < 1 ||
      port.integer > largest_port) {
    return std::nullopt;
  }
  const auto number = static_cast<std::uint16_t>(port.integer);
  if (host.text != unknown_host) return book.find(host.text, number, asked);
  // Names are preferred there and this node has none: the address is among the rest.
  if (node.elements.size() > 3 && node.elements[3].kind == ReplyKind::array) {
    const auto& rest = node.elements[3].elements;
    for (std::size_t i = 0; i + 1 < rest.size(); i += 2) {
      if (rest[i].text == "ip") return book.find(rest[i + 1].text, number, asked);
    }
  }
  return ServerAddress{};
}

std::optional<std::uint16_t> slot_in(const ReplyNode& node) {
  if (node.kind != ReplyKind::integer || node.integer < 0 || node.integer >= slot_count) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(node.integer);
}

// One line of the map: first slot, last slot, primary, replicas.
bool read_range(const ReplyNode& range, const ServerAddress& asked, const AddressBook& book,
                ClusterMap& map, std::string& problem) {
  problem = "CLUSTER SLOTS: the answer has not its shape";
  if (range.kind != ReplyKind::array || range.elements.size() < 3) return false;
  const auto first = slot_in(range.elements[0]);
  const auto last = slot_in(range.elements[1]);
  const auto primary = read_node(range.elements[2], asked, book);
  if (!first || !last || *first > *last || !primary) return false;
  std::vector<ServerAddress> replicas;
  for (const auto& node : range.elements.subspan(3)) {
    auto replica = read_node(node, asked, book);
    if (!replica) return false;
    if (!replica->host.empty()) replicas.push_back(*std::move(replica));
  }
  problem = "CLUSTER SLOTS: a slot has two owners";
  return primary->host.empty() || map.add(*first, *last, *primary, replicas);
}

}  // namespace

std::string to_text(const ServerAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

ServerAddress AddressBook::find(std::string_view host, std::uint16_t port,
                                const ServerAddress& asked) const {
  if (host.empty()) return {asked.host, port};
  ServerAddress announced{std::string(host), port};
  const auto found = reachable_.find(announced);
  return found == reachable_.end() ? announced : found->second;
}

std::optional<ServerAddress> AddressBook::read(std::string_view text,
                                               const ServerAddress& asked) const {
  // The last one: an IPv6 address is written without brackets.
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = number_in<std::uint32_t>(text.substr(colon + 1), largest_port);
  const auto host = text.substr(0, colon);
  if (!port || *port == 0 || host == unknown_host) return std::nullopt;
  return find(host, static_cast<std::uint16_t>(*port), asked);
}

const Shard* ClusterMap::owner_of(std::uint16_t slot) const noexcept {
  const auto index = owners_[slot % slot_count];
  return index == nobody ? nullptr : &shards_[index];
}

std::size_t ClusterMap::covered() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(owners_.begin(), owners_.end(), [](auto index) { return index != nobody; }));
}

bool ClusterMap::has_primary(const ServerAddress& address) const noexcept {
  return std::any_of(shards_.begin(), shards_.end(),
                     [&](const Shard& shard) { return shard.primary == address; });
}

bool ClusterMap::has_replica(const ServerAddress& address) const noexcept {
  return std::any_of(shards_.begin(), shards_.end(), [&](const Shard& shard) {
    return std::find(shard.replicas.begin(), shard.replicas.end(), address) != shard.replicas.end();
  });
}

std::uint16_t ClusterMap::index_of(const ServerAddress& primary) {
  const auto found = std::find_if(shards_.begin(), shards_.end(),
                                  [&](const Shard& shard) { return shard.primary == primary; });
  if (found == shards_.end()) {
    const auto number = std::hash<std::string>{}(to_text(primary));
    shards_.push_back({primary, {}, number});
    return static_cast<std::uint16_t>(shards_.size() - 1);
  }
  return static_cast<std::uint16_t>(found - shards_.begin());
}

bool ClusterMap::add(std::uint16_t first, std::uint16_t last, const ServerAddress& primary,
                     const std::vector<ServerAddress>& replicas) {
  const auto index = index_of(primary);
  shards_[index].replicas = replicas;
  for (std::uint32_t slot = first; slot <= last; ++slot) {
    if (owners_[slot] != nobody) return false;
    owners_[slot] = index;
  }
  return true;
}

void ClusterMap::move(std::uint16_t slot, const ServerAddress& primary) {
  // More than there are slots is a server that makes addresses up.
  if (shards_.size() >= slot_count && !has_primary(primary)) return;
  owners_[slot % slot_count] = index_of(primary);
}

std::optional<ClusterMap> read_slots(const ReplyNode& reply, const ServerAddress& asked,
                                     const AddressBook& book, std::string& problem) {
  problem = "CLUSTER SLOTS: the answer has not its shape";
  if (reply.kind != ReplyKind::array || reply.elements.size() > slot_count) return std::nullopt;
  ClusterMap map;
  for (const auto& range : reply.elements) {
    if (!read_range(range, asked, book, map, problem)) return std::nullopt;
  }
  problem.clear();
  return map;
}

ClusterHealth read_health(std::string_view info) {
  const auto field = [&](std::string_view name) {
    const auto at = info.find(name);
    if (at == std::string_view::npos) return std::string_view();
    const auto value = info.substr(at + name.size());
    return value.substr(0, value.find_first_of("\r\n"));
  };
  constexpr auto any = ~std::uint64_t{0};
  ClusterHealth health;
  health.is_ok = field("cluster_state:") == "ok";
  health.epoch = number_in<std::uint64_t>(field("cluster_current_epoch:"), any).value_or(0);
  return health;
}

std::optional<Redirection> read_redirection(std::string_view error, const ServerAddress& asked,
                                            const AddressBook& book) {
  Redirection redirection;
  if (error.starts_with("ASK ")) {
    redirection.is_ask = true;
  } else if (!error.starts_with("MOVED ")) {
    return std::nullopt;
  }
  error.remove_prefix(error.find(' ') + 1);
  const auto space = error.find(' ');
  const auto slot = number_in<std::uint16_t>(error.substr(0, space), slot_count - 1);
  if (!slot || space == std::string_view::npos) return redirection;
  redirection.slot = *slot;
  redirection.to = book.read(error.substr(space + 1), asked);
  return redirection;
}

}  // namespace dialogstore::redis
