// Ctrl-C as a request to stop after the item in hand.
#pragma once

#include <csignal>

namespace dialogstore::cli {

/// While it lives, the first SIGINT or SIGTERM only makes `interrupted` true; the second kills.
/// One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

[[nodiscard]] bool interrupted() noexcept;

}  // namespace dialogstore::cli
