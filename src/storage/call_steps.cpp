#include "storage/call_steps.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>

#include "base/random.hpp"

namespace dialogstore {

void throw_if_cancelled(const asio::cancellation_state& state) {
  if (state.cancelled() != asio::cancellation_type::none) {
    throw Failure{errc::canceled, "the caller cancelled"};
  }
}

Task<void> pause(std::chrono::milliseconds time, Deadline deadline) {
  asio::steady_timer timer(co_await this_flow::executor, std::min(Clock::now() + time, deadline));
  // An aborted wait is an early end; the caller's next step sees the cancellation.
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> pause_between_rounds(int round, Deadline deadline) {
  constexpr int quick_rounds = 2;
  constexpr int longest_shift = 6;
  if (round < quick_rounds) co_return;
  std::array<std::uint8_t, 1> random{};
  fill_random(random);
  const int range = 1 << std::min(round, longest_shift);
  co_await pause(std::chrono::milliseconds(1 + random[0] % range), deadline);
}

}  // namespace dialogstore
