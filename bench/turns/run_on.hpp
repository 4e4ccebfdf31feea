// Coroutines that another thread waits for.
#pragma once

#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "flow/task.hpp"

namespace dialogstore::bench {

/// Runs it on the executor's thread.
template <class Value>
std::future<Value> run_on(const asio::any_io_executor& executor, Task<Value> work) {
  auto promise = std::make_shared<std::promise<Value>>();
  auto future = promise->get_future();
  auto end = [promise](std::exception_ptr error, auto... value) {
    error ? promise->set_exception(std::move(error)) : promise->set_value(std::move(value)...);
  };
  asio::post(executor, [flow = make_flow(executor, std::move(work), std::move(end))]() mutable {
    Flow::start(std::move(flow));
  });
  return future;
}

}  // namespace dialogstore::bench
