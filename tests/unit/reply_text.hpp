// Replies as text, so that whole trees compare easily.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "redis/reply_reader.hpp"

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

inline std::vector<Reply> read_all(std::string_view bytes) {
  ReplyReader reader;
  std::vector<Reply> replies;
  EXPECT_TRUE(reader.feed(bytes, replies)) << reader.detail();
  return replies;
}

inline std::string print_all(std::string_view bytes) {
  return print(read_all(bytes));
}

}  // namespace dialogstore::redis
