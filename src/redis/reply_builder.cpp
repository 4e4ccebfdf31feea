#include "redis/reply_builder.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace dialogstore::redis {
namespace {

// The first block of a reply that has not come whole.
constexpr std::size_t least_room = 256;
constexpr std::size_t largest_room = 64U << 10;
// What one unusually large reply may leave behind.
constexpr std::size_t kept_parts = 4096;

}  // namespace

bool ReplyBuilder::open(ReplyList list, std::size_t count) {
  if (count == 0) {
    if (list == ReplyList::attribute) return false;
    return add({list == ReplyList::push ? ReplyKind::push : ReplyKind::array, 0, nullptr});
  }
  levels_[depth_++] = {list, count, parts_.size()};
  return false;
}

// The innermost list is whole, and perhaps those around it. The outermost is left to take().
bool ReplyBuilder::close() {
  while (true) {
    const Level& level = levels_[--depth_];
    if (level.list == ReplyList::attribute) {
      parts_.resize(level.first);
      kept_ = std::min(kept_, level.first);
      return false;
    }
    if (depth_ == 0) {
      is_list_ = true;
      return true;
    }
    gather(level);
    if (--levels_[depth_ - 1].left != 0) return false;
  }
}

void ReplyBuilder::gather(const Level& level) {
  const std::size_t count = parts_.size() - level.first;
  ReplyArena& room = arena(announced_bytes());
  auto* nodes =
      static_cast<ReplyNode*>(room.allocate(count * sizeof(ReplyNode), alignof(ReplyNode)));
  keep();
  write_nodes(level.first, nodes);
  parts_.resize(level.first);
  parts_.push_back({ReplyKind::array, count, nodes});
  kept_ = parts_.size();
}

// What the nodes will take, of what came and of what was announced.
std::size_t ReplyBuilder::announced_bytes() const noexcept {
  std::size_t nodes = 1 + parts_.size();
  for (std::size_t i = 0; i < depth_; ++i) nodes += levels_[i].left;
  return std::min(nodes * sizeof(ReplyNode) + least_room, largest_room);
}

// Made when first needed, with room for `bytes` and the texts that are not kept.
ReplyArena& ReplyBuilder::arena(std::size_t bytes) {
  if (!arena_) arena_ = ReplyArena::make(bytes + unkept_.size());
  return *arena_;
}

void ReplyBuilder::keep() {
  if (unkept_.empty()) {
    kept_ = parts_.size();
    return;
  }
  ReplyArena& room = arena(announced_bytes());
  auto* copy = static_cast<char*>(room.allocate(unkept_.size(), 1));
  std::memcpy(copy, unkept_.data(), unkept_.size());
  for (; kept_ < parts_.size(); ++kept_) {
    Part& part = parts_[kept_];
    if (part.place != nullptr) {
      part.place = copy + (static_cast<const char*>(part.place) - unkept_.data());
    }
  }
  unkept_ = {};
}

char* ReplyBuilder::reserve(std::size_t bytes) {
  ReplyArena& room = arena((bytes <= largest_room ? bytes : 0) + announced_bytes());
  return static_cast<char*>(room.allocate(bytes, 1));
}

bool ReplyBuilder::add_reserved(ReplyKind kind, std::string_view text) {
  const bool is_whole = add({kind, text.size(), text.empty() ? nullptr : text.data()});
  kept_ = parts_.size();
  return is_whole;
}

Reply ReplyBuilder::take() {
  const std::size_t count = parts_.size() + (is_list_ ? 1 : 0);
  ReplyArena& room = arena(count * sizeof(ReplyNode));
  auto* nodes =
      static_cast<ReplyNode*>(room.allocate(count * sizeof(ReplyNode), alignof(ReplyNode)));
  keep();
  write_nodes(0, is_list_ ? nodes + 1 : nodes);
  if (is_list_) {
    ReplyNode* const root = ::new (nodes) ReplyNode{};
    root->kind = levels_[0].list == ReplyList::push ? ReplyKind::push : ReplyKind::array;
    root->elements = {nodes + 1, parts_.size()};
  }
  if (parts_.capacity() > kept_parts) {
    parts_ = {};
  } else {
    parts_.clear();
  }
  kept_ = 0;
  is_list_ = false;
  return {nodes, std::move(arena_)};
}

void ReplyBuilder::write_nodes(std::size_t first, ReplyNode* nodes) const {
  for (std::size_t i = first; i < parts_.size(); ++i, ++nodes) {
    const Part& part = parts_[i];
    ReplyNode* const node = ::new (nodes) ReplyNode{};
    node->kind = part.kind;
    if (part.kind == ReplyKind::integer) {
      node->integer = static_cast<std::int64_t>(part.number);
    } else if (part.kind == ReplyKind::array || part.kind == ReplyKind::push) {
      node->elements = {static_cast<const ReplyNode*>(part.place), part.number};
    } else {
      node->text = {static_cast<const char*>(part.place), part.number};
    }
  }
}

}  // namespace dialogstore::redis
