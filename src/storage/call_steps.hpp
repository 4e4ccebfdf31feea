// What a call does between two of its steps: heed a cancel, wait.
#pragma once

#include <chrono>

#include "flow/task.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// Throws canceled when the call was cancelled: between two steps, where nothing is under way.
/// `is_cancelled`: co_await this_flow::is_cancelled.
void throw_if_cancelled(bool is_cancelled);
/// Waits; ends early, without an error, when the call is cancelled or the deadline comes.
Task<void> pause(std::chrono::milliseconds time, Deadline deadline);
/// A jittered pause that grows with the round, so that writers on one context do not march in step.
Task<void> pause_between_rounds(int round, Deadline deadline);

}  // namespace dialogstore
