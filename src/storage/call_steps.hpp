// What a call does between two of its steps: heed a cancel, wait.
#pragma once

#include <chrono>

#include "flow/task.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// Throws canceled when the call was cancelled: between two steps, where nothing is under way.
/// `state` is the coroutine's: co_await asio::this_coro::cancellation_state.
void throw_if_cancelled(const asio::cancellation_state& state);
/// Waits; ends early, without an error, when the call is cancelled or the deadline comes.
Task<void> pause(std::chrono::milliseconds time, Deadline deadline);
/// A jittered pause that grows with the round, so that writers on one context do not march in step.
Task<void> pause_between_rounds(int round, Deadline deadline);

}  // namespace dialogstore
