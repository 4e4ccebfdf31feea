// Between UTF-8 text and its spelling as a JSON string.
#include <array>

#include "model/json_chars.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore {
namespace {

using namespace json_chars;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto tail = [code](int shift) {
    return static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xC0U | (code >> 6)), tail(0)};
  } else if (code < 0x10000) {
    out += {static_cast<char>(0xE0U | (code >> 12)), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0U | (code >> 18)), tail(12), tail(6), tail(0)};
  }
}

// Decodes the escape at `at` (a backslash) and returns what is behind it.
const char* append_escape(std::string& out, const char* at, const char* end) {
  switch (at[1]) {
    case 'b':
      out += '\b';
      return at + 2;
    case 'f':
      out += '\f';
      return at + 2;
    case 'n':
      out += '\n';
      return at + 2;
    case 'r':
      out += '\r';
      return at + 2;
    case 't':
      out += '\t';
      return at + 2;
    case 'u':
      break;
    default:
      out += at[1];
      return at + 2;
  }
  const int code = hex4(at + 2, end);
  if (!is_high_surrogate(code)) {
    append_utf8(out, static_cast<std::uint32_t>(code));
    return at + 6;
  }
  const int low = hex4(at + 8, end);
  append_utf8(out, static_cast<std::uint32_t>(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)));
  return at + 12;
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 0xFU];
  }
}

std::string_view between(const char* at, const char* end) noexcept {
  return {at, static_cast<std::size_t>(end - at)};
}

}  // namespace

void append_decoded(std::string& out, std::string_view raw) {
  const char* at = raw.data();
  const char* const end = at + raw.size();
  while (true) {
    const std::size_t run = between(at, end).find('\\');
    if (run == std::string_view::npos) break;
    out.append(at, run);
    at = append_escape(out, at + run, end);
  }
  out.append(at, end);
}

bool append_json_string(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  const char* at = text.data();
  const char* const end = at + text.size();
  out += '"';
  const char* copied = at;
  while (true) {
    at = skip_plain(at, end);
    if (at == end) break;
    if (static_cast<unsigned char>(*at) >= 0x80) {
      const std::size_t length = utf8_length(between(at, end));
      if (length == 0) {
        out.resize(before);
        return false;
      }
      at += length;
      continue;
    }
    out.append(copied, at);
    append_escaped(out, *at);
    copied = ++at;
  }
  out.append(copied, end);
  out += '"';
  return true;
}

bool is_utf8(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (static_cast<unsigned char>(*at) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(between(at, end));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tails = [&](std::size_t length, unsigned low, unsigned high) -> std::size_t {
    if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return 0;
    }
    return length;
  };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a tail byte, or a longer spelling of ASCII
  if (lead < 0xE0) return tails(2, 0x80, 0xBF);
  // The second byte rules out longer spellings, surrogates and codes beyond U+10FFFF.
  if (lead < 0xF0) return tails(3, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
  if (lead < 0xF5) return tails(4, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
  return 0;
}

}  // namespace dialogstore
