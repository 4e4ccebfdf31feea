// Waiting for a time, or for somebody's word, where no cancellation throws.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "flow/task.hpp"

namespace dialogstore::redis {

namespace asio = boost::asio;

/// True when the time has come, false when the wait was cancelled.
inline Task<bool> wait_on(asio::steady_timer* timer) {
  const auto [error] = co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

/// Coroutines that wait for the same thing.
class Waiters {
 public:
  explicit Waiters(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// True when woken; false when the time or a cancellation came first. The object must live on.
  Task<bool> wait(asio::steady_timer::time_point deadline) {
    const auto timer = std::make_shared<asio::steady_timer>(executor_, deadline);
    timers_.push_back(timer);
    co_await wait_on(timer.get());
    // Who was woken is no more among them.
    co_return std::erase(timers_, timer) == 0;
  }
  void wake() {
    for (const auto& timer : std::exchange(timers_, {})) timer->cancel();
  }

 private:
  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<asio::steady_timer>> timers_;
};

}  // namespace dialogstore::redis
