// A real Redis server of the test's own: a free port, a temporary folder, stopped by its pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "support/redis_client.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {

struct RedisServerOptions {
  std::vector<std::string> config;       // more lines of redis.conf, for example "maxmemory 10mb"
  std::vector<std::string> arguments;    // after the file's name, for example "--sentinel"
  std::vector<std::string> environment;  // more of it: "NAME=value"
  std::string program;                   // empty: as RedisServer says
  std::string password;                  // of the default user
  bool is_append_only = false;           // every write is on the disk before it is answered
  bool has_tls = false;                  // a second port, with certificates of its own authority
  bool wants_client_certificate = false;
};

// Starts the program named by the environment variable DIALOGSTORE_TEST_REDIS_SERVER, or
// redis-server. The constructor returns when the server answers, and throws std::runtime_error with
// the server's log when it does not. The server dies when the thread that started it ends.
//
// Threads: command() from any; everything else from one at a time.
class RedisServer {
 public:
  explicit RedisServer(RedisServerOptions options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  static constexpr const char* host() { return "127.0.0.1"; }
  int port() const { return port_; }
  int tls_port() const { return tls_port_; }
  std::string unix_path() const { return folder_ / "redis.sock"; }
  pid_t pid() const { return pid_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  // Throws std::logic_error unless has_tls.
  const CertificateAuthority& certificates() const;

  // redis://:password@127.0.0.1:port/0, and the query ("namespace=a&timeout=1s") if there is one.
  std::string uri(const std::string& query = "") const;
  std::string tls_uri(const std::string& query = "") const;
  // redis+unix:///path?password=password&query
  std::string unix_uri(const std::string& query = "") const;

  // Runs a command over the Unix socket, so that it works whatever the tested port is made to do.
  RedisReply command(const std::vector<std::string>& arguments);
  // Of INFO; an empty text if there is no such field.
  std::string info(const std::string& field);
  std::string log() const;

  void kill9();     // as after a crash of the machine, except that written files stay
  void shutdown();  // as an orderly stop: saves if it is configured to
  // Starts again on the same port and folder (kills the old process first if it still runs).
  void restart();
  void stop_process();      // SIGSTOP: the kernel still accepts connections, nobody answers
  void continue_process();  // SIGCONT

 private:
  std::string user_part() const;  // of a URI
  std::string program() const;
  void write_config() const;
  bool start();  // false: not with this configuration, which is to be written anew
  void wait_for_exit();
  bool has_exited();
  [[noreturn]] void fail(const std::string& what) const;

  RedisServerOptions options_;
  TempDir folder_;
  std::unique_ptr<CertificateAuthority> certificates_;
  std::unique_ptr<RedisClient> client_;
  bool grants_debug_ = true;  // by the configuration; before 7 the command DEBUG needs no leave
  int port_ = 0;
  int tls_port_ = 0;
  pid_t pid_ = -1;
};

// One plain server for all tests of this process, started when first asked for. Tests on it use a
// namespace of their own, and change no setting of it.
RedisServer& shared_redis();

// A port on which nothing listens, nor 10000 above it (a cluster's second port), and which no
// outgoing connection will be given. Another process may take it: be ready to ask again.
int free_port();

// A text that no other call in any process returns: for namespaces.
std::string unique_name(const std::string& prefix = "t");

}  // namespace dialogstore::test
