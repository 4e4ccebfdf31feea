// The rules of sending one request into a Redis Cluster, without I/O: tell it how a copy ended, do
// what it says. And which map of the slots to believe.
//
// A server that does not have a slot answers MOVED or ASK and executes nothing, so following them
// sends no second copy. Everything else is an end: whether a request may be sent again is for those
// above to decide, who know whether it may be executed twice.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "redis/cluster_map.hpp"
#include "redis/link.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

/// One request on its way through the cluster.
struct Route {
  std::uint16_t slot = 0;
  bool wants_replica = false;  ///< a read that may be stale
  // The rest is the router's.
  ServerAddress to;
  bool asking = false;      ///< ASKING goes directly before it
  bool at_replica = false;  ///< the connection must be READONLY
  int redirections = 0;
  bool looked_up = false;
};

enum class RouteStep : std::uint8_t {
  send,     ///< to route.to
  look_up,  ///< the map must be asked for, then start() again
  finish,   ///< `end` is the answer
};

/// One node's answer to the question for the map.
struct MapReport {
  ClusterMap map;
  ClusterHealth health;
};

class ClusterRouter {
 public:
  static constexpr int max_redirections = 5;
  /// After so many maps of an older epoch in a row it is another cluster.
  static constexpr int refused_maps_max = 10;
  /// Between two questions for the map, but for the first; a random part comes on top.
  static constexpr std::chrono::milliseconds refresh_gap{300};
  /// A map this old is asked for again while requests come.
  static constexpr std::chrono::seconds map_life{45};

  explicit ClusterRouter(AddressBook book) : book_(std::move(book)) {}

  [[nodiscard]] const ClusterMap& map() const noexcept { return map_; }
  [[nodiscard]] const AddressBook& book() const noexcept { return book_; }

  /// Where the request goes first, or after a look_up. On finish `end` says that nobody has it.
  [[nodiscard]] RouteStep start(Route& route, ExecResult& end);
  /// A copy ended; `reply` of it is the answer to the command itself. Makes of what only says that
  /// this server is the wrong one a failure that says so (unavailable, not sent).
  [[nodiscard]] RouteStep on_end(Route& route, ExecResult& end);

  /// The map should be asked for: something showed that it is not right any more.
  [[nodiscard]] bool wants_map(Clock::time_point now) const noexcept;
  void want_map() noexcept { is_doubtful_ = true; }
  /// When it may be asked for next.
  [[nodiscard]] Clock::time_point next_question() const noexcept { return next_question_; }
  void on_question(Clock::time_point now);
  /// Takes the newest of them, if it is worth more than what is known. False: none was taken.
  bool take(std::vector<MapReport> reports);

 private:
  RouteStep follow(Route& route, const Redirection& redirection, ExecResult& end);

  AddressBook book_;
  ClusterMap map_;
  std::uint64_t epoch_ = 0;
  int refused_maps_ = 0;  ///< in a row, for an old epoch
  bool is_doubtful_ = true;
  Clock::time_point asked_{};
  Clock::time_point next_question_{};
  std::minstd_rand random_{std::random_device{}()};
};

/// A failure that proves that the request was not executed.
[[nodiscard]] ExecResult not_sent(errc code, std::string detail);

}  // namespace dialogstore::redis
