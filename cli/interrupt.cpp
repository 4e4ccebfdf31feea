#include "interrupt.hpp"

#include <atomic>

namespace dialogstore::cli {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

void request_stop(int) noexcept {
  stop_requested.store(true);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void install(int signal, struct sigaction& old) {
  struct sigaction action {};
  action.sa_handler = request_stop;
  // Without SA_RESTART, so that a read that waits for the keyboard returns.
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, nullptr, &old);
  // A program started in the background of a shell ignores SIGINT and should go on doing so.
  if (old.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  install(SIGINT, old_interrupt_);
  install(SIGTERM, old_terminate_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &old_interrupt_, nullptr);
  ::sigaction(SIGTERM, &old_terminate_, nullptr);
}

bool interrupted() noexcept {
  return stop_requested.load();
}

}  // namespace dialogstore::cli
