// One multiplexed connection to one server. Many coroutines of one thread queue requests; one write
// carries all that wait; a ReplyReader parses the replies, which come back in order.
//
// Exactly-once needs to know what was sent: a request that fails says whether any of its bytes may
// have left. Setup (TLS, AUTH, SELECT, role and rights) succeeds before the first user request is
// written; while the connection is down requests wait, unsent, until their deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "flow/task.hpp"
#include "redis/key_tracking.hpp"
#include "redis/reply.hpp"

namespace dialogstore::redis {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// What was known of a request when it ended without a reply.
enum class Sent : std::uint8_t { no, maybe };

/// The end of one request: a reply (which may be an error reply of the server), or a failure.
struct ExecResult {
  errc failure{};        ///< errc{} (0) when there is a reply
  Sent sent = Sent::no;  ///< of a failure: may the server have got it
  std::string detail;    ///< of a failure: the true cause, without secrets
  Reply reply;
  std::vector<Reply> earlier;  ///< of exec_together: the replies to all commands but the last
  [[nodiscard]] bool ok() const noexcept { return failure == errc{}; }
};

struct TlsSettings {
  bool enabled = false;
  bool verify = true;   ///< chain and host name; only `tls_insecure=yes` turns it off
  std::string ca_file;  ///< empty: the system's certificates
  std::string ca_path;
  std::string certificate_file;  ///< client certificate (PEM), with private_key_file
  std::string private_key_file;
  std::string server_name;  ///< SNI and the name to verify; empty: the host
};

/// Where and as whom to connect.
struct Endpoint {
  std::string host;  ///< of TCP
  std::uint16_t port = 6379;
  std::string unix_path;  ///< not empty: a unix socket instead of TCP
};

struct LinkSettings {
  Endpoint endpoint;
  std::string user;      ///< empty: the default user
  std::string password;  ///< empty: no AUTH
  int database = 0;
  std::string client_name;     ///< CLIENT SETNAME, ignored when the server refuses; empty: none
  bool require_master = true;  ///< ROLE must answer master
  /// Commands that must succeed after AUTH and SELECT, before user requests (e.g. a probe of
  /// rights); each is one encoded request. An error reply fails the connection attempt with its
  /// text.
  std::vector<std::string> setup_requests;
  /// The last step of setting up a connection: whether this is still the server to talk to. What
  /// speaks against it gives the connection up (unavailable); an empty text is consent.
  std::function<Task<std::string>()> confirm;
  /// The server is asked to tell it of every key that was read here and that others change (CLIENT
  /// TRACKING, in RESP3); null: it is not.
  std::shared_ptr<KeyTracking> tracking;
  TlsSettings tls;
  std::chrono::milliseconds connect_timeout{5'000};  ///< resolve, connect, TLS and setup together
  std::chrono::milliseconds reconnect_min{20};       ///< first pause; doubles, with jitter
  std::chrono::milliseconds reconnect_max{2'000};
  /// A failed attempt to connect ends all waiting requests (unavailable, unsent), for callers who
  /// know of other servers.
  bool fails_fast = false;
  std::size_t max_reply_bytes = 0;      ///< 0: limits::reply_bytes
  std::size_t max_queued_requests = 0;  ///< 0: limits::queued_requests
  std::size_t max_queued_bytes = 0;     ///< 0: limits::queued_bytes
};

/// Counters for tests, the command line and benchmarks.
struct LinkStatistics {
  std::uint64_t connections = 0;  ///< completed setups
  std::uint64_t requests = 0;     ///< written
  std::uint64_t writes = 0;       ///< socket writes that carried them
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

class RedisLink {
 public:
  /// The executor must be single-threaded (one thread or a strand); all members are called on it,
  /// by coroutines of it. Destroying the last pointer closes the link.
  static std::shared_ptr<RedisLink> create(asio::any_io_executor executor, LinkSettings settings);
  virtual ~RedisLink() = default;

  /// Sends one encoded request (see command.hpp) and waits for its reply until `deadline`.
  /// Connects, or waits for the connection, when there is none; auth_failed, tls_error,
  /// permission_denied, read_only and unsupported_server found by a connection attempt end all
  /// waiting requests at once with that cause, while a refused or lost connection keeps them
  /// waiting for a later attempt until their deadline (then `unavailable` with the true cause).
  /// Cancellation (the coroutine's slot) ends the wait with errc::canceled; a reply that comes
  /// later is dropped in its turn and the connection stays usable. Never throws for network errors.
  /// Refuses at once what would exceed the bounds of waiting requests (errc::overloaded).
  virtual Task<ExecResult> exec(std::string request, Clock::time_point deadline) = 0;

  /// The same with several encoded commands that belong together: they leave in one write, nothing
  /// of others comes between them, and it ends with the reply to the last.
  virtual Task<ExecResult> exec_together(std::string requests, unsigned count,
                                         Clock::time_point deadline) = 0;

  /// Ends every waiting request with errc::closed and the connection. Final. Idempotent.
  virtual void close() = 0;

  /// When the latest request was handed over that this connection has answered: whatever the server
  /// had to tell by then has come. Long ago while there is no connection.
  [[nodiscard]] virtual Clock::time_point heard() const = 0;

  [[nodiscard]] virtual LinkStatistics statistics() const = 0;
};

}  // namespace dialogstore::redis
