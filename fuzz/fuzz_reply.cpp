// Any bytes, in any pieces: no crash, no unbounded memory, and the pieces make no difference.
// The first byte of the input says how long the pieces are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "redis/reply_reader.hpp"

namespace {

using dialogstore::redis::Reply;
using dialogstore::redis::ReplyKind;
using dialogstore::redis::ReplyNode;
using dialogstore::redis::ReplyReader;

constexpr std::size_t max_reply_bytes = 1U << 16;

// Touches every byte of the tree, so that a sanitizer sees a dangling one.
void append(const ReplyNode& node, std::string& out) {
  out += static_cast<char>('0' + static_cast<int>(node.kind));
  out += std::to_string(node.integer);
  out += node.text;
  for (const ReplyNode& element : node.elements) {
    append(element, out);
  }
}

std::string read(std::string_view bytes, std::size_t piece) {
  ReplyReader reader(max_reply_bytes);
  std::vector<Reply> replies;
  bool is_sound = true;
  while (is_sound && !bytes.empty()) {
    // A copy, so that a sanitizer sees who looks at it later.
    const std::string fed(bytes.substr(0, piece));
    is_sound = reader.feed(fed, replies);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  std::string out;
  for (const Reply& reply : replies) {
    append(reply.root(), out);
    out += ';';
  }
  // How early a fault is noticed depends on the pieces; whole replies before it do not.
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t piece = 1U + data[0];
  if (read(bytes, piece) != read(bytes, bytes.size() + 1)) {
    std::abort();
  }
  return 0;
}
