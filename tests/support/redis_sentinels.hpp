// A primary and its replica, watched over by real Sentinels.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {

struct RedisSentinelsOptions {
  std::size_t sentinels = 3;
  std::string password;             // of the servers
  std::string sentinel_password;    // of the Sentinels
  std::vector<std::string> config;  // more lines of the servers'
  // The servers and the Sentinels reach each server over a line of its own, which clients do not
  // take: cut_off() cuts it.
  bool may_be_cut_off = false;
};

// The constructor returns when the Sentinels have agreed on both servers, and throws
// std::runtime_error when they do not. The service is called svc; server 0 is its first primary. It
// is deposed after a long silence, so that none is that only gets no time to run; a failure that
// the Sentinels have to notice needs watch_closely().
class RedisSentinels {
 public:
  explicit RedisSentinels(RedisSentinelsOptions options = {});

  RedisServer& server(std::size_t number) { return *servers_.at(number); }
  RedisServer& sentinel(std::size_t number) { return *sentinels_.at(number); }
  // redis+sentinel://127.0.0.1:port,…/svc?query
  std::string uri(const std::string& query) const;

  // What the server says of itself: a deposed one may not know it yet.
  bool is_primary(std::size_t number);
  // The server that all Sentinels which answer name.
  bool is_named(std::size_t number);
  // All Sentinels name the same primary, and the other server is its replica, in step and known to
  // them as one that may take over.
  [[nodiscard]] bool wait_until_sound();

  // From now on a primary that is away for 700 ms, or for 15 s, is deposed.
  void watch_closely();
  void watch_calmly();
  // Watches closely until all Sentinels name that server, then calmly. False when that takes too
  // long.
  [[nodiscard]] bool wait_for_takeover(std::size_t number);

  void cut_off(std::size_t number);
  void rejoin(std::size_t number);

 private:
  bool is_sound();
  void start_servers();
  void start_sentinel();
  void set_patience(std::chrono::milliseconds patience);
  // Where others reach it.
  int port_of(std::size_t number) const;
  std::string field_of(RedisServer& sentinel, const std::string& question,
                       const std::string& name) const;

  RedisSentinelsOptions options_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<std::unique_ptr<TcpProxy>> lines_;  // to each server, if they may be cut off
  std::vector<std::unique_ptr<RedisServer>> sentinels_;
};

}  // namespace dialogstore::test
