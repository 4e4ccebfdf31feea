// What the nodes of a Redis Cluster say of where the slots are: maps and redirections, read from
// replies. Pure.
//
// A node names others by address. It may leave the host out (clients know it: the one they asked),
// and may name an address that is not reachable from here, for which the settings know another.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/options.hpp"
#include "redis/keys.hpp"
#include "redis/reply.hpp"

namespace dialogstore::redis {

/// "host:port", with brackets around an IPv6 address.
[[nodiscard]] std::string to_text(const ServerAddress& address);

/// How addresses that servers announce become addresses to connect to.
class AddressBook {
 public:
  AddressBook() = default;
  explicit AddressBook(const std::vector<std::pair<ServerAddress, ServerAddress>>& announced)
      : reachable_(announced.begin(), announced.end()) {}

  /// @param asked the server that says so, for one that leaves the host out
  [[nodiscard]] ServerAddress find(std::string_view host, std::uint16_t port,
                                   const ServerAddress& asked) const;
  /// Of "host:port" or ":port". Nothing when it is not that, or names an unknown host ("?").
  [[nodiscard]] std::optional<ServerAddress> read(std::string_view text,
                                                  const ServerAddress& asked) const;

 private:
  std::map<ServerAddress, ServerAddress> reachable_;
};

struct Shard {
  ServerAddress primary;
  std::vector<ServerAddress> replicas;
  std::uint64_t number = 0;  ///< the same for the same primary: RedisClient::server_of
};

class ClusterMap {
 public:
  ClusterMap() { owners_.fill(nobody); }

  /// Null when nobody has the slot, as far as is known.
  [[nodiscard]] const Shard* owner_of(std::uint16_t slot) const noexcept;
  [[nodiscard]] const std::vector<Shard>& shards() const noexcept { return shards_; }
  [[nodiscard]] std::size_t covered() const noexcept;
  [[nodiscard]] bool has_primary(const ServerAddress& address) const noexcept;
  [[nodiscard]] bool has_replica(const ServerAddress& address) const noexcept;

  /// `first` to `last` belong to that primary. False when a slot has an owner already.
  [[nodiscard]] bool add(std::uint16_t first, std::uint16_t last, const ServerAddress& primary,
                         const std::vector<ServerAddress>& replicas);
  /// As a redirection says.
  void move(std::uint16_t slot, const ServerAddress& primary);

 private:
  static constexpr std::uint16_t nobody = 0xFFFF;
  std::uint16_t index_of(const ServerAddress& primary);

  std::vector<Shard> shards_;
  std::array<std::uint16_t, slot_count> owners_{};  ///< indices in shards_
};

/// Of CLUSTER SLOTS. Nothing, and the `problem`, when it is no map: another shape, slots out of
/// range or with two owners, more shards than there are slots.
[[nodiscard]] std::optional<ClusterMap> read_slots(const ReplyNode& reply,
                                                   const ServerAddress& asked,
                                                   const AddressBook& book, std::string& problem);

/// Of CLUSTER INFO: what decides which of several maps is the newest.
struct ClusterHealth {
  bool is_ok = false;  ///< the node thinks that the cluster works
  std::uint64_t epoch = 0;
};
[[nodiscard]] ClusterHealth read_health(std::string_view info);

struct Redirection {
  bool is_ask = false;
  std::uint16_t slot = 0;
  std::optional<ServerAddress> to;  ///< nothing: the node does not know the address either
};
/// Of "MOVED 3300 10.0.0.1:6379" and "ASK …". Nothing for every other error.
[[nodiscard]] std::optional<Redirection> read_redirection(std::string_view error,
                                                          const ServerAddress& asked,
                                                          const AddressBook& book);

}  // namespace dialogstore::redis
