#include "redis/cluster_router.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace dialogstore::redis {
namespace {

std::string_view error_in(const ExecResult& end) {
  const auto& root = end.reply.root();
  return end.ok() && root.kind == ReplyKind::error ? root.text : std::string_view();
}

bool has_code(std::string_view error, std::string_view code) {
  return error.starts_with(code) && (error.size() == code.size() || error[code.size()] == ' ');
}

// What a node says when the cluster is not as it was: those above wait and send it again.
bool shows_change(std::string_view error) {
  constexpr std::array<std::string_view, 3> codes{"CLUSTERDOWN", "MASTERDOWN", "LOADING"};
  return std::any_of(codes.begin(), codes.end(), [&](auto code) { return has_code(error, code); });
}

}  // namespace

ExecResult not_sent(errc code, std::string detail) {
  ExecResult end;
  end.failure = code;
  end.detail = std::move(detail);
  return end;
}

RouteStep ClusterRouter::start(Route& route, ExecResult& end) {
  const auto* shard = map_.owner_of(route.slot);
  if (shard == nullptr) {
    want_map();
    if (!std::exchange(route.looked_up, true)) return RouteStep::look_up;
    end = not_sent(errc::unavailable, "no node of the cluster has the slot " +
                                          std::to_string(route.slot) + " of the key");
    return RouteStep::finish;
  }
  route.at_replica = route.wants_replica && !shard->replicas.empty();
  if (route.at_replica) {
    std::uniform_int_distribution<std::size_t> any(0, shard->replicas.size() - 1);
    route.to = shard->replicas[any(random_)];
  } else {
    route.to = shard->primary;
  }
  route.asking = false;
  return RouteStep::send;
}

RouteStep ClusterRouter::on_end(Route& route, ExecResult& end) {
  if (!end.ok()) {
    const bool is_away = end.failure == errc::unavailable || end.failure == errc::timed_out ||
                         end.failure == errc::protocol_error;
    if (is_away) want_map();
    // A replica that is away is no reason to fail; a read may be sent twice.
    const bool may_go_on = is_away && end.failure != errc::timed_out;
    if (route.at_replica && may_go_on) {
      route.wants_replica = false;
      return start(route, end);
    }
    return RouteStep::finish;
  }
  const auto error = error_in(end);
  if (error.empty()) return RouteStep::finish;
  if (const auto redirection = read_redirection(error, route.to, book_)) {
    return follow(route, *redirection, end);
  }
  if (has_code(error, "READONLY")) {
    want_map();
    end = not_sent(errc::unavailable, to_text(route.to) + " is no primary any more");
  } else if (shows_change(error)) {
    want_map();
  }
  return RouteStep::finish;
}

RouteStep ClusterRouter::follow(Route& route, const Redirection& redirection, ExecResult& end) {
  if (!redirection.is_ask) want_map();
  if (++route.redirections > max_redirections) {
    end = not_sent(errc::unavailable,
                   "the nodes of the cluster sent the request from one to the "
                   "other, at last " +
                       to_text(route.to));
    return RouteStep::finish;
  }
  if (route.at_replica) {
    // It is a replica of another shard now, or does not know the slot's state.
    route.wants_replica = false;
    return start(route, end);
  }
  if (!redirection.to) {
    if (!std::exchange(route.looked_up, true)) return RouteStep::look_up;
    end = not_sent(errc::unavailable,
                   to_text(route.to) + " redirects the request to an address it does not know");
    return RouteStep::finish;
  }
  if (!redirection.is_ask) map_.move(redirection.slot, *redirection.to);
  route.to = *redirection.to;
  route.asking = redirection.is_ask;
  return RouteStep::send;
}

bool ClusterRouter::wants_map(Clock::time_point now) const noexcept {
  return is_doubtful_ || now - asked_ > map_life;
}

// At random, so that many clients do not ask together.
void ClusterRouter::on_question(Clock::time_point now) {
  std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(0, refresh_gap.count() / 2);
  asked_ = now;
  next_question_ = now + refresh_gap + std::chrono::milliseconds(jitter(random_));
  is_doubtful_ = false;
}

bool ClusterRouter::take(std::vector<MapReport> reports) {
  // A node that was cut off has an old epoch and says that the cluster is down. Of one epoch, the
  // map that covers more.
  const auto worth = [](const MapReport& report) {
    return std::tuple(report.health.is_ok, report.health.epoch, report.map.covered());
  };
  const auto best =
      std::max_element(reports.begin(), reports.end(),
                       [&](const auto& a, const auto& b) { return worth(a) < worth(b); });
  if (best == reports.end() || best->map.covered() == 0) return false;
  const bool is_older = best->health.epoch < epoch_ && ++refused_maps_ < refused_maps_max;
  if ((!best->health.is_ok || is_older) && map_.covered() != 0) {
    want_map();
    return false;
  }
  refused_maps_ = 0;
  map_ = std::move(best->map);
  epoch_ = best->health.epoch;
  return true;
}

}  // namespace dialogstore::redis
