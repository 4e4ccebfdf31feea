#include "play.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>

#include "figures.hpp"
#include "run_on.hpp"

namespace dialogstore::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t prepared_at_once = 32;

// What the coroutines of a phase share; all of them run on one thread.
struct Phase {
  Contender& contender;
  std::uint32_t pool;
  std::uint32_t first;  ///< number of a dialog's first turn here
  std::uint32_t each;
  Clock::time_point end;
  Meter* meter = nullptr;
  std::uint32_t next_dialog = 0;

  [[nodiscard]] bool is_over() const { return next_dialog >= pool || Clock::now() >= end; }
};

Task<void> play_dialogs(Phase& phase) {
  while (!phase.is_over()) {
    const auto dialog = phase.next_dialog++;
    for (std::uint32_t i = 0; i < phase.each && Clock::now() < phase.end; ++i) {
      const auto start = Clock::now();
      co_await phase.contender.turn(dialog, phase.first + i);
      if (phase.meter != nullptr) phase.meter->add_latency(Clock::now() - start);
    }
  }
}

Task<void> prepare_dialogs(Contender& contender, std::uint32_t& next, const Work& work) {
  while (next < work.pool) {
    co_await contender.prepare(next++, work.prepared_turns());
  }
}

// Starts `count` of them on the contender's thread and waits for all.
void run_at_once(Contender& contender, std::uint32_t count,
                 const std::function<Task<void>()>& start) {
  std::vector<std::future<void>> ends;
  for (std::uint32_t i = 0; i < count; ++i) ends.push_back(run_on(contender.executor(), start()));
  // All of them, before an exception leaves and takes away what they share.
  for (auto& end : ends) end.wait();
  for (auto& end : ends) end.get();
}

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Work Work::from(const Arguments& arguments) {
  Work work;
  work.at_once = arguments.number("dialogs", work.at_once);
  work.stored = arguments.number("stored", work.stored);
  work.pool = std::max(arguments.number("pool", work.pool), work.at_once);
  work.each = arguments.number("each", work.each);
  work.seconds = arguments.seconds("seconds", work.seconds);
  work.warm_seconds = arguments.seconds("warm-seconds", work.warm_seconds);
  return work;
}

void prepare(Contender& contender, const Work& work) {
  std::uint32_t next = 0;
  run_at_once(contender, prepared_at_once, [&] { return prepare_dialogs(contender, next, work); });
}

std::string play(Contender& contender, const Work& work, const std::string& store) {
  Meter meter(store);
  const auto run = [&](Phase phase) {
    run_at_once(contender, work.at_once, [&] { return play_dialogs(phase); });
  };
  if (work.stored > 0) {
    run({contender, work.pool, work.prepared_turns(), 1, after(work.warm_seconds)});
  }
  meter.start();
  run({contender, work.pool, work.stored, work.each, after(work.seconds), &meter});
  meter.stop();
  return meter.json();
}

}  // namespace dialogstore::bench
