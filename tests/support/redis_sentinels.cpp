#include "support/redis_sentinels.hpp"

#include <stdexcept>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(90);
constexpr auto kShortSilence = std::chrono::milliseconds(700);
constexpr auto kLongSilence = std::chrono::milliseconds(15'000);

}  // namespace

RedisSentinels::RedisSentinels(RedisSentinelsOptions options) : options_(std::move(options)) {
  start_servers();
  for (std::size_t i = 0; i < options_.sentinels; ++i) start_sentinel();
  if (!wait_until_sound()) throw std::runtime_error("the Sentinels do not agree");
}

void RedisSentinels::start_servers() {
  for (int i = 0; i < 2; ++i) {
    RedisServerOptions server{.config = options_.config, .password = options_.password};
    server.config.push_back("repl-diskless-sync-delay 0");
    if (!options_.password.empty()) server.config.push_back("masterauth " + options_.password);
    if (options_.may_be_cut_off) {
      // The line goes before its server, since the server tells others to take it.
      lines_.push_back(std::make_unique<TcpProxy>(free_port()));
      server.config.push_back("replica-announce-port " + std::to_string(lines_.back()->port()));
    }
    servers_.push_back(std::make_unique<RedisServer>(server));
    if (options_.may_be_cut_off) lines_.back()->set_server_port(servers_.back()->port());
  }
  servers_[1]->command({"REPLICAOF", RedisServer::host(), std::to_string(port_of(0))});
}

void RedisSentinels::start_sentinel() {
  RedisServerOptions sentinel{.arguments = {"--sentinel"}, .password = options_.sentinel_password};
  sentinel.config = {"sentinel monitor svc 127.0.0.1 " + std::to_string(port_of(0)) + " 2",
                     "sentinel down-after-milliseconds svc " + std::to_string(kLongSilence.count()),
                     "sentinel failover-timeout svc 3000"};
  if (!options_.password.empty()) {
    sentinel.config.push_back("sentinel auth-pass svc " + options_.password);
  }
  if (!options_.sentinel_password.empty()) {
    sentinel.config.push_back("sentinel sentinel-pass " + options_.sentinel_password);
  }
  sentinels_.push_back(std::make_unique<RedisServer>(sentinel));
  // They look at a deposed primary four of these before they make a replica of it. Servers before 7
  // do not know the command, and take their time.
  // And one that got no time to run for two seconds does nothing for half a minute, as it takes
  // that for a clock that jumps.
  sentinels_.back()->command({"SENTINEL", "DEBUG", "PUBLISH-PERIOD", "300", "INFO-PERIOD", "500",
                              "TILT-TRIGGER", "60000"});
}

void RedisSentinels::set_patience(std::chrono::milliseconds patience) {
  for (const auto& sentinel : sentinels_) {
    if (sentinel->pid() < 0) continue;
    const bool is_set = eventually([&] {
      const auto reply = sentinel->command(
          {"SENTINEL", "SET", "svc", "down-after-milliseconds", std::to_string(patience.count())});
      return reply.text == "OK";
    });
    if (!is_set) throw std::runtime_error("a Sentinel does not take down-after-milliseconds");
  }
}

void RedisSentinels::watch_closely() {
  set_patience(kShortSilence);
}

void RedisSentinels::watch_calmly() {
  set_patience(kLongSilence);
}

bool RedisSentinels::wait_for_takeover(std::size_t number) {
  watch_closely();
  const bool is_done = eventually([&] { return is_named(number); }, kPatience);
  watch_calmly();
  return is_done;
}

int RedisSentinels::port_of(std::size_t number) const {
  return options_.may_be_cut_off ? lines_.at(number)->port() : servers_.at(number)->port();
}

std::string RedisSentinels::uri(const std::string& query) const {
  const auto at = [](int port) {
    return std::string(RedisServer::host()) + ":" + std::to_string(port);
  };
  std::string text = "redis+sentinel://";
  if (!options_.password.empty()) text += ":" + options_.password + "@";
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    text += (i == 0 ? "" : ",") + at(sentinels_[i]->port());
  }
  text += "/svc?" + query;
  if (!options_.sentinel_password.empty()) {
    text += "&sentinel_password=" + options_.sentinel_password;
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    text += (i == 0 ? "&announce=" : ",") + at(lines_[i]->port()) + "=" + at(servers_[i]->port());
  }
  return text;
}

bool RedisSentinels::is_primary(std::size_t number) {
  const auto role = server(number).command({"ROLE"});
  return !role.elements.empty() && role.elements.at(0).text == "master";
}

bool RedisSentinels::is_named(std::size_t number) {
  for (const auto& sentinel : sentinels_) {
    if (sentinel->pid() < 0) continue;
    if (field_of(*sentinel, "MASTER", "port") != std::to_string(port_of(number))) return false;
  }
  return true;
}

std::string RedisSentinels::field_of(RedisServer& sentinel, const std::string& question,
                                     const std::string& name) const {
  const auto reply = sentinel.command({"SENTINEL", question, "svc"});
  // REPLICAS answers a list of them, of which there is one.
  const bool is_list = !reply.elements.empty() && !reply.elements[0].elements.empty();
  const auto fields = is_list ? reply.elements[0].texts() : reply.texts();
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i] == name) return fields[i + 1];
  }
  return "";
}

bool RedisSentinels::is_sound() {
  const std::size_t primary = is_named(0) ? 0 : 1;
  const std::size_t replica = 1 - primary;
  if (!is_named(primary) || !is_primary(primary) || is_primary(replica)) return false;
  std::size_t running = 0;
  for (const auto& sentinel : sentinels_) running += sentinel->pid() > 0 ? 1 : 0;
  for (const auto& sentinel : sentinels_) {
    if (sentinel->pid() < 0) continue;
    if (field_of(*sentinel, "MASTER", "num-slaves") != "1" ||
        field_of(*sentinel, "MASTER", "flags") != "master" ||
        field_of(*sentinel, "MASTER", "num-other-sentinels") !=
            std::to_string(sentinels_.size() - 1) ||
        field_of(*sentinel, "REPLICAS", "flags") != "slave") {
      return false;
    }
  }
  // Until its first acknowledgement the primary holds back what is written.
  const auto seen = server(primary).info("slave0");
  return running > 0 && server(replica).info("master_link_status") == "up" &&
         seen.find("state=online") != std::string::npos &&
         seen.find("offset=0,") == std::string::npos;
}

bool RedisSentinels::wait_until_sound() {
  return eventually([&] { return is_sound(); }, kPatience);
}

void RedisSentinels::cut_off(std::size_t number) {
  lines_.at(number)->refuse();
  lines_.at(number)->cut_all();
}

void RedisSentinels::rejoin(std::size_t number) {
  lines_.at(number)->heal();
}

}  // namespace dialogstore::test
