// Runs a RedisLink in the test's own thread and waits for conditions, never for a time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "flow/task.hpp"
#include "redis/command.hpp"
#include "redis/link.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {

/// Everything a wait in a test may take before the test fails.
inline constexpr std::chrono::seconds patience{60};

/// To a peer that is asked nothing before the test's own requests, and called again at once.
inline redis::LinkSettings plain_settings(const ScriptedPeer& peer) {
  redis::LinkSettings settings;
  settings.endpoint.host = "127.0.0.1";
  settings.endpoint.port = static_cast<std::uint16_t>(peer.port());
  settings.require_master = false;
  settings.reconnect_min = std::chrono::milliseconds(1);
  settings.reconnect_max = std::chrono::milliseconds(5);
  return settings;
}

/// One exec() on its way.
struct LinkCall {
  bool is_done = false;
  redis::ExecResult result;
  Flow* flow = nullptr;  ///< while it runs
  void cancel() {
    if (flow != nullptr) flow->cancel();
  }
};

class LinkDriver {
 public:
  explicit LinkDriver(redis::LinkSettings settings)
      : link_(redis::RedisLink::create(context_.get_executor(), std::move(settings))) {}
  ~LinkDriver() {
    if (link_) {
      link_->close();
      context_.restart();
      context_.run_for(patience);
    }
  }

  boost::asio::io_context& context() { return context_; }
  redis::RedisLink& link() { return *link_; }
  void drop_link() { link_.reset(); }

  /// Starts the request; the call is done when run_until() has let it.
  std::shared_ptr<LinkCall> start(std::string request,
                                  std::chrono::milliseconds timeout = patience) {
    return start(link_->exec(std::move(request), redis::Clock::now() + timeout));
  }
  std::shared_ptr<LinkCall> start(Task<redis::ExecResult> work) {
    auto call = std::make_shared<LinkCall>();
    auto flow = make_flow(context_.get_executor(), std::move(work),
                          [call](const std::exception_ptr&, redis::ExecResult result) {
                            call->flow = nullptr;
                            call->result = std::move(result);
                            call->is_done = true;
                          });
    call->flow = flow.get();
    Flow::start(std::move(flow));
    return call;
  }
  std::shared_ptr<LinkCall> start(std::initializer_list<std::string_view> words,
                                  std::chrono::milliseconds timeout = patience) {
    return start(redis::encode_command(words), timeout);
  }

  /// False when the condition did not come true in time.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      context_.restart();
      // Short, since conditions may change outside the context.
      context_.run_one_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  [[nodiscard]] bool finish(const std::shared_ptr<LinkCall>& call) {
    return run_until([&] { return call->is_done; });
  }
  /// Starts the request and waits for its end.
  redis::ExecResult exec(std::initializer_list<std::string_view> words,
                         std::chrono::milliseconds timeout = patience) {
    const auto call = start(words, timeout);
    if (!finish(call)) {
      call->result.failure = errc::timed_out;
      call->result.detail = "the call did not end within the test's patience";
    }
    return std::move(call->result);
  }

 private:
  boost::asio::io_context context_;
  std::shared_ptr<redis::RedisLink> link_;
};

}  // namespace dialogstore::test
