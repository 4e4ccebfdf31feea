// Big-endian numbers in byte strings. Nothing here throws on bad input or reads past the end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dialogstore {

/// Reads from the front. What does not fit gives zero (or nothing) and `ok()` is false from then
/// on, so a caller may read several fields and ask once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
  std::uint16_t u16() noexcept { return number<std::uint16_t>(); }
  std::uint32_t u32() noexcept { return number<std::uint32_t>(); }

  std::string_view bytes(std::size_t count) noexcept {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  template <std::unsigned_integral Number>
  Number number() noexcept {
    std::uint32_t value = 0;
    for (const char byte : bytes(sizeof(Number))) {
      value = (value << 8U) | static_cast<std::uint8_t>(byte);
    }
    return static_cast<Number>(value);
  }

  std::string_view rest_;
  bool ok_ = true;
};

/// Appends to a string.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) noexcept : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void bytes(std::string_view value) { out_.append(value); }

 private:
  template <std::unsigned_integral Number>
  void number(Number value) {
    char text[sizeof(Number)];
    for (std::size_t i = sizeof(Number); i > 0; --i) {
      text[i - 1] = static_cast<char>(value & 0xFFU);
      value = static_cast<Number>(value >> 8U);
    }
    out_.append(text, sizeof(Number));
  }

  std::string& out_;
};

}  // namespace dialogstore
