#include "crypto/aead.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>

#include "dialogstore/error.hpp"

namespace dialogstore {
namespace {

void require(int success) {
  if (success != 1) throw_error(errc::invalid_argument, "", "", "OpenSSL refuses AES-256-GCM");
}

/// Asking for it by name at every use would cost more than encrypting a row.
const EVP_CIPHER* aes_256_gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  require(cipher != nullptr ? 1 : 0);
  return cipher;
}

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Lengths here are those of rows, which limits::row_bytes keeps far below an int's.
int length_of(std::string_view text) noexcept {
  return static_cast<int>(text.size());
}

void add_associated(EVP_CIPHER_CTX* context, std::span<const std::string_view> associated) {
  for (const std::string_view part : associated) {
    int ignored = 0;
    if (part.empty()) continue;
    require(EVP_CipherUpdate(context, nullptr, &ignored, bytes_of(part), length_of(part)));
  }
}

}  // namespace

void derive(const Secret& key, std::string_view info, Secret& out) {
  std::string block(info);
  block.push_back('\x01');
  unsigned int length = 0;
  const auto* made = HMAC(EVP_sha256(), key.bytes.data(), static_cast<int>(key.bytes.size()),
                          bytes_of(block), block.size(), out.bytes.data(), &length);
  require(made != nullptr && length == out.bytes.size() ? 1 : 0);
}

void Aead::FreeContext::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);  // wipes the key
}

Aead::Aead(const Secret& key) : context_(EVP_CIPHER_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  require(EVP_CipherInit_ex2(context_.get(), aes_256_gcm(), key.bytes.data(), nullptr, 1, nullptr));
}

Aead::~Aead() = default;

void Aead::seal(const Nonce& nonce, std::span<const std::string_view> associated,
                std::string_view plain, std::string& out) {
  EVP_CIPHER_CTX* const context = context_.get();
  require(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), 1, nullptr));
  add_associated(context, associated);
  const std::size_t before = out.size();
  out.resize(before + plain.size() + tag_bytes);
  auto* const target = reinterpret_cast<unsigned char*>(out.data()) + before;
  int written = 0;
  if (!plain.empty()) {
    require(EVP_CipherUpdate(context, target, &written, bytes_of(plain), length_of(plain)));
  }
  int ignored = 0;
  require(EVP_CipherFinal_ex(context, target + written, &ignored));
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes),
                              target + plain.size()));
}

bool Aead::open(std::string_view nonce, std::span<const std::string_view> associated,
                std::string_view sealed, std::string& out) {
  if (nonce.size() != nonce_bytes || sealed.size() < tag_bytes) return false;
  EVP_CIPHER_CTX* const context = context_.get();
  require(EVP_CipherInit_ex2(context, nullptr, nullptr, bytes_of(nonce), 0, nullptr));
  add_associated(context, associated);
  const std::string_view text = sealed.substr(0, sealed.size() - tag_bytes);
  std::string tag(sealed.substr(text.size()));
  const std::size_t before = out.size();
  out.resize(before + text.size());
  auto* const target = reinterpret_cast<unsigned char*>(out.data()) + before;
  int written = 0;
  if (!text.empty()) {
    require(EVP_CipherUpdate(context, target, &written, bytes_of(text), length_of(text)));
  }
  require(
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), tag.data()));
  int ignored = 0;
  if (EVP_CipherFinal_ex(context, target + written, &ignored) == 1) return true;
  // What was not proven genuine is not given out.
  OPENSSL_cleanse(target, text.size());
  out.resize(before);
  return false;
}

}  // namespace dialogstore
