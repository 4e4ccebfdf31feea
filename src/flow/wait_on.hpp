// Waiting for a time, in a coroutine.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include "flow/task.hpp"

namespace dialogstore {

/// True when the time has come; false when the timer, or the flow, was cancelled before.
inline Task<bool> wait_on(asio::steady_timer* timer) {
  const auto error = co_await operation<boost::system::error_code>(
      [&](auto done) { timer->async_wait(std::move(done)); });
  co_return !error;
}

}  // namespace dialogstore
