// Waiting for a condition instead of for a time.
#pragma once

#include <chrono>
#include <thread>

namespace dialogstore::test {

// Asks until the condition holds or the deadline passes; returns whether it held. The deadline is
// for what never comes: a busy machine may keep a server from running for seconds.
//   EXPECT_TRUE(eventually([&] { return server.command({"PING"}).text == "PONG"; }));
template <class Condition>
[[nodiscard]] bool eventually(Condition condition,
                              std::chrono::milliseconds deadline = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace dialogstore::test
