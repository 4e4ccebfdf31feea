#include "support/redis_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

constexpr auto kStartDeadline = std::chrono::seconds(30);
constexpr int kPortAttempts = 20;
constexpr int kClusterBusOffset = 10000;

bool can_bind(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool good = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return good;
}

std::string default_program() {
  const char* given = std::getenv("DIALOGSTORE_TEST_REDIS_SERVER");
  return given == nullptr || *given == '\0' ? "redis-server" : given;
}

// Between fork and exec only calls that are safe after a fork of a program with threads.
[[noreturn]] void become_server(const std::vector<char*>& arguments,
                                const std::vector<char*>& environment, const char* log_file,
                                pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(126);
  }
  const int log = ::open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::execvpe(arguments[0], arguments.data(), environment.data());
  ::_exit(127);
}

}  // namespace

RedisServer::RedisServer(RedisServerOptions options) : options_(std::move(options)) {
  if (options_.has_tls) {
    certificates_ = std::make_unique<CertificateAuthority>(folder_.path());
    certificates_->issue({});
  }
  client_ = std::make_unique<RedisClient>(
      RedisAddress{.unix_path = unix_path(), .password = options_.password});
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    port_ = free_port();
    tls_port_ = options_.has_tls ? free_port() : 0;
    write_config();
    if (start()) {
      return;
    }
  }
  fail("every port was taken");
}

RedisServer::~RedisServer() {
  kill9();
}

const CertificateAuthority& RedisServer::certificates() const {
  if (certificates_ == nullptr) {
    throw std::logic_error("this server has no TLS");
  }
  return *certificates_;
}

std::string RedisServer::uri(const std::string& query) const {
  return "redis://" + user_part() + host() + ":" + std::to_string(port_) + "/0" +
         (query.empty() ? "" : "?" + query);
}

std::string RedisServer::tls_uri(const std::string& query) const {
  return "rediss://" + user_part() + "localhost:" + std::to_string(tls_port_) + "/0" +
         (query.empty() ? "" : "?" + query);
}

std::string RedisServer::unix_uri(const std::string& query) const {
  std::string all = options_.password.empty() ? "" : "password=" + options_.password;
  all += all.empty() || query.empty() ? query : "&" + query;
  return "redis+unix://" + unix_path() + (all.empty() ? "" : "?" + all);
}

std::string RedisServer::program() const {
  return options_.program.empty() ? default_program() : options_.program;
}

std::string RedisServer::user_part() const {
  return options_.password.empty() ? "" : ":" + options_.password + "@";
}

void RedisServer::write_config() const {
  std::ofstream file(folder_ / "redis.conf");
  file << "bind 127.0.0.1\nport " << port_ << "\nunixsocket " << unix_path() << "\ndir "
       << folder_.path().string() << "\nsave \"\"\ndaemonize no\n"
       << (grants_debug_ ? "enable-debug-command yes\n" : "") << "appendfsync always\nappendonly "
       << (options_.is_append_only ? "yes" : "no") << '\n';
  if (!options_.password.empty()) {
    file << "requirepass " << options_.password << '\n';
  }
  if (options_.has_tls) {
    file << "tls-port " << tls_port_ << "\ntls-ca-cert-file "
         << certificates_->certificate().string() << "\ntls-cert-file "
         << (folder_ / "server.crt").string() << "\ntls-key-file "
         << (folder_ / "server.key").string() << "\ntls-auth-clients "
         << (options_.wants_client_certificate ? "yes" : "no") << '\n';
  }
  for (const auto& line : options_.config) {
    file << line << '\n';
  }
}

bool RedisServer::start() {
  std::vector<std::string> words{program(), folder_ / "redis.conf"};
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> arguments;
  for (auto& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    environment.push_back(*each);
  }
  for (auto& each : options_.environment) {
    environment.push_back(each.data());
  }
  environment.push_back(nullptr);
  const std::string log_file = folder_ / "server.log";
  std::filesystem::remove(log_file);
  client_->disconnect();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    become_server(arguments, environment, log_file.c_str(), parent);
  }
  if (pid_ < 0) {
    fail("fork failed");
  }
  // A server opens its TCP ports before its Unix socket, so this answer is ours and means both.
  bool exited = false;
  const bool answered = eventually(
      [&] {
        exited = has_exited();
        return exited || command({"PING"}).text == "PONG";
      },
      kStartDeadline);
  if (answered && !exited) {
    return true;
  }
  kill9();
  const std::string said = log();
  if (said.find("Address already in use") != std::string::npos) {
    return false;
  }
  if (grants_debug_ && said.find("'enable-debug-command yes'") != std::string::npos) {
    grants_debug_ = false;
    return false;
  }
  fail(exited ? "it ended at once" : "it does not answer");
}

void RedisServer::fail(const std::string& what) const {
  throw std::runtime_error("cannot start " + program() + ": " + what + "\n" + log());
}

RedisReply RedisServer::command(const std::vector<std::string>& arguments) {
  return client_->command(arguments);
}

std::string RedisServer::info(const std::string& field) {
  std::istringstream lines(command({"INFO", "everything"}).text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(field + ":")) {
      return line.substr(field.size() + 1, line.find('\r') - field.size() - 1);
    }
  }
  return "";
}

std::string RedisServer::log() const {
  std::ifstream file(folder_ / "server.log");
  return {std::istreambuf_iterator<char>(file), {}};
}

bool RedisServer::has_exited() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ < 0;
}

void RedisServer::wait_for_exit() {
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  client_->disconnect();
}

void RedisServer::kill9() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait_for_exit();
  }
}

void RedisServer::shutdown() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    if (!eventually([&] { return has_exited(); }, kStartDeadline)) {
      kill9();
    }
    client_->disconnect();
  }
}

void RedisServer::restart() {
  kill9();
  std::filesystem::remove(unix_path());
  if (!eventually([&] { return start(); }, kStartDeadline)) {
    fail("its port was taken meanwhile");
  }
}

void RedisServer::stop_process() {
  ::kill(pid_, SIGSTOP);
  // The signal is delivered later than kill() returns.
  siginfo_t state{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &state, WSTOPPED);
}

void RedisServer::continue_process() {
  ::kill(pid_, SIGCONT);
}

RedisServer& shared_redis() {
  static RedisServer server;
  return server;
}

int free_port() {
  // Below the range the kernel gives to outgoing connections (32768 and up), also with the offset.
  static thread_local std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(11000, 21999);
  for (;;) {
    const int port = ports(random);
    if (can_bind(port) && can_bind(port + kClusterBusOffset)) {
      return port;
    }
  }
}

std::string unique_name(const std::string& prefix) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return prefix + std::to_string(::getpid()) + "x" + std::to_string(random());
}

}  // namespace dialogstore::test
