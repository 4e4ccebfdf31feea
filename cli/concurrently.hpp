// Running the asynchronous face of a storage from a program without a loop of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

namespace dialogstore::cli {

namespace asio = boost::asio;

/// Runs `workers` coroutines in this thread; each calls `step` again until it gives false, an
/// exception leaves a step, or the program is interrupted. Steps in hand end in every case; then
/// the first exception is rethrown.
void run_concurrently(unsigned workers, const std::function<asio::awaitable<bool>()>& step);

/// Runs one coroutine to its end and rethrows what leaves it.
void run(asio::awaitable<void> work);

/// The same, but an interrupt cancels what it waits for; false when that happened.
bool run_until_interrupted(asio::awaitable<void> work);

}  // namespace dialogstore::cli
