// Runs coroutines at the same time and waits for all of them.
#pragma once

#include <exception>
#include <utility>
#include <vector>

#include "flow/task.hpp"

namespace dialogstore::redis {

namespace asio = boost::asio;

/// Results in the order of `works`. A cancellation of the caller while they run reaches each of
/// them (one that came before does not); one that must not throw then begins with
/// throw_if_cancelled(false). What one throws is thrown when all
/// ended.
template <class Result>
Task<std::vector<Result>> gather(std::vector<Task<Result>> works) {
  if (works.empty()) co_return std::vector<Result>{};
  const auto executor = co_await this_flow::executor;
  using Operation = decltype(asio::co_spawn(executor, std::move(works.front()), asio::deferred));
  std::vector<Operation> operations;
  operations.reserve(works.size());
  for (auto& work : works) {
    operations.push_back(asio::co_spawn(executor, std::move(work), asio::deferred));
  }
  auto [order, errors, results] =
      co_await asio::experimental::make_parallel_group(std::move(operations))
          .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  co_return std::move(results);
}

}  // namespace dialogstore::redis
