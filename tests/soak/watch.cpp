#include "watch.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace dialogstore::soak {
namespace {

constexpr std::chrono::seconds interval{1};
constexpr double mega = 1 << 20;

double seconds_of(SteadyClock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  if (!(file >> all >> resident)) throw std::runtime_error("/proc/self/statm cannot be read");
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Watch::Watch(const Callers& callers, WatchOptions options)
    : callers_(callers), options_(options), is_terminal_(::isatty(STDOUT_FILENO) == 1) {
  thread_ = std::thread([this] { run(); });
}

Watch::~Watch() {
  stop();
}

void Watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

double Watch::part() const {
  return seconds_of(SteadyClock::now() - begun_) / seconds_of(options_.length);
}

void Watch::note_servers(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  servers_.add(part(), bytes);
}

MemoryTrend Watch::client() const {
  const std::lock_guard lock(mutex_);
  return client_;
}

MemoryTrend Watch::servers() const {
  const std::lock_guard lock(mutex_);
  return servers_;
}

void Watch::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, interval, [this] { return is_stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void Watch::look() {
  const auto oldest = callers_.oldest_call();
  if (oldest > options_.stuck) {
    say("FAILED: a call has been under way for " + std::to_string(seconds_of(oldest)) + " s");
    std::_Exit(EXIT_FAILURE);
  }
  const auto resident = resident_bytes();
  {
    const std::lock_guard lock(mutex_);
    client_.add(part(), resident);
  }
  if (is_terminal_) show();
}

void Watch::show() const {
  const auto counts = callers_.counts();
  const std::lock_guard lock(mutex_);
  std::printf(
      "\r\x1b[K%5.0f s of %lld   %llu turns   %llu contexts deleted   client %.1f MB   servers "
      "%.1f MB",
      seconds_of(SteadyClock::now() - begun_), static_cast<long long>(options_.length.count()),
      static_cast<unsigned long long>(counts.acknowledged),
      static_cast<unsigned long long>(counts.deleted), static_cast<double>(client_.last()) / mega,
      static_cast<double>(servers_.last()) / mega);
  std::fflush(stdout);
}

void Watch::say(const std::string& line) {
  const std::lock_guard lock(mutex_);
  std::printf("%s%6.1f s  %s\n", is_terminal_ ? "\r\x1b[K" : "",
              seconds_of(SteadyClock::now() - begun_), line.c_str());
  std::fflush(stdout);
}

}  // namespace dialogstore::soak
