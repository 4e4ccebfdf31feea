// What a reply lies in: memory that is only added to, and goes all at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace dialogstore::redis {

/// Its first block follows the object itself and has room for all of nearly every reply: one
/// allocation.
class ReplyArena {
 public:
  /// `room` bytes in the first block.
  static std::shared_ptr<ReplyArena> make(std::size_t room) {
    return std::allocate_shared<ReplyArena>(RoomBehind<ReplyArena>(room), room);
  }

  explicit ReplyArena(std::size_t room) noexcept : free_(this + 1), left_(room) {}
  ReplyArena(const ReplyArena&) = delete;
  ReplyArena& operator=(const ReplyArena&) = delete;
  ~ReplyArena() {
    while (blocks_ != nullptr) ::operator delete(std::exchange(blocks_, blocks_->before));
  }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    void* place = std::align(alignment, bytes, free_, left_);
    if (place == nullptr) place = add_block(bytes);
    free_ = static_cast<std::byte*>(place) + bytes;
    left_ -= bytes;
    return place;
  }

 private:
  struct alignas(std::max_align_t) Block {
    Block* before;
  };

  // Each twice as large as the last, so that they are few; what is large has one of its own size.
  void* add_block(std::size_t bytes) {
    constexpr std::size_t largest = 64U << 10;
    const std::size_t room = std::max(bytes, next_room_);
    next_room_ = std::min(2 * next_room_, largest);
    blocks_ = ::new (::operator new(sizeof(Block) + room)) Block{blocks_};
    left_ = room;
    return blocks_ + 1;
  }

  // Allocates what shared_ptr asks for, and `room` bytes behind it.
  template <class Value>
  struct RoomBehind {
    using value_type = Value;

    explicit RoomBehind(std::size_t bytes) noexcept : room(bytes) {}
    template <class Other>
    RoomBehind(const RoomBehind<Other>& other) noexcept : room(other.room) {}

    Value* allocate(std::size_t count) {
      return static_cast<Value*>(::operator new(count * sizeof(Value) + room));
    }
    void deallocate(Value* values, std::size_t /*count*/) noexcept { ::operator delete(values); }
    template <class Other>
    friend bool operator==(const RoomBehind& a, const RoomBehind<Other>& b) noexcept {
      return a.room == b.room;
    }

    std::size_t room;
  };

  void* free_;
  std::size_t left_;
  Block* blocks_ = nullptr;
  std::size_t next_room_ = 1024;
};

}  // namespace dialogstore::redis
