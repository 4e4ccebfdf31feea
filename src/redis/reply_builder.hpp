// The parts of a reply, in the order they come, into the tree that a Reply is.
//
// Parts wait in a list until the array they belong to is whole: so what an array announces takes
// nothing before it has come, and its elements can lie in one piece. Texts stay where they came
// until the reply is whole, or the bytes go away; then all of them are copied at once, with what
// is between them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "dialogstore/limits.hpp"
#include "redis/reply.hpp"
#include "redis/reply_arena.hpp"

namespace dialogstore::redis {

/// What holds other parts. The elements of an attribute are no part of the reply.
enum class ReplyList : std::uint8_t { array, push, attribute };

/// Threads: none. Each add…() and open() tells whether the reply is whole with it; then take() is
/// next.
class ReplyBuilder {
 public:
  [[nodiscard]] bool add_nil() { return add({ReplyKind::nil, 0, nullptr}); }
  [[nodiscard]] bool add_integer(std::int64_t value) {
    return add({ReplyKind::integer, static_cast<std::uint64_t>(value), nullptr});
  }
  /// `text` lies in the bytes that will be there until keep() or take(), and behind those before.
  [[nodiscard]] bool add_text(ReplyKind kind, std::string_view text) {
    if (text.empty()) return add({kind, 0, nullptr});
    if (unkept_.empty()) {
      unkept_ = text;
    } else {
      const char* const end = text.data() + text.size();
      unkept_ = {unkept_.data(), static_cast<std::size_t>(end - unkept_.data())};
    }
    return add({kind, text.size(), text.data()});
  }
  /// What `count` elements follow.
  /// @pre depth() < limits::reply_depth
  [[nodiscard]] bool open(ReplyList list, std::size_t count);

  /// Lists that are open.
  [[nodiscard]] std::size_t depth() const noexcept { return depth_; }

  /// The bytes that texts lie in are about to go away.
  void keep();
  /// Room for a text whose bytes come one after another.
  [[nodiscard]] char* reserve(std::size_t bytes);
  /// @pre nothing was added since keep()
  [[nodiscard]] bool add_reserved(ReplyKind kind, std::string_view text);

  Reply take();

 private:
  struct Part {
    ReplyKind kind;
    std::uint64_t number;  ///< of an integer; else how many bytes or elements
    const void* place;
  };
  struct Level {
    ReplyList list = ReplyList::array;
    std::size_t left = 0;   ///< elements to come
    std::size_t first = 0;  ///< of its parts
  };

  bool add(Part part) {
    parts_.push_back(part);
    return depth_ == 0 || (--levels_[depth_ - 1].left == 0 && close());
  }
  bool close();
  void gather(const Level& level);
  ReplyArena& arena(std::size_t bytes);
  [[nodiscard]] std::size_t announced_bytes() const noexcept;
  void write_nodes(std::size_t first, ReplyNode* nodes) const;

  std::vector<Part> parts_;
  std::array<Level, limits::reply_depth> levels_;
  std::size_t depth_ = 0;
  bool is_list_ = false;     ///< the reply that is whole
  std::size_t kept_ = 0;     ///< parts whose texts lie in the arena
  std::string_view unkept_;  ///< from the first text that does not to the end of the last one
  std::shared_ptr<ReplyArena> arena_;
};

}  // namespace dialogstore::redis
