// The names of Redis keys. Frozen: other languages compute the same.
//
//   <namespace>:{<escaped key>}   a context; the braces are the cluster's hash tag, so that
//   contexts
//                                 spread over all slots
//   <namespace>:meta              hash: format, index_shards
//   <namespace>:index:<n>         sorted set: key as it is -> server time of last use, microseconds
//
// Escaped: `%`, `{` and `}` as %25, %7B and %7D; every other byte as it is. A namespace has neither
// brace, so that the tag is always the whole escaped key, and no two namespaces share a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dialogstore/key.hpp"

namespace dialogstore::redis {

inline constexpr std::uint16_t slot_count = 16384;

/// CRC-16/XMODEM, with which Redis Cluster spreads keys.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes) noexcept;
/// The slot of a Redis key: of its first `{…}` if that is not empty, else of the whole.
[[nodiscard]] std::uint16_t key_slot(std::string_view name) noexcept;

/// A Redis key and the slot that says which server has it.
struct KeyName {
  std::string text;
  std::uint16_t slot = 0;
};

class KeyNames {
 public:
  explicit KeyNames(std::string name_space) : name_space_(std::move(name_space)) {}

  [[nodiscard]] KeyName context(std::string_view key) const;
  /// Its slot alone.
  [[nodiscard]] std::uint16_t slot_of(std::string_view key) const;
  [[nodiscard]] KeyName meta() const;
  [[nodiscard]] KeyName index(unsigned shard) const;
  /// A name of ours under which nothing is ever stored, since no key is empty.
  [[nodiscard]] KeyName nothing() const;
  /// Another one, in the slot of a context's name.
  [[nodiscard]] static KeyName nothing_beside(const KeyName& context);

  /// Which index of `shards` lists the key.
  [[nodiscard]] static unsigned shard_of(std::string_view key, unsigned shards) noexcept;
  /// The glob pattern of all names that context() gives.
  [[nodiscard]] std::string context_pattern() const;
  /// The key whose context() is exactly `name`; nothing for every other name.
  [[nodiscard]] std::optional<std::string> key_of(std::string_view name) const;

  [[nodiscard]] const std::string& name_space() const noexcept { return name_space_; }

 private:
  std::string name_space_;
};

}  // namespace dialogstore::redis
