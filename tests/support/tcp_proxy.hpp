// A small TCP proxy between a client and a server, to break the line between them on purpose.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dialogstore::test {

enum class Direction : std::size_t { to_server = 0, to_client = 1 };

// How a connection ends: as when a process ends (FIN), or as when a host forgot it (RST).
enum class CutKind { close, reset };

// Counted since the proxy started, over all connections.
struct ProxyStats {
  std::size_t accepted = 0;
  std::size_t open = 0;
  std::size_t cut = 0;  // by a rule or by cut_all(), not by the two ends
  std::array<std::uint64_t, 2> received{};
  std::array<std::uint64_t, 2> forwarded{};
  std::array<std::uint64_t, 2> swallowed{};

  std::uint64_t received_in(Direction d) const { return received[static_cast<std::size_t>(d)]; }
  std::uint64_t forwarded_in(Direction d) const { return forwarded[static_cast<std::size_t>(d)]; }
  std::uint64_t swallowed_in(Direction d) const { return swallowed[static_cast<std::size_t>(d)]; }
};

// Listens on 127.0.0.1 on a port the kernel chose. One thread of its own moves the bytes. Every
// rule holds for all connections, present and future, until heal() or the opposite call.
//
// Threads: every member may be called from any thread. When a rule's call returns, no byte read
// later escapes the rule.
class TcpProxy {
 public:
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const { return port_; }
  // redis://127.0.0.1:port/0?query
  std::string uri(const std::string& query = "") const;
  // For the connections made from now on.
  void set_server_port(int server_port);

  // After this many more bytes in this direction (over all connections) the connection that carried
  // the last of them is cut, once; the bytes after them are lost. Zero cuts at the next byte.
  void cut_after(Direction direction, std::uint64_t bytes, CutKind kind = CutKind::reset);
  // The next bytes in this direction never arrive, and their connection is cut, once. In the
  // direction to_client: the server has done what it was asked, and nobody learns of it.
  void lose_next(Direction direction, CutKind kind = CutKind::reset);
  void stall(Direction direction, bool is_on = true);    // nothing is read, nothing is forwarded
  void swallow(Direction direction, bool is_on = true);  // read and thrown away
  void dribble(Direction direction, bool is_on = true);  // one byte a packet
  void delay(Direction direction, std::chrono::milliseconds time);
  void refuse(bool is_on = true);               // new connections are reset at once; old ones go on
  void cut_all(CutKind kind = CutKind::reset);  // they are cut when it returns
  // Forgets all rules. Bytes held back by a stall are forwarded, swallowed ones are lost.
  void heal();

  ProxyStats stats() const;
  // Waits until the condition holds for the numbers; false when the deadline passed first.
  [[nodiscard]] bool wait_for(const std::function<bool(const ProxyStats&)>& condition,
                              std::chrono::milliseconds deadline = std::chrono::seconds(10)) const;

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  struct Rules {
    std::uint64_t bytes_until_cut = kNever;
    CutKind cut_kind = CutKind::reset;
    bool loses_next = false;
    bool is_stalled = false;
    bool is_swallowing = false;
    bool is_dribbling = false;
    std::chrono::milliseconds delay{0};
  };
  struct Pipe;
  struct Connection;
  using Connections = std::vector<std::unique_ptr<Connection>>;

  void change(const std::function<void()>& what);
  void wake() const;
  void run();
  void accept_one();
  void serve(Connection& connection, const std::array<short, 2>& events);
  void read_some(Connection& connection, std::size_t direction);
  void write_some(Connection& connection, std::size_t direction);
  void cut(Connection& connection, CutKind kind);
  void cut_open_ones();

  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;

  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable changed_;
  std::array<Rules, 2> rules_;
  ProxyStats stats_;
  int server_port_;
  bool is_refusing_ = false;
  bool is_ending_ = false;
  bool wants_cut_ = false;
  CutKind wanted_cut_ = CutKind::reset;
  Connections connections_;

  std::thread thread_;
};

}  // namespace dialogstore::test
