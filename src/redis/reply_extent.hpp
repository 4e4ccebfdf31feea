// How far a reply reaches in the bytes that have come, without reading it: where it ends and how
// much memory it takes. Only for arrays of strings and numbers: the answers to loads and saves.
#pragma once

#include <charconv>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace dialogstore::redis {

/// Elements of an array that are strings or numbers and have come whole. What a count or a length
/// announces beyond the bytes that are there counts for nothing.
struct Extent {
  std::size_t elements = 0;
  std::size_t text_bytes = 0;
  std::size_t bytes = 0;  ///< that they take in the reply
};

/// The first `count` elements at the most; `bytes` follow the array's own line.
inline Extent measure(std::string_view bytes, std::size_t count) noexcept {
  Extent extent;
  for (; extent.elements < count; ++extent.elements) {
    const std::string_view unread = bytes.substr(extent.bytes);
    if (unread.starts_with(':')) {
      constexpr std::size_t longest = 24;  // of a number's line, with its end
      const std::size_t end = unread.substr(0, longest).find("\r\n");
      if (end == std::string_view::npos) break;
      extent.bytes += end + 2;
      continue;
    }
    if (!unread.starts_with('$')) break;
    std::size_t length = 0;
    const auto [end, error] =
        std::from_chars(unread.data() + 1, unread.data() + unread.size(), length);
    // The length's line and what ends the string.
    const std::size_t around = static_cast<std::size_t>(end - unread.data()) + 4;
    if (error != std::errc{} || around > unread.size() || length > unread.size() - around) break;
    extent.text_bytes += length;
    extent.bytes += around + length;
  }
  return extent;
}

/// Bytes of the array of strings and numbers that `bytes` begin with; 0 when they begin with
/// anything else, or when it is not whole.
inline std::size_t whole_array(std::string_view bytes) noexcept {
  if (!bytes.starts_with('*')) return 0;
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(bytes.data() + 1, bytes.data() + bytes.size(), count);
  const std::size_t line = static_cast<std::size_t>(end - bytes.data()) + 2;
  if (error != std::errc{} || line > bytes.size()) return 0;
  const Extent extent = measure(bytes.substr(line), count);
  return extent.elements == count ? line + extent.bytes : 0;
}

}  // namespace dialogstore::redis
