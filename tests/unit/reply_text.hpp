// Replies as text, so that whole trees compare easily.
#pragma once

#include <string>
#include <vector>

#include "redis/reply.hpp"

namespace dialogstore::redis {

/// [1 "a" nil +OK -ERR]; a push is >[1].
inline std::string print(const ReplyNode& node) {
  switch (node.kind) {
    case ReplyKind::nil:
      return "nil";
    case ReplyKind::status:
      return "+" + std::string(node.text);
    case ReplyKind::error:
      return "-" + std::string(node.text);
    case ReplyKind::integer:
      return std::to_string(node.integer);
    case ReplyKind::string:
      return "\"" + std::string(node.text) + "\"";
    case ReplyKind::array:
    case ReplyKind::push:
      break;
  }
  std::string text = node.kind == ReplyKind::push ? ">[" : "[";
  const std::size_t start = text.size();
  for (const ReplyNode& element : node.elements) {
    text += (text.size() > start ? " " : "") + print(element);
  }
  return text + "]";
}

inline std::string print(const std::vector<Reply>& replies) {
  std::string text;
  for (const Reply& reply : replies) {
    text += print(reply.root()) + ";";
  }
  return text;
}

}  // namespace dialogstore::redis
