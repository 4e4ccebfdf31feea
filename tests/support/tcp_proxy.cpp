#include "support/tcp_proxy.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <system_error>

namespace dialogstore::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kMostHeld = 4 * kChunk;  // of one direction of one connection

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int check(int result, const char* what) {
  if (result < 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  return result;
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void close_with(int& fd, CutKind kind) {
  if (fd < 0) {
    return;
  }
  if (kind == CutKind::reset) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  ::close(fd);
  fd = -1;
}

}  // namespace

struct TcpProxy::Pipe {
  struct Chunk {
    Clock::time_point due;
    std::string bytes;
  };

  std::deque<Chunk> chunks;
  std::size_t held = 0;
  bool has_ended = false;         // the reading side said so
  bool is_end_forwarded = false;  // and the other side knows
};

struct TcpProxy::Connection {
  // By direction: ends[d] is read for direction d; ends[1 - d] is written.
  std::array<int, 2> ends{-1, -1};
  std::array<Pipe, 2> pipes;

  bool is_open() const { return ends[0] >= 0; }
};

TcpProxy::TcpProxy(int server_port) : server_port_(server_port) {
  listener_ = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  auto address = loopback(0);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener_, plain, size), "bind");
  check(::listen(listener_, SOMAXCONN), "listen");
  check(::getsockname(listener_, plain, &size), "getsockname");
  port_ = ntohs(address.sin_port);
  wake_ = check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  change([this] { is_ending_ = true; });
  thread_.join();
  for (auto& connection : connections_) {
    cut(*connection, CutKind::close);
  }
  ::close(listener_);
  ::close(wake_);
}

std::string TcpProxy::uri(const std::string& query) const {
  return "redis://127.0.0.1:" + std::to_string(port_) + "/0" + (query.empty() ? "" : "?" + query);
}

void TcpProxy::wake() const {
  const std::uint64_t one = 1;
  // Fails only if it is awake already.
  [[maybe_unused]] const auto ignored = ::write(wake_, &one, sizeof(one));
}

void TcpProxy::change(const std::function<void()>& what) {
  {
    const std::lock_guard lock(mutex_);
    what();
  }
  changed_.notify_all();
  wake();
}

void TcpProxy::set_server_port(int server_port) {
  change([&] { server_port_ = server_port; });
}

void TcpProxy::cut_after(Direction direction, std::uint64_t bytes, CutKind kind) {
  change([&] {
    auto& rules = rules_[static_cast<std::size_t>(direction)];
    rules.bytes_until_cut = bytes;
    rules.cut_kind = kind;
  });
}

void TcpProxy::lose_next(Direction direction, CutKind kind) {
  change([&] {
    auto& rules = rules_[static_cast<std::size_t>(direction)];
    rules.loses_next = true;
    rules.cut_kind = kind;
  });
}

void TcpProxy::stall(Direction direction, bool is_on) {
  change([&] { rules_[static_cast<std::size_t>(direction)].is_stalled = is_on; });
}

void TcpProxy::swallow(Direction direction, bool is_on) {
  change([&] { rules_[static_cast<std::size_t>(direction)].is_swallowing = is_on; });
}

void TcpProxy::dribble(Direction direction, bool is_on) {
  change([&] { rules_[static_cast<std::size_t>(direction)].is_dribbling = is_on; });
}

void TcpProxy::delay(Direction direction, std::chrono::milliseconds time) {
  change([&] { rules_[static_cast<std::size_t>(direction)].delay = time; });
}

void TcpProxy::refuse(bool is_on) {
  change([&] { is_refusing_ = is_on; });
}

void TcpProxy::cut_all(CutKind kind) {
  change([&] {
    wants_cut_ = true;
    wanted_cut_ = kind;
  });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !wants_cut_; });
}

void TcpProxy::heal() {
  change([&] {
    rules_ = {};
    is_refusing_ = false;
  });
}

ProxyStats TcpProxy::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

bool TcpProxy::wait_for(const std::function<bool(const ProxyStats&)>& condition,
                        std::chrono::milliseconds deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, deadline, [&] { return condition(stats_); });
}

// The thread, the only one that touches the connections. poll() runs without the lock.
void TcpProxy::run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    std::vector<pollfd> polled{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    std::vector<Connection*> served;
    int timeout = -1;
    const auto now = Clock::now();
    for (auto& connection : connections_) {
      std::array<short, 2> wanted{};
      for (const std::size_t d : {0U, 1U}) {
        const Pipe& pipe = connection->pipes[d];
        if (rules_[d].is_stalled) {
          continue;
        }
        if (!pipe.has_ended && pipe.held < kMostHeld) {
          wanted[d] = static_cast<short>(wanted[d] | POLLIN);
        }
        if (!pipe.chunks.empty()) {
          const auto left = std::chrono::ceil<std::chrono::milliseconds>(pipe.chunks[0].due - now);
          if (left.count() > 0) {
            timeout = timeout < 0 ? static_cast<int>(left.count())
                                  : std::min(timeout, static_cast<int>(left.count()));
          } else {
            wanted[1 - d] = static_cast<short>(wanted[1 - d] | POLLOUT);
          }
        }
      }
      served.push_back(connection.get());
      for (const std::size_t end : {0U, 1U}) {
        // An end of which nothing is wanted is left out, or its hang-up would keep us spinning.
        polled.push_back({wanted[end] == 0 ? -1 : connection->ends[end], wanted[end], 0});
      }
    }
    lock.unlock();
    ::poll(polled.data(), polled.size(), timeout);
    lock.lock();
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto drained = ::read(wake_, &ignored, sizeof(ignored));
    for (std::size_t i = 0; i < served.size(); ++i) {
      serve(*served[i], {polled[2 + 2 * i].revents, polled[3 + 2 * i].revents});
    }
    if ((polled[0].revents & POLLIN) != 0) {
      accept_one();
    }
    if (wants_cut_) {
      cut_open_ones();
    }
    std::erase_if(connections_, [](const auto& connection) { return !connection->is_open(); });
    changed_.notify_all();
  }
}

void TcpProxy::accept_one() {
  int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) {
    return;
  }
  ++stats_.accepted;
  int server = -1;
  if (!is_refusing_) {
    server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(server_port_);
    // Loopback answers at once, even for a process that is stopped.
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close_with(server, CutKind::close);
    }
  }
  if (server < 0) {
    close_with(client, CutKind::reset);
    return;
  }
  send_at_once(client);
  send_at_once(server);
  connections_.push_back(std::make_unique<Connection>());
  connections_.back()->ends = {client, server};
  ++stats_.open;
}

void TcpProxy::serve(Connection& connection, const std::array<short, 2>& events) {
  for (const std::size_t d : {0U, 1U}) {
    if (connection.is_open() && (events[d] & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        !rules_[d].is_stalled && !connection.pipes[d].has_ended) {
      read_some(connection, d);
    }
    if (connection.is_open() && !rules_[d].is_stalled) {
      write_some(connection, d);
    }
  }
  const auto& pipes = connection.pipes;
  if (connection.is_open() && pipes[0].is_end_forwarded && pipes[1].is_end_forwarded) {
    cut(connection, CutKind::close);
  }
}

void TcpProxy::read_some(Connection& connection, std::size_t direction) {
  Pipe& pipe = connection.pipes[direction];
  std::string bytes(kChunk, '\0');
  const auto got = ::recv(connection.ends[direction], bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0) {
    if (!would_block()) {
      cut(connection, CutKind::reset);
    }
    return;
  }
  if (got == 0) {
    pipe.has_ended = true;
    return;
  }
  bytes.resize(static_cast<std::size_t>(got));
  stats_.received[direction] += bytes.size();
  Rules& rules = rules_[direction];
  if (rules.loses_next || rules.is_swallowing) {
    stats_.swallowed[direction] += bytes.size();
    if (rules.loses_next) {
      rules.loses_next = false;
      ++stats_.cut;
      cut(connection, rules.cut_kind);
    }
    return;
  }
  pipe.held += bytes.size();
  pipe.chunks.push_back({Clock::now() + rules.delay, std::move(bytes)});
}

void TcpProxy::write_some(Connection& connection, std::size_t direction) {
  Pipe& pipe = connection.pipes[direction];
  Rules& rules = rules_[direction];
  const int to = connection.ends[1 - direction];
  while (!pipe.chunks.empty() && pipe.chunks[0].due <= Clock::now()) {
    std::string& bytes = pipe.chunks[0].bytes;
    std::size_t most = rules.is_dribbling ? 1 : bytes.size();
    if (most > rules.bytes_until_cut) {
      most = static_cast<std::size_t>(rules.bytes_until_cut);
    }
    const auto sent = most == 0 ? 0 : ::send(to, bytes.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block()) {
        cut(connection, CutKind::reset);
      }
      return;
    }
    const auto size = static_cast<std::size_t>(sent);
    stats_.forwarded[direction] += size;
    pipe.held -= size;
    if (rules.bytes_until_cut != kNever && (rules.bytes_until_cut -= size) == 0) {
      rules.bytes_until_cut = kNever;
      ++stats_.cut;
      cut(connection, rules.cut_kind);
      return;
    }
    bytes.erase(0, size);
    if (bytes.empty()) {
      pipe.chunks.pop_front();
    }
    if (rules.is_dribbling) {
      return;
    }
  }
  if (pipe.has_ended && pipe.chunks.empty() && !pipe.is_end_forwarded) {
    ::shutdown(to, SHUT_WR);
    pipe.is_end_forwarded = true;
  }
}

void TcpProxy::cut(Connection& connection, CutKind kind) {
  if (connection.is_open()) {
    --stats_.open;
  }
  for (int& end : connection.ends) {
    close_with(end, kind);
  }
}

void TcpProxy::cut_open_ones() {
  for (auto& connection : connections_) {
    if (connection->is_open()) {
      ++stats_.cut;
      cut(*connection, wanted_cut_);
    }
  }
  wants_cut_ = false;
}

}  // namespace dialogstore::test
