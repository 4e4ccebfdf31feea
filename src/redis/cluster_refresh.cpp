// Of the client of a cluster: asking for the map, and looking whether nodes still answer.
#include <algorithm>
#include <utility>

#include "flow/together.hpp"
#include "flow/wait_on.hpp"
#include "redis/cluster_client.hpp"
#include "redis/command.hpp"
#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::size_t asked_at_once = 3;
// For one node's map: the others know as much. Doubles as long as none answers.
constexpr std::chrono::milliseconds answer_time{1'000};
constexpr int most_doublings = 6;
// A node that answers nothing for two of these may have been replaced.
constexpr std::chrono::milliseconds pulse_interval{500};

// The text without the server's words about scripts, as a failure of the question for the map.
Failure problem_of(std::string_view error) {
  if (error.find("cluster support disabled") != std::string_view::npos) {
    return {errc::unsupported_server,
            "the server is no node of a cluster; write redis://host:port for one server"};
  }
  auto known = read_server_error(error);
  return {known.code, "CLUSTER SLOTS: " + std::move(known.detail)};
}

bool is_lasting(errc code) {
  return code == errc::auth_failed || code == errc::permission_denied || code == errc::tls_error ||
         code == errc::unsupported_server || code == errc::invalid_argument;
}

}  // namespace

void ClusterClient::refresh_soon() {
  if (is_refreshing_ || is_closed_) return;
  is_refreshing_ = true;
  spawn(executor_, refresh(shared_from_this()));
}

Task<void> ClusterClient::refresh(Self self) {
  self->refresh_timer_.expires_at(self->router_.next_question());
  co_await wait_on(&self->refresh_timer_);
  if (self->is_closed_) co_return;
  self->router_.on_question(Clock::now());
  self->problem_.reset();
  auto reports = co_await ask(self, self->some_nodes());
  if (reports.empty()) reports = co_await ask(self, self->all_nodes());
  self->unanswered_ = reports.empty() ? std::min(self->unanswered_ + 1, most_doublings) : 0;
  self->asks_all_ = !self->router_.take(std::move(reports));
  self->stop_hearing();  // slots may have moved
  if (self->asks_all_) self->router_.want_map();
  self->is_refreshing_ = false;
  self->waiters_.wake();
}

Task<std::vector<MapReport>> ClusterClient::ask(Self self, std::vector<ServerAddress> nodes) {
  const auto patience = answer_time * (1 << self->unanswered_);
  const auto deadline = Clock::now() + std::min(patience, self->settings_.link.connect_timeout);
  std::vector<Task<std::optional<MapReport>>> works;
  works.reserve(nodes.size());
  for (auto& node : nodes) works.push_back(ask_one(self, std::move(node), deadline));
  auto answers = co_await gather(std::move(works));
  std::vector<MapReport> reports;
  for (auto& answer : answers) {
    if (answer) reports.push_back(std::move(*answer));
  }
  co_return reports;
}

Task<std::optional<MapReport>> ClusterClient::ask_one(Self self, ServerAddress node,
                                                      Clock::time_point deadline) {
  if (self->is_closed_) co_return std::nullopt;
  const auto links = self->links_to(node, false);
  auto requests = encode_command({"CLUSTER", "INFO"}) + encode_command({"CLUSTER", "SLOTS"});
  const auto end = co_await links->exec(0, std::move(requests), 2, deadline);
  if (!end.ok()) {
    self->note_problem({end.failure, end.detail});
    co_return std::nullopt;
  }
  const auto& slots = end.reply.root();
  if (slots.kind == ReplyKind::error) {
    self->note_problem(problem_of(slots.text));
    co_return std::nullopt;
  }
  std::string problem;
  auto map = read_slots(slots, node, self->router_.book(), problem);
  if (!map) {
    self->note_problem({errc::protocol_error, problem});
    co_return std::nullopt;
  }
  MapReport report{std::move(*map), {}};
  const auto& info = end.earlier.front().root();
  // Without the right to ask one map is as good as another.
  report.health.is_ok = info.kind == ReplyKind::error;
  if (info.kind == ReplyKind::string) report.health = read_health(info.text);
  co_return report;
}

// The one that will not pass by itself says more than a node that is away.
void ClusterClient::note_problem(Failure problem) {
  if (!problem_ || !is_lasting(problem_->code)) problem_ = std::move(problem);
}

// Primaries, to which there are links already.
std::vector<ServerAddress> ClusterClient::some_nodes() {
  if (asks_all_) return all_nodes();
  std::vector<ServerAddress> nodes;
  for (const auto& shard : router_.map().shards()) nodes.push_back(shard.primary);
  std::shuffle(nodes.begin(), nodes.end(), random_);
  nodes.resize(std::min(nodes.size(), asked_at_once));
  return nodes;
}

// Those of the map, and those the settings name: all nodes of the map may have been replaced.
std::vector<ServerAddress> ClusterClient::all_nodes() const {
  std::vector<ServerAddress> nodes;
  for (const auto& shard : router_.map().shards()) {
    nodes.push_back(shard.primary);
    nodes.insert(nodes.end(), shard.replicas.begin(), shard.replicas.end());
  }
  nodes.insert(nodes.end(), settings_.servers.begin(), settings_.servers.end());
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void ClusterClient::watch() {
  if (is_watching_ || is_closed_) return;
  is_watching_ = true;
  spawn(executor_, tend(shared_from_this()));
}

// As long as there are requests: a node that hangs ends no request by itself, and says nothing of
// the one that took its place.
Task<void> ClusterClient::tend(Self self) {
  bool goes_on = true;
  while (goes_on && !self->is_closed_) {
    self->watch_timer_.expires_after(pulse_interval);
    co_await wait_on(&self->watch_timer_);
    if (self->is_closed_) break;
    const bool primaries = self->tend_nodes(self->primaries_, false);
    const bool replicas = self->tend_nodes(self->replicas_, true);
    goes_on = primaries || replicas;
    if (goes_on && self->router_.wants_map(Clock::now())) self->refresh_soon();
  }
  self->is_watching_ = false;
}

// Gives up nodes that have left the map and are idle or hang. False when all are idle.
bool ClusterClient::tend_nodes(Nodes& nodes, bool are_replicas) {
  bool any = false;
  for (auto it = nodes.begin(); it != nodes.end();) {
    const auto& [address, links] = *it;
    const auto pulse = links->take_pulse();
    const auto& map = router_.map();
    const bool is_listed = are_replicas ? map.has_replica(address) : map.has_primary(address);
    any = any || pulse != ServerLinks::Pulse::idle;
    if (pulse == ServerLinks::Pulse::silent) router_.want_map();
    if (is_listed || pulse == ServerLinks::Pulse::alive) {
      ++it;
      continue;
    }
    add(gone_, links->statistics());
    links->close();
    it = nodes.erase(it);
  }
  return any;
}

}  // namespace dialogstore::redis
