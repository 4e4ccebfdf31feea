#include "concurrently.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "interrupt.hpp"

namespace dialogstore::cli {
namespace {

// Shared by the workers; all of them run in one thread.
struct Pool {
  const std::function<asio::awaitable<bool>()>& step;
  bool stop = false;
  std::exception_ptr first_failure;
};

asio::awaitable<void> work_through(Pool& pool) {
  try {
    bool more = true;
    while (more && !pool.stop && !interrupted()) {
      // In a variable of its own: gcc 12 miscompiles a co_await in a condition here.
      auto step = pool.step();
      more = co_await std::move(step);
    }
  } catch (...) {
    pool.stop = true;
    if (!pool.first_failure) pool.first_failure = std::current_exception();
  }
}

void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

void run_concurrently(unsigned workers, const std::function<asio::awaitable<bool>()>& step) {
  asio::io_context loop(1);
  Pool pool{.step = step};
  for (unsigned worker = 0; worker < workers; ++worker) {
    asio::co_spawn(loop, work_through(pool), [](std::exception_ptr failure) { rethrow(failure); });
  }
  loop.run();
  rethrow(pool.first_failure);
}

void run(asio::awaitable<void> work) {
  asio::io_context loop(1);
  asio::co_spawn(loop, std::move(work), [](std::exception_ptr failure) { rethrow(failure); });
  loop.run();
}

bool run_until_interrupted(asio::awaitable<void> work) {
  asio::io_context loop(1);
  asio::cancellation_signal cancel;
  std::exception_ptr outcome;
  asio::co_spawn(loop, std::move(work),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&outcome](std::exception_ptr failure) { outcome = failure; }));
  // A signal handler may not touch the loop, so the loop looks up every so often.
  while (!loop.stopped()) {
    loop.run_for(std::chrono::milliseconds(50));
    if (interrupted()) break;
  }
  if (!interrupted()) {
    rethrow(outcome);
    return true;
  }
  cancel.emit(asio::cancellation_type::terminal);
  loop.run();
  return false;
}

}  // namespace dialogstore::cli
