// The byte stream of one connection: TCP or a unix socket, with or without TLS. OpenSSL and the
// socket types stay behind it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "flow/task.hpp"
#include "redis/handshake.hpp"
#include "redis/link.hpp"

namespace dialogstore::redis {

class LinkCore;
struct Session;

/// Completion of a read or a write in the running state. Holds what the operation uses.
struct IoDone {
  using Step = void (LinkCore::*)(Session&, boost::system::error_code, std::size_t);
  std::shared_ptr<LinkCore> core;
  std::shared_ptr<Session> session;
  Step step;
  void operator()(boost::system::error_code error, std::size_t bytes) const;
};

struct IoResult {
  boost::system::error_code error;
  std::size_t bytes = 0;
};

class Transport {
 public:
  explicit Transport(const asio::any_io_executor& executor);
  ~Transport();

  /// Resolves, connects (all addresses in turn) and does the TLS handshake, until `deadline`. The
  /// settings must live until it ends; close() ends it.
  Task<LinkFailure> open(const LinkSettings& settings, Clock::time_point deadline);

  Task<IoResult> read(asio::mutable_buffer buffer);
  Task<IoResult> write(asio::const_buffer buffer);
  void async_read(asio::mutable_buffer buffer, IoDone done);
  void async_write(asio::const_buffer buffer, IoDone done);

  /// Gives the kernel as much of it as it takes without waiting; returns how much. Nothing with
  /// TLS, and nothing when the connection is broken, which an async_write of the rest then tells.
  [[nodiscard]] std::size_t write_at_once(std::string_view bytes) noexcept;

  void close() noexcept;

  /// Of a failed read or write; after the handshake a TLS 1.3 server may still refuse us.
  [[nodiscard]] LinkFailure failure_of(const boost::system::error_code& error) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dialogstore::redis
