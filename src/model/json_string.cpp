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
      const std::size_t length = json_chars::utf8_length(at, end);
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
    const std::size_t length = json_chars::utf8_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::size_t utf8_length(std::string_view text) noexcept {
  return text.empty() ? 0 : json_chars::utf8_length(text.data(), text.data() + text.size());
}

}  // namespace dialogstore
