// Memory for coroutine frames: blocks of a few sizes, kept by each thread for the next coroutine.
//
// A call is a dozen frames deep and each lives for microseconds. The general allocator gives no
// block of this size without a search once many calls are under way; a list of free ones does.
// The same holds for what else a call needs from its beginning to its end.
#pragma once

#include <cstddef>

namespace dialogstore {

/// Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
/// `bytes` as they were asked for. The thread may be another one.
void free_frame(void* frame, std::size_t bytes) noexcept;

/// For what lives as long as a call, and for Asio's handlers, which it would have by
/// `aligned_alloc` else, past the caches of glibc. What is made on one thread and destroyed on
/// another, as at the beginning of a call from a thread of the caller's, finds no memory kept.
template <class Value>
class FrameAllocator {
 public:
  using value_type = Value;

  FrameAllocator() = default;
  template <class Other>
  FrameAllocator(const FrameAllocator<Other>&) noexcept {}

  [[nodiscard]] Value* allocate(std::size_t count) {
    static_assert(alignof(Value) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<Value*>(allocate_frame(count * sizeof(Value)));
  }
  void deallocate(Value* values, std::size_t count) noexcept {
    free_frame(values, count * sizeof(Value));
  }
  template <class Other>
  friend bool operator==(const FrameAllocator&, const FrameAllocator<Other>&) noexcept {
    return true;
  }
};

}  // namespace dialogstore
