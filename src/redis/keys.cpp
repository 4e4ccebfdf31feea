#include "redis/keys.hpp"

#include <algorithm>
#include <array>

namespace dialogstore::redis {
namespace {

constexpr std::uint16_t crc16_polynomial = 0x1021;

constexpr std::array<std::uint16_t, 256> make_crc16_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ crc16_polynomial : crc << 1;
    }
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr auto crc16_table = make_crc16_table();

KeyName with_slot(std::string text) {
  const auto slot = key_slot(text);
  return {std::move(text), slot};
}

bool needs_escapes(std::string_view key) noexcept {
  return std::any_of(key.begin(), key.end(),
                     [](char c) { return c == '%' || c == '{' || c == '}'; });
}

void append_escaped(std::string& out, std::string_view key) {
  if (!needs_escapes(key)) {
    out += key;
    return;
  }
  for (const char c : key) {
    switch (c) {
      case '%':
        out += "%25";
        break;
      case '{':
        out += "%7B";
        break;
      case '}':
        out += "%7D";
        break;
      default:
        out += c;
    }
  }
}

// The character that `code` stands for; nothing for codes that escaping never writes.
std::optional<char> unescaped(std::string_view code) noexcept {
  if (code == "%25") return '%';
  if (code == "%7B") return '{';
  if (code == "%7D") return '}';
  return std::nullopt;
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) noexcept {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc =
        ((crc << 8) ^ crc16_table[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xFFU]) & 0xFFFFU;
  }
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t key_slot(std::string_view name) noexcept {
  const auto open = name.find('{');
  if (open != std::string_view::npos) {
    const auto close = name.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      name = name.substr(open + 1, close - open - 1);
    }
  }
  return crc16(name) & (slot_count - 1);
}

KeyName KeyNames::context(std::string_view key) const {
  std::string text;
  text.reserve(name_space_.size() + 3 + key.size());
  text.append(name_space_).append(":{");
  append_escaped(text, key);
  text += '}';
  return with_slot(std::move(text));
}

std::uint16_t KeyNames::slot_of(std::string_view key) const {
  return needs_escapes(key) ? context(key).slot : crc16(key) & (slot_count - 1);
}

KeyName KeyNames::meta() const {
  return with_slot(name_space_ + ":meta");
}

KeyName KeyNames::index(unsigned shard) const {
  return with_slot(name_space_ + ":index:" + std::to_string(shard));
}

KeyName KeyNames::nothing() const {
  return with_slot(name_space_ + ":{}");
}

// No name that context() gives goes on behind its brace.
KeyName KeyNames::nothing_beside(const KeyName& context) {
  return with_slot(context.text + ":");
}

unsigned KeyNames::shard_of(std::string_view key, unsigned shards) noexcept {
  return shards <= 1 ? 0 : crc16(key) % shards;
}

std::string KeyNames::context_pattern() const {
  std::string pattern;
  for (const char c : name_space_) {
    if (std::string_view("*?[]^\\-").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + ":{*}";
}

std::optional<std::string> KeyNames::key_of(std::string_view name) const {
  if (!name.starts_with(name_space_)) return std::nullopt;
  name.remove_prefix(name_space_.size());
  if (!name.starts_with(":{") || !name.ends_with('}')) return std::nullopt;
  name = name.substr(2, name.size() - 3);
  if (name.empty()) return std::nullopt;
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '{' || name[i] == '}') return std::nullopt;
    if (name[i] != '%') {
      key += name[i];
      continue;
    }
    const auto c = unescaped(name.substr(i, 3));
    if (!c) return std::nullopt;
    key += *c;
    i += 2;
  }
  return key;
}

}  // namespace dialogstore::redis
