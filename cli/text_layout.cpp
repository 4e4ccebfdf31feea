#include "text_layout.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace dialogstore::cli {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// Reads the character at the start of a text that is not empty.
CodePoint decode(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 ? 4U : lead >= 0xE0 ? 3U : 2U;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {};
    value = (value << 6) | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[bytes] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    return {};
  return {value, bytes, true};
}

bool within(char32_t value, char32_t first, char32_t last) noexcept {
  return value >= first && value <= last;
}

bool acts_on_terminal(char32_t value) noexcept {
  return value < 0x20 || within(value, 0x7F, 0x9F) || within(value, 0x202A, 0x202E) ||
         within(value, 0x2066, 0x2069);
}

// Good enough for laying out columns; the terminal's own table decides in the end.
std::size_t columns_of(char32_t value) noexcept {
  if (within(value, 0x300, 0x36F) || within(value, 0x200B, 0x200F) || within(value, 0xFE00, 0xFE0F))
    return 0;
  const bool wide = within(value, 0x1100, 0x115F) || within(value, 0x2E80, 0xA4CF) ||
                    within(value, 0xAC00, 0xD7A3) || within(value, 0xF900, 0xFAFF) ||
                    within(value, 0xFE30, 0xFE6F) || within(value, 0xFF00, 0xFF60) ||
                    within(value, 0xFFE0, 0xFFE6) || within(value, 0x1F300, 0x1F64F) ||
                    within(value, 0x1F900, 0x1F9FF) || within(value, 0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out.append("\\x").append(1, digits[value >> 4]).append(1, digits[value & 15U]);
  }
}

// Cuts a printable word that is wider than a line into pieces.
void append_pieces(std::vector<std::string>& lines, std::string_view word, std::size_t width) {
  std::size_t used = display_width(lines.back());
  while (!word.empty()) {
    const CodePoint next = decode(word);
    const std::size_t columns = columns_of(next.value);
    if (used + columns > width && used > 0) {
      lines.emplace_back();
      used = 0;
    }
    lines.back().append(word.substr(0, next.bytes));
    used += columns;
    word.remove_prefix(next.bytes);
  }
}

void append_paragraph(std::vector<std::string>& lines, std::string_view text, std::size_t width) {
  lines.emplace_back();
  bool first = true;
  while (true) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t used = display_width(lines.back());
    if (!first && used + 1 + display_width(word) <= width) {
      lines.back().append(1, ' ').append(word);
    } else {
      if (!first) lines.emplace_back();
      append_pieces(lines, word, width);
    }
    first = false;
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string printable(std::string_view text, bool escape_backslash) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode(text);
    const std::string_view bytes = text.substr(0, next.bytes);
    if (!next.valid || acts_on_terminal(next.value)) {
      append_escaped(out, bytes);
    } else {
      if (escape_backslash && next.value == U'\\') out += '\\';
      out.append(bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const CodePoint next = decode(text);
    if (!next.valid) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint next = decode(text);
    width += columns_of(next.value);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 8);
  std::vector<std::string> lines;
  while (true) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string paragraph(text.substr(0, end));
    std::replace(paragraph.begin(), paragraph.end(), '\t', ' ');
    append_paragraph(lines, printable(paragraph), width);
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string shorten(std::string_view text, std::size_t width) {
  std::string out = printable(text);
  if (display_width(out) <= width) return out;
  std::size_t used = 1;
  std::size_t end = 0;
  while (end < out.size()) {
    const CodePoint next = decode(std::string_view(out).substr(end));
    used += columns_of(next.value);
    if (used > width) break;
    end += next.bytes;
  }
  return out.substr(0, end) + "…";
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ' ');
  return digits;
}

}  // namespace dialogstore::cli
