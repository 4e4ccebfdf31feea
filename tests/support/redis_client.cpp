#include "support/redis_client.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace dialogstore::test {
namespace {

using Milliseconds = std::chrono::milliseconds;

// There is no reply, or none that can be understood.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void throw_errno(const char* what) {
  throw Lost(std::string(what) + ": " + std::generic_category().message(errno));
}

class Socket {
 public:
  explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (descriptor_ < 0) throw_errno("socket");
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(descriptor_); }

  // Linux gives up connecting after what is set for sending.
  void set_timeout(Milliseconds time) const {
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(time.count() / 1000);
    value.tv_usec = static_cast<decltype(value.tv_usec)>(time.count() % 1000 * 1000);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
  }
  void set_no_delay() const {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  bool connect(const sockaddr* address, socklen_t size) const {
    return ::connect(descriptor_, address, size) == 0;
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) throw_errno("send");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  std::string_view receive() {
    ssize_t count = 0;
    do {
      count = ::recv(descriptor_, input_.data(), input_.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw_errno("recv");
    if (count == 0) throw Lost("the server closed the connection");
    return {input_.data(), static_cast<std::size_t>(count)};
  }

 private:
  int descriptor_;
  std::array<char, 16U << 10> input_;
};

std::unique_ptr<Socket> connect_unix(const RedisAddress& to) {
  auto socket = std::make_unique<Socket>(AF_UNIX);
  socket->set_timeout(to.timeout);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (to.unix_path.size() >= sizeof address.sun_path) throw Lost("the path is too long");
  to.unix_path.copy(address.sun_path, to.unix_path.size());
  if (!socket->connect(reinterpret_cast<const sockaddr*>(&address), sizeof address)) {
    throw_errno("connect");
  }
  return socket;
}

std::unique_ptr<Socket> connect_tcp(const RedisAddress& to) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found) != 0) {
    throw Lost("there is no address of " + to.host);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    auto socket = std::make_unique<Socket>(each->ai_family);
    socket->set_timeout(to.timeout);
    if (socket->connect(each->ai_addr, each->ai_addrlen)) {
      socket->set_no_delay();
      return socket;
    }
  }
  throw_errno("connect");
}

std::string encode(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

RedisReply lost(const std::exception& error) {
  return {.kind = RedisReply::Kind::lost, .text = error.what()};
}

}  // namespace

struct RedisClient::Connection {
  void close() {
    socket.reset();
    input.clear();
    read = 0;
  }

  RedisReply exchange(const std::vector<std::string>& arguments) {
    socket->send(encode(arguments));
    auto reply = read_reply();
    if (read != input.size()) throw Lost("the server sent more than the reply");
    input.clear();
    read = 0;
    return reply;
  }

  RedisReply read_reply() {
    const std::string line = read_line();
    const std::string rest = line.substr(1);
    switch (line[0]) {
      case '+':
        return {.kind = RedisReply::Kind::status, .text = rest};
      case '-':
        return {.kind = RedisReply::Kind::error, .text = rest};
      case ':':
        return {.kind = RedisReply::Kind::integer, .integer = number(rest)};
      case '$':
        return read_bulk(number(rest));
      case '*':
        return read_array(number(rest));
      default:
        throw Lost("not a reply: " + line);
    }
  }

  RedisReply read_bulk(std::int64_t size) {
    if (size < 0) return {};
    RedisReply reply{.kind = RedisReply::Kind::bulk};
    reply.text = take(static_cast<std::size_t>(size) + 2);
    reply.text.resize(static_cast<std::size_t>(size));
    return reply;
  }

  RedisReply read_array(std::int64_t count) {
    if (count < 0) return {};
    RedisReply reply{.kind = RedisReply::Kind::array};
    for (; count > 0; --count) reply.elements.push_back(read_reply());
    return reply;
  }

  static std::int64_t number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) throw Lost("no number: " + text);
    return value;
  }

  // Without its end; not empty.
  std::string read_line() {
    std::size_t searched = read;
    std::size_t end = 0;
    while ((end = input.find("\r\n", searched)) == std::string::npos) {
      searched = input.size() > read ? input.size() - 1 : read;
      input += socket->receive();
    }
    std::string line = input.substr(read, end - read);
    if (line.empty()) throw Lost("an empty line");
    read = end + 2;
    return line;
  }

  std::string take(std::size_t bytes) {
    while (input.size() - read < bytes) input += socket->receive();
    std::string taken = input.substr(read, bytes);
    read += bytes;
    return taken;
  }

  std::unique_ptr<Socket> socket;
  std::string input;
  std::size_t read = 0;  // of it
};

std::vector<std::string> RedisReply::texts() const {
  std::vector<std::string> result;
  for (const auto& element : elements) {
    result.push_back(element.text);
  }
  return result;
}

RedisClient::RedisClient(RedisAddress address)
    : address_(std::move(address)), connection_(std::make_unique<Connection>()) {}

RedisClient::~RedisClient() = default;

RedisReply RedisClient::connect() {
  connection_->close();
  connection_->socket = address_.unix_path.empty() ? connect_tcp(address_) : connect_unix(address_);
  if (address_.password.empty()) {
    return {};
  }
  return address_.user.empty() ? connection_->exchange({"AUTH", address_.password})
                               : connection_->exchange({"AUTH", address_.user, address_.password});
}

RedisReply RedisClient::command(const std::vector<std::string>& arguments) {
  const std::lock_guard lock(mutex_);
  try {
    if (connection_->socket == nullptr) {
      if (auto answer = connect(); answer.is_error()) {
        connection_->close();
        return answer;
      }
    }
    return connection_->exchange(arguments);
  } catch (const Lost& error) {
    connection_->close();
    return lost(error);
  }
}

void RedisClient::disconnect() {
  const std::lock_guard lock(mutex_);
  connection_->close();
}

}  // namespace dialogstore::test
