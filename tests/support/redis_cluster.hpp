// A real Redis Cluster of the test's own: processes on free ports, told by commands who has what.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/redis_server.hpp"

namespace dialogstore::test {

struct RedisClusterOptions {
  std::size_t primaries = 3;
  std::size_t replicas = 0;  // of each primary
  RedisServerOptions server;
};

// The constructor returns when every node says that all is well, replicas in step. Nodes are
// numbered: the primaries first, then their replicas in the same order, round after round.
//
// A node is taken for failing after a long silence, so that none is that only gets no time to run;
// a failure that the others have to notice needs watch_closely().
class RedisCluster {
 public:
  static constexpr std::chrono::milliseconds long_silence{15'000};
  static constexpr std::chrono::milliseconds short_silence{1'000};

  explicit RedisCluster(RedisClusterOptions options = {});

  std::size_t size() const { return nodes_.size(); }
  RedisServer& node(std::size_t number) { return *nodes_.at(number); }
  const std::string& id(std::size_t number) const { return ids_.at(number); }
  // redis+cluster://127.0.0.1:port,127.0.0.1:port/?query, with the nodes at the beginning.
  std::string uri(const std::string& query = "") const;
  // redis://127.0.0.1:port/0?query of one node.
  std::string node_uri(std::size_t number, const std::string& query = "") const;

  // The slot of a Redis key, and who has it now as that node says.
  int slot_of(const std::string& name);
  std::size_t owner_of(int slot, std::size_t asked = 0);
  bool is_primary(std::size_t number);

  // One more node without slots, known to all.
  std::size_t add_node();
  // Moves a slot with its keys, as redis-cli does it, and calls `half_way` when some keys are here
  // and some are there.
  template <class HalfWay>
  void move_slot(int slot, std::size_t to, HalfWay half_way) {
    const auto from = begin_move(slot, to);
    move_keys(slot, from, to, 1);
    half_way();
    move_keys(slot, from, to, 0);
    end_move(slot, to);
  }
  void move_slot(int slot, std::size_t to) {
    move_slot(slot, to, [] {});
  }
  // All others forget the node, which must have no slots and is stopped.
  void remove_node(std::size_t number);

  // From now on a short, or a long, silence makes a node one that fails. Nodes that do not run are
  // not told, nor is one that is stopped.
  void watch_closely(std::optional<std::size_t> stopped = {}) {
    set_patience(short_silence, stopped);
  }
  void watch_calmly(std::optional<std::size_t> stopped = {}) {
    set_patience(long_silence, stopped);
  }

  // Each node tells of a replica of each primary.
  bool shows_replicas();
  // Every running node knows all running nodes and says that the cluster works.
  [[nodiscard]] bool wait_until_sound();

 private:
  void set_patience(std::chrono::milliseconds patience, std::optional<std::size_t> stopped);
  void wait_until_agreed();
  std::string shards_known_to(std::size_t number);
  std::size_t start_node();
  void introduce(std::size_t number);
  void replicate(std::size_t replica, std::size_t primary);
  std::size_t begin_move(int slot, std::size_t to);
  void move_keys(int slot, std::size_t from, std::size_t to, std::size_t left);
  void end_move(int slot, std::size_t to);
  void must(std::size_t number, const std::vector<std::string>& command);
  bool is_sound(std::size_t number, std::size_t known);
  std::string cluster_info(std::size_t number, const std::string& field);

  RedisClusterOptions options_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> ids_;
};

// Three primaries for all tests of this process, started when first asked for, as shared_redis().
RedisCluster& shared_cluster();

}  // namespace dialogstore::test
