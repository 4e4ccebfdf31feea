#include "redis/cluster_client.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "redis/calls.hpp"
#include "redis/command.hpp"

namespace dialogstore::redis {
namespace {

// A node that is away is found out by asking; where it has gone, by asking again soon.
constexpr std::chrono::milliseconds reconnect_max{300};

LinkSettings node_link(const LinkSettings& settings, const ServerAddress& address,
                       bool is_replica) {
  LinkSettings link = settings;
  link.endpoint = {address.host, address.port, {}};
  // Who is primary of what, each answer says: MOVED.
  link.require_master = false;
  link.fails_fast = true;
  link.reconnect_max = std::min(link.reconnect_max, reconnect_max);
  if (is_replica) link.setup_requests.push_back(encode_command({"READONLY"}));
  return link;
}

}  // namespace

ClusterClient::ClusterClient(asio::any_io_executor executor, ClientSettings settings)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      router_(AddressBook(settings_.announced)),
      refresh_timer_(executor_),
      waiters_(executor_),
      watch_timer_(executor_) {}

std::shared_ptr<RedisClient> make_cluster(asio::any_io_executor executor,
                                          const ClientSettings& settings) {
  return std::make_shared<ClusterClient>(std::move(executor), settings);
}

Task<ExecResult> ClusterClient::exec(std::uint16_t slot, std::string request,
                                     Clock::time_point deadline) {
  return exec_together(slot, std::move(request), 1, deadline);
}

Task<ExecResult> ClusterClient::exec_together(std::uint16_t slot, std::string requests,
                                              unsigned count, Clock::time_point deadline) {
  Route route;
  route.slot = slot;
  return run(shared_from_this(), std::move(route), std::move(requests), count, deadline);
}

Task<ExecResult> ClusterClient::exec_read(std::uint16_t slot, std::string request,
                                          Clock::time_point deadline) {
  Route route;
  route.slot = slot;
  route.wants_replica = settings_.reads_replicas;
  return run(shared_from_this(), std::move(route), std::move(request), 1, deadline);
}

Task<ExecResult> ClusterClient::run(Self self, Route route, std::string requests, unsigned count,
                                    Clock::time_point deadline) {
  ExecResult end;
  auto step = self->router_.start(route, end);
  while (step != RouteStep::finish) {
    if (self->is_closed_) co_return not_sent(errc::closed, "the storage was closed");
    if (step == RouteStep::look_up) {
      auto stopped = co_await look_up(self, deadline);
      if (stopped) co_return std::move(*stopped);
      step = self->router_.start(route, end);
      continue;
    }
    end = co_await send(self, &route, requests, count, deadline);
    // The answer to the command itself is what says where to go.
    const bool has_more = end.ok() && !end.earlier.empty();
    if (has_more) std::swap(end.reply, end.earlier.front());
    step = self->router_.on_end(route, end);
    if (has_more && end.ok()) std::swap(end.reply, end.earlier.front());
    // Another node answers from now on, which was never asked to tell of what was read here.
    if (step != RouteStep::finish) self->stop_hearing();
    if (self->router_.wants_map(Clock::now())) self->refresh_soon();
  }
  if (self->is_closed_ && end.failure == errc::unavailable) end.failure = errc::closed;
  co_return end;
}

Task<ExecResult> ClusterClient::send(Self self, const Route* route, std::string requests,
                                     unsigned count, Clock::time_point deadline) {
  self->watch();
  const auto links = self->links_to(route->to, route->at_replica);
  const auto line = count > 1 ? Line::blocking : Line::shared;
  if (!route->asking) {
    co_return co_await links->exec(route->slot, std::move(requests), count, deadline, line);
  }
  requests.insert(0, encode_command({"ASKING"}));
  auto end = co_await links->exec(route->slot, std::move(requests), count + 1, deadline, line);
  if (!end.earlier.empty()) end.earlier.erase(end.earlier.begin());
  co_return end;
}

Task<std::optional<ExecResult>> ClusterClient::look_up(Self self, Clock::time_point deadline) {
  self->router_.want_map();
  self->refresh_soon();
  const bool is_woken = co_await self->waiters_.wait(deadline);
  if (co_await this_flow::is_cancelled) {
    auto cancelled = cancelled_between();
    co_return not_sent(cancelled.code, std::move(cancelled.detail));
  }
  if (self->router_.map().covered() != 0) co_return std::nullopt;
  if (self->problem_) co_return not_sent(self->problem_->code, self->problem_->detail);
  if (!is_woken) {
    co_return not_sent(errc::unavailable, "no node of the cluster answered before the deadline");
  }
  co_return std::nullopt;
}

Task<RedisClient::Servers> ClusterClient::servers(Clock::time_point deadline) {
  const auto self = shared_from_this();
  Servers out;
  if (router_.map().covered() == 0) {
    auto stopped = co_await look_up(self, deadline);
    if (stopped) out.failure = Failure{stopped->failure, std::move(stopped->detail)};
  }
  std::set<std::string> names;
  for (std::uint16_t slot = 0; slot < slot_count; ++slot) {
    if (const auto* shard = router_.map().owner_of(slot)) names.insert(to_text(shard->primary));
  }
  out.names.assign(names.begin(), names.end());
  co_return out;
}

Task<ExecResult> ClusterClient::exec_at(std::string server, std::string request,
                                        Clock::time_point deadline) {
  const auto self = shared_from_this();
  watch();
  const auto& shards = router_.map().shards();
  const auto found = std::find_if(shards.begin(), shards.end(), [&](const Shard& shard) {
    return to_text(shard.primary) == server;
  });
  if (found == shards.end()) {
    co_return not_sent(errc::unavailable, server + " is no primary of the cluster any more");
  }
  const auto links = links_to(found->primary, false);
  auto end = co_await links->exec(0, std::move(request), 1, deadline);
  if (!end.ok()) {
    router_.want_map();
    refresh_soon();
  }
  co_return end;
}

std::uint64_t ClusterClient::server_of(std::uint16_t slot) const {
  const auto* shard = router_.map().owner_of(slot);
  return shard == nullptr ? 0 : shard->number;
}

Clock::time_point ClusterClient::heard(std::uint16_t slot) const {
  const auto* shard = router_.map().owner_of(slot);
  const auto links = shard == nullptr ? primaries_.end() : primaries_.find(shard->primary);
  return links == primaries_.end() ? Clock::time_point::min() : links->second->heard(slot);
}

void ClusterClient::stop_hearing() {
  if (settings_.link.tracking) settings_.link.tracking->lost();
}

LinkStatistics ClusterClient::statistics() const {
  LinkStatistics sum = gone_;
  for (const auto* nodes : {&primaries_, &replicas_}) {
    for (const auto& [address, links] : *nodes) add(sum, links->statistics());
  }
  return sum;
}

void ClusterClient::close() {
  if (is_closed_) return;
  is_closed_ = true;
  refresh_timer_.cancel();
  watch_timer_.cancel();
  waiters_.wake();
  for (auto* nodes : {&primaries_, &replicas_}) {
    for (const auto& [address, links] : *nodes) links->close();
  }
}

std::shared_ptr<ServerLinks> ClusterClient::links_to(const ServerAddress& address,
                                                     bool is_replica) {
  auto& links = (is_replica ? replicas_ : primaries_)[address];
  if (!links) {
    links = std::make_shared<ServerLinks>(executor_, node_link(settings_.link, address, is_replica),
                                          settings_.connections);
    if (is_closed_) links->close();
  }
  return links;
}

}  // namespace dialogstore::redis
