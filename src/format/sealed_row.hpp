// Rows whose body is encrypted: docs/format.md "Sealed rows".
//
//   row       = header body                       format "2", kind page, keyframe or delta
//   body of K and D = sealed;   of P = ntokens:2 token:8 … sealed
//   sealed    = idlen:1 id nonce:12 ciphertext tag:16
//   ciphertext = AES-256-GCM of what a readable row has there: JSON; of a page codec:1 payload
//   key       = HKDF-Expand(SHA-256, the key of that id, "dialogstore row" 0 namespace 0 key, 32)
//   associated data = all that lies before the nonce, but for the checksum
//
// What the save script looks at stays readable, and is authenticated. A row put under another
// context's key, or into another namespace, does not open there.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/recent_map.hpp"
#include "crypto/aead.hpp"
#include "crypto/keyring.hpp"
#include "dialogstore/error.hpp"
#include "format/row.hpp"

namespace dialogstore::format {

/// Of a row that is sealed where no keys were given: what to do about it.
std::string sealed_text();

/// The parts of a sealed row's body; the views lie in it.
struct SealedBody {
  std::string_view key_id;
  std::string_view nonce;
  std::string_view ciphertext;  ///< with its tag
};
/// Nothing when it is too short for its own lengths.
[[nodiscard]] std::optional<SealedBody> split_sealed(std::string_view body) noexcept;

/// Rows as they were before they were sealed.
struct OpenedRows {
  std::vector<std::string_view> rows;
  std::shared_ptr<const std::string> bytes;  ///< that some of `rows` lie in, others where they lay
  bool outdated = false;  ///< some were readable, or sealed with another key than the current one
  errc error{};           ///< wrong_key, corrupt; then `row` is at fault and `why` says what to do
  std::size_t row = 0;
  std::string why;
};

/// Seals and opens the rows of one namespace. Not for several threads at a time.
class RowSealer {
 public:
  RowSealer(std::shared_ptr<const Keyring> keys, std::string name_space);

  /// Seals rows that were just written (encode_row, encode_page), each in its place; tombstones say
  /// nothing and stay.
  void seal(std::string_view context_key, std::span<std::string> rows) const;

  /// Opens the rows of a log, oldest first: all, or those from the keyframe on, the others being
  /// given as they are. So are rows that are not sealed, and damaged ones, which replay names.
  [[nodiscard]] OpenedRows open(std::string_view context_key,
                                std::span<const std::string_view> rows, bool everything) const;

 private:
  class Opener;
  /// Valid until the next call.
  [[nodiscard]] Aead& cipher(const NamedKey& key, std::string_view context_key) const;

  static constexpr std::size_t kept_ciphers = 256;

  std::shared_ptr<const Keyring> keys_;
  std::string name_space_;
  /// To derive a context's key and set up AES takes longer than to encrypt a row.
  mutable RecentMap<std::unique_ptr<Aead>> ciphers_{kept_ciphers};
};

}  // namespace dialogstore::format
