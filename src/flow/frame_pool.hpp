// Memory for coroutine frames: blocks of a few sizes, kept by each thread for the next coroutine.
//
// A call is a dozen frames deep and each lives for microseconds. The general allocator gives no
// block of this size without a search once many calls are under way; a list of free ones does.
#pragma once

#include <cstddef>

namespace dialogstore {

/// Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
/// `bytes` as they were asked for. The thread may be another one.
void free_frame(void* frame, std::size_t bytes) noexcept;

}  // namespace dialogstore
