// A server that does what a script says: which bytes it expects, which it answers, when it waits
// and where it hangs up. Real sockets (TCP on a free port, a Unix socket, TLS), a thread a
// connection.
//
//   ScriptedPeer peer({{expect("PING"), answer("+PONG\r\n"), cut()}});
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "support/certificates.hpp"

namespace dialogstore::test {

namespace peer_step {

struct Expect {  // exactly these bytes come next
  std::string bytes;
};
struct Answer {
  std::string bytes;
  bool is_dribbled;  // each byte a segment of its own
};
struct WaitFor {  // until the test calls open() with the name
  std::string gate;
};
struct Cut {
  bool is_reset;  // with RST instead of FIN
};
struct Flood {  // the same bytes again and again until the client hangs up
  std::string bytes;
};
struct StopReading {};  // until the end of the test

}  // namespace peer_step

using PeerStep = std::variant<peer_step::Expect, peer_step::Answer, peer_step::WaitFor,
                              peer_step::Cut, peer_step::Flood, peer_step::StopReading>;
/// Of one connection. After its last step the peer keeps reading until the client hangs up.
using PeerScript = std::vector<PeerStep>;

inline PeerStep expect_bytes(std::string bytes) {
  return peer_step::Expect{std::move(bytes)};
}
/// A request in the form the library sends; the words are divided by spaces.
PeerStep expect(std::string_view command);
inline PeerStep answer(std::string bytes) {
  return peer_step::Answer{std::move(bytes), false};
}
inline PeerStep dribble(std::string bytes) {
  return peer_step::Answer{std::move(bytes), true};
}
inline PeerStep wait_for(std::string gate) {
  return peer_step::WaitFor{std::move(gate)};
}
inline PeerStep cut() {
  return peer_step::Cut{false};
}
inline PeerStep reset() {
  return peer_step::Cut{true};
}
inline PeerStep flood(std::string bytes) {
  return peer_step::Flood{std::move(bytes)};
}
inline PeerStep stop_reading() {
  return peer_step::StopReading{};
}

struct PeerOptions {
  std::string unix_path;  // not empty: a Unix socket instead of TCP
  std::optional<CertificateFiles> tls;
  std::string client_authority;  // not empty: clients must show a certificate of this authority
  int max_tls_version = 0;       // OpenSSL's number; 0: the newest
};

class ScriptedPeer {
 public:
  /// The n-th connection follows the n-th script, all further ones follow the last.
  explicit ScriptedPeer(std::vector<PeerScript> scripts, PeerOptions options = {});
  ~ScriptedPeer();
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  int port() const { return port_; }
  void open(const std::string& gate);

  std::size_t connections() const;
  /// All bytes that connection sent so far (after TLS).
  std::string received(std::size_t connection) const;
  /// The script of that connection has been followed to its end.
  bool is_done(std::size_t connection) const;
  /// The client has hung up, or was hung up on.
  bool is_closed(std::size_t connection) const;
  /// The server name a TLS client asked for; empty if none.
  std::string server_name(std::size_t connection) const;
  /// What came instead of what a script expected; empty if all was as expected.
  std::string mismatch() const;

 private:
  struct Connection;
  struct TlsContext;

  const Connection* find(std::size_t index) const;
  void listen_on_tcp();
  void listen_on_unix();
  void accept_all();
  void serve(Connection& connection, const PeerScript& script);
  bool start_tls(Connection& connection);
  bool follow(Connection& connection, const PeerStep& step);
  void hang_up(Connection& connection, bool is_reset);
  bool expect_next(Connection& connection, const std::string& bytes);
  bool send(Connection& connection, std::string_view bytes);
  bool receive(Connection& connection);

  std::vector<PeerScript> scripts_;
  PeerOptions options_;
  std::unique_ptr<TlsContext> tls_;
  int listener_ = -1;
  int port_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::set<std::string> open_gates_;
  std::list<Connection> connections_;
  std::string mismatch_;
  std::thread acceptor_;
};

/// The words as an array of bulk strings.
std::string resp_command(const std::vector<std::string>& words);

}  // namespace dialogstore::test
