// Loaded into a server before its own libraries: gives it a clock of its own. The file named by
// DIALOGSTORE_TEST_CLOCK holds by how many microseconds that clock is ahead, as eight bytes in the
// machine's order; a test changes them while the server runs.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kMicrosInSecond = 1'000'000;

// No allocation and no locks: the allocator asks for the time, too.
const volatile std::int64_t* map_offset() {
  const char* file = std::getenv("DIALOGSTORE_TEST_CLOCK");
  const int fd = file == nullptr ? -1 : ::open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<const volatile std::int64_t*>(mapped);
}

std::int64_t shifted_micros() {
  static const volatile std::int64_t* offset = map_offset();
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  const auto micros = std::int64_t{now.tv_sec} * kMicrosInSecond + now.tv_nsec / 1000;
  return micros + (offset == nullptr ? 0 : *offset);
}

}  // namespace

// NOLINTBEGIN: the names are libc's.
extern "C" {

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const auto micros = shifted_micros();
  time->tv_sec = micros / kMicrosInSecond;
  time->tv_usec = micros % kMicrosInSecond;
  return 0;
}

std::time_t time(std::time_t* out) noexcept {
  const auto seconds = static_cast<std::time_t>(shifted_micros() / kMicrosInSecond);
  if (out != nullptr) *out = seconds;
  return seconds;
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (clock != CLOCK_REALTIME) return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  const auto micros = shifted_micros();
  time->tv_sec = micros / kMicrosInSecond;
  time->tv_nsec = micros % kMicrosInSecond * 1000;
  return 0;
}
}
// NOLINTEND
