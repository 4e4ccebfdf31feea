// What a call does between two of its steps: heed a cancel, wait.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "storage/row_log.hpp"

namespace dialogstore {

/// Throws canceled when the call was cancelled: between two steps, where nothing is under way.
/// `state` is the coroutine's: co_await asio::this_coro::cancellation_state.
void throw_if_cancelled(const asio::cancellation_state& state);
/// Waits; ends early, without an error, when the call is cancelled or the deadline comes.
asio::awaitable<void> pause(std::chrono::milliseconds time, Deadline deadline);
/// A jittered pause that grows with the round, so that writers on one context do not march in step.
asio::awaitable<void> pause_between_rounds(int round, Deadline deadline);

}  // namespace dialogstore
