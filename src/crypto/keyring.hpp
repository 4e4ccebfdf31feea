// Keys by their names. They are read once and never copied; their memory is wiped.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace dialogstore {

inline constexpr std::size_t secret_bytes = 32;
inline constexpr std::size_t key_id_bytes = 32;  ///< longest name of a key

/// 32 bytes that are wiped when they go.
class Secret {
 public:
  Secret() = default;
  ~Secret();
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::array<std::uint8_t, secret_bytes> bytes{};
};

/// Wipes what a string holds, the bytes of its whole capacity.
void wipe(std::string& text) noexcept;

struct NamedKey {
  std::string id;
  Secret secret;
};

class Keyring {
 public:
  /// Lines as include/dialogstore/encryption.hpp has them. `source` is for messages. Throws
  /// StorageError (invalid_argument) that names the line, never what stands in it but the id.
  static std::shared_ptr<const Keyring> parse(std::string_view lines, const std::string& source);

  /// The first one: what is written is encrypted with it.
  [[nodiscard]] const NamedKey& current() const noexcept { return keys_.front(); }
  /// Null when there is none of that name.
  [[nodiscard]] const NamedKey* find(std::string_view id) const noexcept;
  /// The names, with commas between them.
  [[nodiscard]] std::string names() const;
  /// `file:PATH`, `env:NAME` or `text`.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

 private:
  std::deque<NamedKey> keys_;  // a vector would move them about
  std::string source_;
};

}  // namespace dialogstore
