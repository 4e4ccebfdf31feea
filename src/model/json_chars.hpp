// Classes of bytes inside JSON texts, for the scanner and the string functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace dialogstore::json_chars {

inline bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
inline bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Eight bytes at a time: the high bit of every byte that ends a run of plain characters. Only the
// lowest mark is exact, because borrows run upwards; it is the only one used.
inline std::uint64_t special_bytes(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  const std::uint64_t quote = word ^ (ones * '"');
  const std::uint64_t backslash = word ^ (ones * '\\');
  const std::uint64_t below = (word - ones * 0x20) & ~word;
  return (word | below | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & highs;
}

inline bool is_plain(char c) noexcept {
  return c != '"' && c != '\\' && static_cast<unsigned char>(c) - 0x20U < 0x60U;
}

#if defined(__SSE2__)
// Sixteen bytes at a time: a bit for every byte that is not plain. Compared as signed numbers, what
// is not ASCII is below the control bytes too.
inline int special_bytes_of_16(const char* at) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i below = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), below));
}
#endif

// The first byte that is a quote, a backslash, a control byte or not ASCII.
inline const char* skip_plain(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  while (end - at >= 16) {
    const int marks = special_bytes_of_16(at);
    if (marks != 0) return at + std::countr_zero(static_cast<unsigned>(marks));
    at += 16;
  }
#endif
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t marks = special_bytes(word);
      if (marks != 0) return at + std::countr_zero(marks) / 8;
      at += 8;
    }
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

inline int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits of a \u escape; -1 when they are not four hexadecimal digits.
inline int hex4(const char* at, const char* end) noexcept {
  if (end - at < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(at[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

inline bool is_high_surrogate(int code) noexcept {
  return code >= 0xD800 && code < 0xDC00;
}
inline bool is_low_surrogate(int code) noexcept {
  return code >= 0xDC00 && code < 0xE000;
}

// Bytes of the UTF-8 character at `at` (RFC 3629); 0 when there is none. `at` is not `end`.
inline std::size_t utf8_length(const char* at, const char* end) noexcept {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto tail = [byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto left = static_cast<std::size_t>(end - at);
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a tail byte, or a longer spelling of ASCII
  if (lead < 0xE0) return left >= 2 && tail(1) ? 2 : 0;
  // The second byte rules out longer spellings, surrogates and codes beyond U+10FFFF.
  if (lead < 0xF0) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    const bool longer = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return longer || surrogate ? 0 : 3;
  }
  if (lead > 0xF4 || left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
  const bool longer = lead == 0xF0 && byte(1) < 0x90;
  const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
  return longer || beyond ? 0 : 4;
}

}  // namespace dialogstore::json_chars
