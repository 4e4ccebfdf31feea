#include "base/random.hpp"

#include <pthread.h>
#include <unistd.h>  // getentropy (BSD, glibc)

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "dialogstore/error.hpp"

#if __has_include(<sys/random.h>)
#include <sys/random.h>  // getentropy (macOS)
#endif

namespace dialogstore {
namespace {

constexpr std::size_t pool_bytes = 256;  // the most that one getentropy call gives

std::atomic<std::uint64_t> fork_generation{0};

// A child inherits its parent's pool and would hand out the same bytes: two saves with one token
// are taken for one save. So every pool remembers the process generation it was filled in.
const bool fork_watched = [] {
  return pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1); }) == 0;
}();

struct Pool {
  std::array<std::uint8_t, pool_bytes> bytes{};
  std::size_t left = 0;
  std::uint64_t generation = 0;
};

void read_system(std::span<std::uint8_t> out) {
  if (::getentropy(out.data(), out.size()) != 0) {
    throw_error(errc::io_error, "", "", "the system's random generator gives no bytes");
  }
}

}  // namespace

void fill_random(std::span<std::uint8_t> out) {
  thread_local Pool pool;
  const std::uint64_t generation = fork_generation.load(std::memory_order_relaxed);
  if (pool.generation != generation || !fork_watched) {
    pool.left = 0;
    pool.generation = generation;
  }
  while (!out.empty()) {
    if (pool.left == 0) {
      read_system(pool.bytes);
      pool.left = pool_bytes;
    }
    const std::size_t count = std::min(out.size(), pool.left);
    const auto source = std::span(pool.bytes).subspan(pool_bytes - pool.left, count);
    std::copy(source.begin(), source.end(), out.begin());
    std::fill(source.begin(), source.end(), std::uint8_t{0});  // nothing is given out twice
    pool.left -= count;
    out = out.subspan(count);
  }
}

}  // namespace dialogstore
