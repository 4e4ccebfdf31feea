#include "dialogstore/key.hpp"

#include "base/random.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore {
namespace {

constexpr std::size_t printable_characters = 64;
constexpr std::string_view hex = "0123456789abcdef";

// Also the controls U+0080…U+009F: a terminal obeys them as it does the others.
bool is_control(std::string_view character) noexcept {
  const auto byte = [character](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  return character.size() == 2 && byte(0) == 0xC2 && byte(1) < 0xA0;
}

void append_hex(std::string& out, char c) {
  out += hex[static_cast<unsigned char>(c) >> 4];
  out += hex[static_cast<unsigned char>(c) & 0xFU];
}

}  // namespace

Uuid Uuid::random() {
  Uuid uuid;
  fill_random(uuid.bytes);
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0FU) | 0x40U);  // version 4
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3FU) | 0x80U);  // RFC 4122
  return uuid;
}

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    append_hex(text, static_cast<char>(bytes[i]));
  }
  return text;
}

void ContextKey::check() const {
  if (text_.empty()) throw_error(errc::invalid_key, "", "", "the key is empty");
  if (text_.size() > limits::key_bytes) {
    throw_error(errc::invalid_key, "", printable(),
                "the key has " + std::to_string(text_.size()) + " bytes; at most " +
                    std::to_string(limits::key_bytes) + " are allowed");
  }
}

std::string ContextKey::printable() const {
  std::string out;
  std::string_view rest = text_;
  for (std::size_t count = 0; !rest.empty(); ++count) {
    if (count == printable_characters) return out += "\u2026";
    const std::size_t length = utf8_length(rest);
    const std::string_view character = rest.substr(0, length == 0 ? 1 : length);
    rest.remove_prefix(character.size());
    if (length != 0 && !is_control(character)) {
      out += character;
      continue;
    }
    for (const char c : character) append_hex(out += "\\x", c);
  }
  return out;
}

}  // namespace dialogstore
