// One reply of the server as a tree of views into an arena that lives as long as the Reply.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace dialogstore::redis {

/// `string` is also RESP3's double, big number and verbatim string, as text; `integer` its boolean;
/// `array` its set and its map, whose pairs lie flat. A `push` answers nothing that was asked, and
/// is never inside another reply.
enum class ReplyKind : std::uint8_t { nil, status, error, integer, string, array, push };

struct ReplyNode {
  ReplyKind kind = ReplyKind::nil;
  std::int64_t integer = 0;
  std::string_view text;                ///< of status, error, string
  std::span<const ReplyNode> elements;  ///< of array, push
};

/// Owns the arena its nodes and texts lie in. Cheap to move.
class Reply {
 public:
  Reply() = default;
  Reply(const ReplyNode* root, std::shared_ptr<const void> arena) noexcept
      : root_(root), arena_(std::move(arena)) {}

  [[nodiscard]] const ReplyNode& root() const noexcept;  ///< a nil node when default-constructed
  [[nodiscard]] const std::shared_ptr<const void>& arena() const noexcept { return arena_; }

 private:
  const ReplyNode* root_ = nullptr;
  std::shared_ptr<const void> arena_;
};

}  // namespace dialogstore::redis
