#include "support/scripted_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace dialogstore::test {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string("scripted peer: ") + what);
}

void check(bool ok, const char* what) {
  if (!ok) {
    fail(what);
  }
}

struct SslDelete {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

}  // namespace

struct ScriptedPeer::TlsContext {
  explicit TlsContext(const PeerOptions& options) : context(SSL_CTX_new(TLS_server_method())) {
    std::signal(SIGPIPE, SIG_IGN);  // SSL_write has no MSG_NOSIGNAL
    check(SSL_CTX_use_certificate_chain_file(context, options.tls->certificate.c_str()) == 1,
          "certificate");
    check(SSL_CTX_use_PrivateKey_file(context, options.tls->key.c_str(), SSL_FILETYPE_PEM) == 1,
          "private key");
    if (!options.client_authority.empty()) {
      check(SSL_CTX_load_verify_locations(context, options.client_authority.c_str(), nullptr) == 1,
            "client authority");
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    SSL_CTX_set_max_proto_version(context, options.max_tls_version);
  }
  ~TlsContext() { SSL_CTX_free(context); }
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* context;
};

struct ScriptedPeer::Connection {
  int socket = -1;
  std::unique_ptr<SSL, SslDelete> tls;
  std::string received;
  std::size_t expected = 0;  // how much of it the script has taken
  std::string server_name;
  bool is_done = false;
  bool is_closed = false;
  std::thread thread;
};

ScriptedPeer::ScriptedPeer(std::vector<PeerScript> scripts, PeerOptions options)
    : scripts_(std::move(scripts)), options_(std::move(options)) {
  if (options_.tls) {
    tls_ = std::make_unique<TlsContext>(options_);
  }
  if (options_.unix_path.empty()) {
    listen_on_tcp();
  } else {
    listen_on_unix();
  }
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedPeer::~ScriptedPeer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    for (Connection& connection : connections_) {
      if (!connection.is_closed) {
        ::shutdown(connection.socket, SHUT_RDWR);
      }
    }
  }
  changed_.notify_all();
  acceptor_.join();
  for (Connection& connection : connections_) {
    connection.thread.join();
    if (connection.socket >= 0) {
      ::close(connection.socket);
    }
  }
  ::close(listener_);
}

void ScriptedPeer::listen_on_tcp() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(listener_ >= 0, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  check(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "port");
  check(::listen(listener_, 16) == 0, "listen");
  port_ = ntohs(address.sin_port);
}

void ScriptedPeer::listen_on_unix() {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(listener_ >= 0, "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, options_.unix_path.c_str(), sizeof address.sun_path - 1);
  check(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  check(::listen(listener_, 16) == 0, "listen");
}

void ScriptedPeer::accept_all() {
  while (true) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (socket < 0 || is_stopping_) {
      if (socket >= 0) {
        ::close(socket);
      }
      return;
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const PeerScript& script = scripts_[std::min(connections_.size(), scripts_.size() - 1)];
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    connection.thread = std::thread([this, &connection, &script] { serve(connection, script); });
    changed_.notify_all();
  }
}

void ScriptedPeer::serve(Connection& connection, const PeerScript& script) {
  bool is_open = !options_.tls || start_tls(connection);
  for (const PeerStep& step : script) {
    is_open = is_open && follow(connection, step);
  }
  {
    const std::lock_guard lock(mutex_);
    connection.is_done = is_open || connection.is_closed;
  }
  while (is_open && receive(connection)) {
  }
  const std::lock_guard lock(mutex_);
  if (!connection.is_closed) {
    ::shutdown(connection.socket, SHUT_RDWR);
    connection.is_closed = true;
  }
  changed_.notify_all();
}

bool ScriptedPeer::start_tls(Connection& connection) {
  connection.tls.reset(SSL_new(tls_->context));
  SSL_set_fd(connection.tls.get(), connection.socket);
  const bool ok = SSL_accept(connection.tls.get()) == 1;
  if (const char* name = SSL_get_servername(connection.tls.get(), TLSEXT_NAMETYPE_host_name)) {
    const std::lock_guard lock(mutex_);
    connection.server_name = name;
  }
  return ok;
}

bool ScriptedPeer::follow(Connection& connection, const PeerStep& step) {
  return std::visit(
      Overloaded{
          [&](const peer_step::Expect& expected) {
            return expect_next(connection, expected.bytes);
          },
          [&](const peer_step::Answer& answered) {
            const std::size_t piece = answered.is_dribbled ? 1 : answered.bytes.size();
            bool ok = true;
            for (std::size_t at = 0; ok && at < answered.bytes.size(); at += piece) {
              ok = send(connection, std::string_view(answered.bytes).substr(at, piece));
            }
            return ok;
          },
          [&](const peer_step::WaitFor& wait) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return is_stopping_ || open_gates_.contains(wait.gate); });
            return !is_stopping_;
          },
          [&](const peer_step::Cut& how) {
            hang_up(connection, how.is_reset);
            return false;
          },
          [&](const peer_step::Flood& flooding) {
            while (send(connection, flooding.bytes)) {
            }
            return false;
          },
          [&](const peer_step::StopReading&) {
            std::unique_lock lock(mutex_);
            connection.is_done = true;
            changed_.wait(lock, [&] { return is_stopping_; });
            return false;
          },
      },
      step);
}

void ScriptedPeer::hang_up(Connection& connection, bool is_reset) {
  const std::lock_guard lock(mutex_);
  if (is_reset) {
    const linger at_once{1, 0};
    ::setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(connection.socket, -1));
  } else {
    ::shutdown(connection.socket, SHUT_RDWR);
  }
  connection.is_closed = true;
}

bool ScriptedPeer::expect_next(Connection& connection, const std::string& bytes) {
  // Only this thread writes `received`.
  while (connection.received.size() - connection.expected < bytes.size()) {
    if (!receive(connection)) {
      return false;
    }
  }
  const std::string got = connection.received.substr(connection.expected, bytes.size());
  if (got != bytes) {
    const std::lock_guard lock(mutex_);
    mismatch_ += "expected " + bytes + " but got " + got + "\n";
    return false;
  }
  connection.expected += bytes.size();
  return true;
}

bool ScriptedPeer::send(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = connection.tls
                          ? static_cast<ssize_t>(SSL_write(connection.tls.get(), bytes.data(),
                                                           static_cast<int>(bytes.size())))
                          : ::send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedPeer::receive(Connection& connection) {
  std::array<char, 16384> buffer;
  const auto got = connection.tls
                       ? static_cast<ssize_t>(SSL_read(connection.tls.get(), buffer.data(),
                                                       static_cast<int>(buffer.size())))
                       : ::recv(connection.socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  connection.received.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

void ScriptedPeer::open(const std::string& gate) {
  {
    const std::lock_guard lock(mutex_);
    open_gates_.insert(gate);
  }
  changed_.notify_all();
}

std::size_t ScriptedPeer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

const ScriptedPeer::Connection* ScriptedPeer::find(std::size_t index) const {
  return index < connections_.size()
             ? &*std::next(connections_.begin(), static_cast<std::ptrdiff_t>(index))
             : nullptr;
}

std::string ScriptedPeer::received(std::size_t connection) const {
  const std::lock_guard lock(mutex_);
  const Connection* found = find(connection);
  return found != nullptr ? found->received : std::string();
}

bool ScriptedPeer::is_done(std::size_t connection) const {
  const std::lock_guard lock(mutex_);
  const Connection* found = find(connection);
  return found != nullptr && found->is_done;
}

bool ScriptedPeer::is_closed(std::size_t connection) const {
  const std::lock_guard lock(mutex_);
  const Connection* found = find(connection);
  return found != nullptr && found->is_closed;
}

std::string ScriptedPeer::server_name(std::size_t connection) const {
  const std::lock_guard lock(mutex_);
  const Connection* found = find(connection);
  return found != nullptr ? found->server_name : std::string();
}

std::string ScriptedPeer::mismatch() const {
  const std::lock_guard lock(mutex_);
  return mismatch_;
}

PeerStep expect(std::string_view command) {
  std::vector<std::string> words;
  std::istringstream text{std::string(command)};
  for (std::string word; text >> word;) {
    words.push_back(word);
  }
  return expect_bytes(resp_command(words));
}

std::string resp_command(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

}  // namespace dialogstore::test
