// AES-256-GCM and the derivation of keys, as OpenSSL has them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/keyring.hpp"

struct evp_cipher_ctx_st;

namespace dialogstore {

inline constexpr std::size_t nonce_bytes = 12;
inline constexpr std::size_t tag_bytes = 16;
using Nonce = std::array<std::uint8_t, nonce_bytes>;

/// HKDF-Expand (RFC 5869) with SHA-256, 32 bytes: a key for one use of a key.
void derive(const Secret& key, std::string_view info, Secret& out);

/// AES-256-GCM under one key. Not for several threads at a time.
class Aead {
 public:
  explicit Aead(const Secret& key);
  ~Aead();
  Aead(Aead&&) noexcept = default;
  Aead& operator=(Aead&&) noexcept = default;

  /// Appends ciphertext and tag. A nonce must never be used twice under one key.
  void seal(const Nonce& nonce, std::span<const std::string_view> associated,
            std::string_view plain, std::string& out);
  /// Appends the text that was sealed, `sealed` being ciphertext and tag. False, and nothing is
  /// appended, when key, nonce, associated data or a byte of `sealed` are not what they were.
  [[nodiscard]] bool open(std::string_view nonce, std::span<const std::string_view> associated,
                          std::string_view sealed, std::string& out);

 private:
  struct FreeContext {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_cipher_ctx_st, FreeContext> context_;
};

}  // namespace dialogstore
