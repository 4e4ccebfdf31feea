#include "support/redis_cluster.hpp"

#include <set>
#include <sstream>
#include <stdexcept>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(90);
constexpr int kSlots = 16384;

}  // namespace

RedisCluster::RedisCluster(RedisClusterOptions options) : options_(std::move(options)) {
  auto& config = options_.server.config;
  // Who watches closely also hears of new nodes soon.
  config.insert(config.end(), {"cluster-enabled yes",
                               "cluster-node-timeout " + std::to_string(short_silence.count()),
                               "cluster-replica-validity-factor 0", "repl-diskless-sync-delay 0"});
  const auto count = options_.primaries * (1 + options_.replicas);
  for (std::size_t i = 0; i < count; ++i) start_node();
  const auto primaries = static_cast<int>(options_.primaries);
  for (int i = 0; i < primaries; ++i) {
    const int first = kSlots * i / primaries;
    const int last = kSlots * (i + 1) / primaries - 1;
    const auto number = static_cast<std::size_t>(i);
    // ADDSLOTSRANGE is not in servers before 7.
    std::vector<std::string> add{"CLUSTER", "ADDSLOTS"};
    for (int slot = first; slot <= last; ++slot) add.push_back(std::to_string(slot));
    must(number, add);
    must(number, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (std::size_t i = 1; i < count; ++i) introduce(i);
  for (std::size_t i = options_.primaries; i < count; ++i) replicate(i, i % options_.primaries);
  // Then again: the last node to come up may have been taken for failing meanwhile.
  const bool is_up = wait_until_sound();
  watch_calmly();
  if (!is_up || !wait_until_sound()) throw std::runtime_error("the cluster does not come up");
}

void RedisCluster::set_patience(std::chrono::milliseconds patience,
                                std::optional<std::size_t> stopped) {
  const auto text = std::to_string(patience.count());
  for (std::size_t i = 0; i < size(); ++i) {
    if (node(i).pid() < 0 || i == stopped) continue;
    const bool is_set = eventually([&] {
      return node(i).command({"CONFIG", "SET", "cluster-node-timeout", text}).text == "OK";
    });
    if (!is_set) throw std::runtime_error("a node does not take cluster-node-timeout");
  }
}

std::size_t RedisCluster::start_node() {
  nodes_.push_back(std::make_unique<RedisServer>(options_.server));
  ids_.push_back(nodes_.back()->command({"CLUSTER", "MYID"}).text);
  return nodes_.size() - 1;
}

void RedisCluster::introduce(std::size_t number) {
  must(number, {"CLUSTER", "MEET", RedisServer::host(), std::to_string(node(0).port())});
}

// The replica has to have heard of the primary before.
void RedisCluster::replicate(std::size_t replica, std::size_t primary) {
  const bool done = eventually(
      [&] {
        return !node(replica).command({"CLUSTER", "REPLICATE", id(primary)}).is_error();
      },
      kPatience);
  if (!done) throw std::runtime_error("a node does not become a replica");
}

std::string RedisCluster::uri(const std::string& query) const {
  std::string text = "redis+cluster://";
  if (!options_.server.password.empty()) text += ":" + options_.server.password + "@";
  for (std::size_t i = 0; i < options_.primaries; ++i) {
    text += std::string(i == 0 ? "" : ",") + RedisServer::host() + ":" +
            std::to_string(nodes_[i]->port());
  }
  return text + "/" + (query.empty() ? "" : "?" + query);
}

std::string RedisCluster::node_uri(std::size_t number, const std::string& query) const {
  return nodes_.at(number)->uri(query);
}

int RedisCluster::slot_of(const std::string& name) {
  return static_cast<int>(node(0).command({"CLUSTER", "KEYSLOT", name}).integer);
}

std::size_t RedisCluster::owner_of(int slot, std::size_t asked) {
  for (const auto& range : node(asked).command({"CLUSTER", "SLOTS"}).elements) {
    if (slot < range.elements.at(0).integer || slot > range.elements.at(1).integer) continue;
    const auto port = range.elements.at(2).elements.at(1).integer;
    for (std::size_t i = 0; i < size(); ++i) {
      if (node(i).port() == port || node(i).tls_port() == port) return i;
    }
  }
  throw std::runtime_error("nobody has the slot");
}

bool RedisCluster::is_primary(std::size_t number) {
  const auto role = node(number).command({"ROLE"});
  return !role.elements.empty() && role.elements.at(0).text == "master";
}

std::size_t RedisCluster::add_node() {
  const auto number = start_node();
  introduce(number);
  if (!wait_until_sound()) throw std::runtime_error("the new node is not taken up");
  watch_calmly();
  return number;
}

void RedisCluster::remove_node(std::size_t number) {
  wait_until_agreed();
  for (std::size_t i = 0; i < size(); ++i) {
    if (i != number) must(i, {"CLUSTER", "FORGET", id(number)});
  }
  node(number).kill9();
}

// Who gets a slot takes a number above all it knows of, and of two nodes that claim a slot the
// higher number wins. A node that has not heard of the others' numbers takes one too low, and what
// the old owner has said before it gave the slot away takes it back then, with all keys deleted.
void RedisCluster::wait_until_agreed() {
  const bool done = eventually(
      [&] {
        const auto shards = shards_known_to(0);
        for (std::size_t i = 1; i < size(); ++i) {
          if (node(i).pid() > 0 && shards_known_to(i) != shards) return false;
        }
        return !shards.empty();
      },
      kPatience);
  if (!done) throw std::runtime_error("the nodes do not agree who has what");
}

// Of each primary its number and its slots; empty while two have the same number.
std::string RedisCluster::shards_known_to(std::size_t number) {
  std::istringstream lines(node(number).command({"CLUSTER", "NODES"}).text);
  std::set<std::string> shards;
  std::set<std::string> epochs;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, address, flags, primary, ping, pong, epoch, link, slots;
    words >> id >> address >> flags >> primary >> ping >> pong >> epoch >> link;
    std::getline(words, slots);
    // A slot in brackets is on its way.
    if (primary != "-") continue;
    if (!epochs.insert(epoch).second) return "";
    shards.insert(id + " " + epoch + slots.substr(0, slots.find(" [")) + "\n");
  }
  std::string all;
  for (const auto& shard : shards) all += shard;
  return all;
}

std::size_t RedisCluster::begin_move(int slot, std::size_t to) {
  wait_until_agreed();
  const auto from = owner_of(slot, to);
  must(to, {"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", id(from)});
  must(from, {"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", id(to)});
  return from;
}

// Until so many keys are left at the old owner.
void RedisCluster::move_keys(int slot, std::size_t from, std::size_t to, std::size_t left) {
  for (;;) {
    const auto text = std::to_string(slot);
    const auto keys = node(from).command({"CLUSTER", "GETKEYSINSLOT", text, "1000"}).texts();
    if (keys.size() <= left) return;
    must(from, {"MIGRATE", RedisServer::host(), std::to_string(node(to).port()), keys.front(), "0",
                "5000"});
  }
}

void RedisCluster::end_move(int slot, std::size_t to) {
  must(to, {"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id(to)});
  for (std::size_t i = 0; i < size(); ++i) {
    // Who hears that it has no slot left, before it is told, becomes a replica.
    if (i == to || !is_primary(i)) continue;
    const auto reply =
        node(i).command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id(to)});
    if (reply.is_error() && is_primary(i)) throw std::runtime_error("SETSLOT: " + reply.text);
  }
}

void RedisCluster::must(std::size_t number, const std::vector<std::string>& command) {
  const auto reply = node(number).command(command);
  if (reply.is_error()) {
    throw std::runtime_error(command.at(0) + " " + command.at(1) + ": " + reply.text);
  }
}

bool RedisCluster::shows_replicas() {
  for (const auto& node : nodes_) {
    for (const auto& range : node->command({"CLUSTER", "SLOTS"}).elements) {
      if (range.elements.size() < 4) return false;
    }
  }
  return true;
}

std::string RedisCluster::cluster_info(std::size_t number, const std::string& field) {
  std::istringstream lines(node(number).command({"CLUSTER", "INFO"}).text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(field + ":")) {
      return line.substr(field.size() + 1, line.find('\r') - field.size() - 1);
    }
  }
  return "";
}

bool RedisCluster::is_sound(std::size_t number, std::size_t known) {
  const bool is_up = cluster_info(number, "cluster_state") == "ok" &&
                     cluster_info(number, "cluster_known_nodes") == std::to_string(known);
  if (!is_up || is_primary(number)) return is_up;
  return node(number).info("master_link_status") == "up";
}

bool RedisCluster::wait_until_sound() {
  std::vector<std::size_t> running;
  for (std::size_t i = 0; i < size(); ++i) {
    if (node(i).pid() > 0) running.push_back(i);
  }
  return eventually(
      [&] {
        for (const auto i : running) {
          if (!is_sound(i, running.size())) return false;
        }
        return true;
      },
      kPatience);
}

RedisCluster& shared_cluster() {
  static RedisCluster cluster;
  return cluster;
}

}  // namespace dialogstore::test
