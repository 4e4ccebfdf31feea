#include "raw_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "dialogstore/uri.hpp"
#include "redis/command.hpp"

namespace dialogstore::bench {
namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// The number of a header such as `$12\r\n`; `place` goes behind it. False when it is not all there.
bool read_header(std::string_view bytes, std::size_t& place, std::int64_t& number) {
  const auto end = bytes.find('\n', place);
  if (end == std::string_view::npos) return false;
  std::from_chars(bytes.data() + place + 1, bytes.data() + end, number);
  place = end + 1;
  return true;
}

// Goes behind one value. False when it is not all there.
bool skip_value(std::string_view bytes, std::size_t& place) {
  if (place >= bytes.size()) return false;
  const char kind = bytes[place];
  if (kind == '-') throw std::runtime_error("the server says " + std::string(bytes.substr(place)));
  std::int64_t number = 0;
  if (!read_header(bytes, place, number)) return false;
  if (kind == '$' && number >= 0) place += static_cast<std::size_t>(number) + 2;
  if (kind == '*') {
    for (; number > 0; --number) {
      if (!skip_value(bytes, place)) return false;
    }
  }
  return place <= bytes.size();
}

}  // namespace

std::size_t reply_end(std::string_view bytes) {
  std::size_t place = 0;
  return skip_value(bytes, place) ? place : 0;
}

RawConnection::RawConnection(const std::string& store) {
  const auto uri = parse_uri(store);
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uri.redis.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_errno("connect");
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  add(0, redis::encode_command({"SELECT", std::to_string(uri.redis.database)}));
  send();
  while (!askers_.empty()) receive([](std::uint32_t, std::string_view) {});
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      askers_(std::move(other.askers_)) {}

RawConnection::~RawConnection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RawConnection::add(std::uint32_t asker, std::string_view request) {
  output_ += request;
  askers_.push_back(asker);
}

void RawConnection::send() {
  std::string_view rest = output_;
  while (!rest.empty()) {
    const auto sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) throw_errno("send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  output_.clear();
}

void RawConnection::read_some() {
  std::array<char, 64U << 10> bytes;
  const auto count = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
  if (count < 0) throw_errno("recv");
  if (count == 0) throw std::runtime_error("the server closed the connection");
  input_.append(bytes.data(), static_cast<std::size_t>(count));
}

}  // namespace dialogstore::bench
