// A line to Redis that does nothing by itself: every request waits until a test says what becomes
// of it. Production code above it cannot tell it from a network that loses, delays and doubles.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/redis_client.hpp"
#include "support/redis_client.hpp"

namespace dialogstore::test {

namespace asio = boost::asio;

struct Operation;

/// One request on its way. Belongs to the test's thread, except while `answer` is under way.
class ParkedCall {
 public:
  explicit ParkedCall(asio::any_io_executor executor)
      : executor_(executor), wake_(executor, asio::steady_timer::time_point::max()) {}

  std::vector<std::string> arguments;  ///< the command, decoded
  std::shared_ptr<Operation> sender;   ///< for the test: the user's call it belongs to

  /// Ends the request as the client sees it; once.
  static void answer(const std::shared_ptr<ParkedCall>& call, redis::ExecResult result);

 private:
  friend class FaultyClient;
  asio::any_io_executor executor_;
  asio::steady_timer wake_;
  bool answered_ = false;  ///< on the executor
  redis::ExecResult result_;
};

/// What a test wants to hear, on the loop it gave.
struct FaultyEvents {
  std::function<void(std::shared_ptr<ParkedCall>)> arrived;
  std::function<void(std::shared_ptr<ParkedCall>)> abandoned;  ///< its caller cancelled
};

class FaultyClient final : public redis::RedisClient {
 public:
  /// Both must outlive every call.
  FaultyClient(asio::any_io_executor executor, asio::io_context& loop, FaultyEvents events)
      : executor_(std::move(executor)), loop_(loop), events_(std::move(events)) {}

  Task<redis::ExecResult> exec(std::uint16_t slot, std::string request,
                               redis::Clock::time_point deadline) override;
  Task<redis::ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                        redis::Clock::time_point deadline) override;
  [[nodiscard]] bool spans_slots() const noexcept override { return true; }
  [[nodiscard]] redis::LinkStatistics statistics() const override {
    return {.connections = 1, .requests = 0, .writes = 0, .bytes_sent = 0, .bytes_received = 0};
  }
  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }
  void close() override;

 private:
  asio::any_io_executor executor_;
  asio::io_context& loop_;
  FaultyEvents events_;
  std::vector<std::weak_ptr<ParkedCall>> calls_;  ///< on the executor
  bool is_closed_ = false;
};

/// The arguments of one encoded command. Throws std::runtime_error when it is none.
std::vector<std::string> decode_command(std::string_view request);
/// A reply of the server as the library's own reader would give it.
redis::ExecResult to_result(const RedisReply& reply);
redis::ExecResult no_reply(redis::Sent sent, errc why = errc::unavailable);

}  // namespace dialogstore::test
