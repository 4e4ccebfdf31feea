// A cache that is told of changes, over lines that break and stand still: no load is further behind
// than it may be.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto staleness = 150ms;

/// When how many turns of one dialog had been acknowledged.
class Acknowledged {
 public:
  void note(std::size_t turns) {
    const std::lock_guard lock(mutex_);
    times_.push_back({Clock::now(), std::max(turns, times_.empty() ? 0 : times_.back().turns)});
  }
  [[nodiscard]] std::size_t turns_at(Clock::time_point time) const {
    const std::lock_guard lock(mutex_);
    std::size_t turns = 0;
    for (const auto& each : times_) {
      if (each.time <= time) turns = each.turns;
    }
    return turns;
  }

 private:
  struct Time {
    Clock::time_point time;
    std::size_t turns;
  };
  mutable std::mutex mutex_;
  std::vector<Time> times_;
};

bool is_trouble(const StorageError& error) {
  const auto code = error.reason();
  return code == errc::unavailable || code == errc::timed_out || code == errc::outcome_unknown ||
         code == errc::history_changed || code == errc::server_busy;
}

/// Adds turns to the dialog until told to stop.
void write(DBContextStorage& storage, Acknowledged& acknowledged, const std::atomic<bool>& ends) {
  while (!ends) {
    try {
      auto context = storage.get_item("k");
      context.add_request("turn");
      storage.set_item("k", context);
      acknowledged.note(context.turn_count());
    } catch (const StorageError& error) {
      ASSERT_TRUE(is_trouble(error)) << error.what();
    }
  }
}

/// Loads the dialog until told to stop; counts how often that worked.
void read(DBContextStorage& storage, const Acknowledged& acknowledged,
          std::atomic<std::size_t>& loads, const std::atomic<bool>& ends) {
  while (!ends) {
    const auto begun = Clock::now();
    try {
      const auto turns = storage.get_item("k").turn_count();
      ASSERT_GE(turns, acknowledged.turns_at(begun - staleness));
      ++loads;
    } catch (const StorageError& error) {
      ASSERT_TRUE(is_trouble(error)) << error.what();
    }
  }
}

TEST(FaultsOfTracking, NoLoadIsFurtherBehindThanItMayBe) {
  RedisServer server;
  TcpProxy proxy(server.port());
  const auto all = "namespace=" + unique_name() + "&timeout=1s&on_conflict=merge&seal_after=3";
  const auto told =
      all + "&cache=10&cache_max_staleness=" + std::to_string(staleness.count()) + "ms";
  const auto plain = context_storage_factory(server.uri(all));
  const auto near = context_storage_factory(server.uri(told));
  const auto far = context_storage_factory(proxy.uri(told));
  plain->set_item("k", Context(Json("id")));

  Acknowledged acknowledged;
  std::atomic<bool> ends = false;
  std::atomic<std::size_t> loads = 0;
  std::vector<std::thread> threads;
  for (auto* storage : {plain.get(), near.get(), far.get()}) {
    threads.emplace_back([&, storage] { write(*storage, acknowledged, ends); });
  }
  for (auto* storage : {near.get(), far.get(), far.get()}) {
    threads.emplace_back([&, storage] { read(*storage, acknowledged, loads, ends); });
  }
  std::mt19937_64 random(fault_seed());
  for (int i = 0; i < 30; ++i) {
    const auto direction = random() % 2 == 0 ? Direction::to_server : Direction::to_client;
    switch (random() % 4) {
      case 0:
        proxy.cut_all();
        break;
      case 1:
        proxy.cut_after(direction, random() % 3000);
        break;
      case 2:
        server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        break;
      default: {
        // Longer than a load may be behind: both ends believe that they are connected.
        proxy.stall(direction);
        const auto until = Clock::now() + 2 * staleness;
        EXPECT_TRUE(eventually([&] { return Clock::now() >= until; }));
        proxy.heal();
      }
    }
    const auto before = loads.load();
    EXPECT_TRUE(eventually([&] { return loads >= before + 50; }));
  }
  ends = true;
  for (auto& thread : threads) thread.join();
  const auto stored = plain->get_item("k").turn_count();
  EXPECT_TRUE(eventually([&] { return far->get_item("k").turn_count() == stored; }));
}

}  // namespace
}  // namespace dialogstore::test
