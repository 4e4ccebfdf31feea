#include "flow/frame_pool.hpp"

#include <array>
#include <new>

namespace dialogstore {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t largest = 2048;
constexpr std::size_t sizes = largest / step;
// Of each size: as many as a busy thread has calls under way. 4 MiB at the very most.
constexpr std::size_t most_kept = 128;

// A sanitizer sees the use of a frame that is gone only when its memory goes back.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps_frames = false;
#else
constexpr bool keeps_frames = true;
#endif

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first = nullptr;
  std::size_t count = 0;
};

class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  void* take(std::size_t place) noexcept {
    FreeList& list = lists_[place];
    if (list.first == nullptr) return nullptr;
    FreeFrame* const frame = list.first;
    list.first = frame->next;
    --list.count;
    return frame;
  }
  bool keep(void* frame, std::size_t place) noexcept {
    FreeList& list = lists_[place];
    if (list.count == most_kept) return false;
    list.first = new (frame) FreeFrame{list.first};
    ++list.count;
    return true;
  }

 private:
  std::array<FreeList, sizes> lists_{};
};

// Trivial, so that frames that outlive the pool of their thread can still ask.
thread_local bool is_pool_gone = false;

Pool::~Pool() {
  is_pool_gone = true;
  for (FreeList& list : lists_) {
    while (list.first != nullptr) {
      FreeFrame* const frame = list.first;
      list.first = frame->next;
      ::operator delete(frame);
    }
  }
}

Pool& pool() {
  thread_local Pool of_this_thread;
  return of_this_thread;
}

constexpr std::size_t place_of(std::size_t bytes) noexcept {
  return (bytes - 1) / step;
}

bool is_pooled(std::size_t bytes) noexcept {
  return keeps_frames && bytes <= largest && !is_pool_gone;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  if (!is_pooled(bytes)) return ::operator new(bytes);
  const auto place = place_of(bytes);
  if (void* const frame = pool().take(place)) return frame;
  return ::operator new((place + 1) * step);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  if (is_pooled(bytes) && pool().keep(frame, place_of(bytes))) return;
  ::operator delete(frame);
}

}  // namespace dialogstore
