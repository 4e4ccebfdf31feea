#include "redis/link_transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "redis/tls.hpp"

namespace dialogstore::redis {
namespace {

using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Address = asio::generic::stream_protocol::endpoint;

constexpr std::size_t max_unix_path = 107;  // sun_path without its final zero

struct Candidate {
  Address address;
  std::string name;
};

std::string text_of(const error_code& error) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    return "the server closed the connection";
  }
  return error.message();
}

std::string name_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

void set_option(Socket& socket, int level, int name, int value) {
  // Advice to the kernel: a connection without it works too.
  ::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

// A peer that vanished without a word is noticed within a minute even while nothing is asked.
void tune_tcp(Socket& socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
#endif
}

}  // namespace

struct Transport::State {
  explicit State(const asio::any_io_executor& executor)
      : socket(executor), resolver(executor), timer(executor) {}

  using TlsStream = asio::ssl::stream<Socket&>;

  Task<LinkFailure> find(const Endpoint& endpoint, std::vector<Candidate>& found);
  Task<LinkFailure> resolve(const Endpoint& endpoint, std::vector<Candidate>& found);
  Task<LinkFailure> connect(const std::vector<Candidate>& candidates, Clock::time_point deadline);
  Task<error_code> connect_one(const Address& address, Clock::time_point deadline);
  Task<LinkFailure> start_tls(const LinkSettings& settings);

  Socket socket;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer timer;
  std::shared_ptr<asio::ssl::context> tls_context;
  std::optional<TlsStream> tls;
  bool closed = false;
};

Transport::Transport(const asio::any_io_executor& executor)
    : state_(std::make_unique<State>(executor)) {}

Transport::~Transport() = default;

Task<LinkFailure> Transport::open(const LinkSettings& settings, Clock::time_point deadline) {
  std::vector<Candidate> candidates;
  LinkFailure failure = co_await state_->find(settings.endpoint, candidates);
  if (failure.ok()) {
    failure = co_await state_->connect(candidates, deadline);
  }
  if (failure.ok() && settings.tls.enabled) {
    failure = co_await state_->start_tls(settings);
  }
  if (failure.ok() && state_->closed) {
    failure = {errc::unavailable, false, "the connection was closed"};
  }
  co_return failure;
}

Task<LinkFailure> Transport::State::find(const Endpoint& endpoint, std::vector<Candidate>& found) {
  if (!endpoint.unix_path.empty()) {
    if (endpoint.unix_path.size() > max_unix_path) {
      co_return LinkFailure{errc::invalid_argument, true,
                            "the path of the unix socket is longer than 107 bytes"};
    }
    found.push_back(
        {asio::local::stream_protocol::endpoint(endpoint.unix_path), endpoint.unix_path});
    co_return LinkFailure{};
  }
  error_code not_an_address;
  const auto address = asio::ip::make_address(endpoint.host, not_an_address);
  if (not_an_address) {
    co_return co_await resolve(endpoint, found);
  }
  const asio::ip::tcp::endpoint tcp(address, endpoint.port);
  found.push_back({tcp, name_of(tcp)});
  co_return LinkFailure{};
}

Task<LinkFailure> Transport::State::resolve(const Endpoint& endpoint,
                                            std::vector<Candidate>& found) {
  const auto [error, results] =
      co_await operation<error_code, asio::ip::tcp::resolver::results_type>([&](auto done) {
        resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                               asio::ip::tcp::resolver::numeric_service, std::move(done));
      });
  if (error) {
    co_return LinkFailure{errc::unavailable, false,
                          "cannot find the address of " + endpoint.host + ": " + error.message()};
  }
  for (const auto& result : results) {
    found.push_back({result.endpoint(), name_of(result.endpoint())});
  }
  co_return LinkFailure{};
}

// Each address gets its share of the time that is left, so that one which swallows everything does
// not hide the next.
Task<LinkFailure> Transport::State::connect(const std::vector<Candidate>& candidates,
                                            Clock::time_point deadline) {
  std::string causes;
  for (std::size_t i = 0; i < candidates.size() && !closed; ++i) {
    const auto now = Clock::now();
    const auto share = (deadline - now) / static_cast<int>(candidates.size() - i);
    const error_code error = co_await connect_one(candidates[i].address, now + share);
    if (!error) {
      co_return LinkFailure{};
    }
    causes += (causes.empty() ? "cannot connect to " : "; to ") + candidates[i].name + ": " +
              text_of(error);
  }
  co_return LinkFailure{errc::unavailable, false,
                        causes.empty() ? "the host has no address" : std::move(causes)};
}

Task<error_code> Transport::State::connect_one(const Address& address, Clock::time_point deadline) {
  error_code error;
  socket.close(error);
  timer.expires_at(deadline);
  bool expired = false;
  // The coroutine owns `expired` and outlives the wait: it cancels the timer before it goes on, and
  // a wait that had completed already is told by the aborted flag it shares.
  auto live = std::make_shared<bool>(true);
  timer.async_wait([this, &expired, live](error_code aborted) {
    if (!aborted && *live) {
      expired = true;
      error_code ignored;
      socket.close(ignored);
    }
  });
  error = co_await operation<error_code>(
      [&](auto done) { socket.async_connect(address, std::move(done)); });
  *live = false;
  timer.cancel();
  if (!error && address.protocol().family() != AF_UNIX) {
    tune_tcp(socket);
  }
  co_return expired ? error_code(asio::error::timed_out) : error;
}

Task<LinkFailure> Transport::State::start_tls(const LinkSettings& settings) {
  LinkFailure failure;
  // The files are read anew for each connection: certificates get renewed while we run.
  tls_context = make_tls_context(settings.tls, failure);
  if (!tls_context) {
    co_return failure;
  }
  tls.emplace(socket, *tls_context);
  const std::string& name =
      settings.tls.server_name.empty() ? settings.endpoint.host : settings.tls.server_name;
  failure = prepare_tls_session(tls->native_handle(), settings.tls, name);
  if (!failure.ok()) {
    co_return failure;
  }
  const auto error = co_await operation<error_code>(
      [&](auto done) { tls->async_handshake(asio::ssl::stream_base::client, std::move(done)); });
  if (!error) {
    co_return LinkFailure{};
  }
  if (error.category() == asio::error::get_ssl_category()) {
    co_return LinkFailure{errc::tls_error, true,
                          "TLS with " + name + ": " + tls_error_text(error, tls->native_handle())};
  }
  co_return LinkFailure{errc::unavailable, false, "TLS with " + name + ": " + text_of(error)};
}

Task<IoResult> Transport::read(asio::mutable_buffer buffer) {
  const auto [error, bytes] = co_await operation<error_code, std::size_t>([&](auto done) {
    if (state_->tls) {
      state_->tls->async_read_some(buffer, std::move(done));
    } else {
      state_->socket.async_read_some(buffer, std::move(done));
    }
  });
  co_return IoResult{error, bytes};
}

Task<IoResult> Transport::write(asio::const_buffer buffer) {
  const auto [error, bytes] = co_await operation<error_code, std::size_t>([&](auto done) {
    if (state_->tls) {
      asio::async_write(*state_->tls, buffer, std::move(done));
    } else {
      asio::async_write(state_->socket, buffer, std::move(done));
    }
  });
  co_return IoResult{error, bytes};
}

void Transport::async_read(asio::mutable_buffer buffer, IoDone done) {
  if (state_->tls) {
    state_->tls->async_read_some(buffer, std::move(done));
  } else {
    state_->socket.async_read_some(buffer, std::move(done));
  }
}

void Transport::async_write(asio::const_buffer buffer, IoDone done) {
  if (state_->tls) {
    asio::async_write(*state_->tls, buffer, std::move(done));
  } else {
    asio::async_write(state_->socket, buffer, std::move(done));
  }
}

std::size_t Transport::write_at_once(std::string_view bytes) noexcept {
  if (state_->tls) return 0;
  const auto sent = ::send(state_->socket.native_handle(), bytes.data(), bytes.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void Transport::close() noexcept {
  state_->closed = true;
  error_code ignored;
  state_->timer.cancel();
  state_->resolver.cancel();
  state_->socket.close(ignored);
}

LinkFailure Transport::failure_of(const error_code& error) const {
  if (state_->tls && error.category() == asio::error::get_ssl_category()) {
    return {errc::tls_error, true, tls_error_text(error, state_->tls->native_handle())};
  }
  return {errc::unavailable, false, text_of(error)};
}

}  // namespace dialogstore::redis
