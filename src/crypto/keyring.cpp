#include "crypto/keyring.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

#include "dialogstore/error.hpp"

namespace dialogstore {
namespace {

constexpr std::size_t most_keys = 256;
constexpr std::size_t hex_length = 2 * secret_bytes;
constexpr std::size_t base64_length = 44;  // of 32 bytes, with one = at the end

[[noreturn]] void fail(const std::string& source, std::size_t line, const std::string& text) {
  throw_error(errc::invalid_argument, "", "",
              "encryption keys (" + source + "), line " + std::to_string(line) + ": " + text);
}

std::optional<unsigned> hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<unsigned> base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0' + 52);
  if (c == '+') return 62U;
  if (c == '/') return 63U;
  return std::nullopt;
}

/// Digits of `bits` bits each, the first the most significant; false when there is another
/// character, or a bit is left over that is not zero.
bool read_digits(std::string_view text, unsigned bits, std::optional<unsigned> (*value)(char),
                 Secret& out) noexcept {
  unsigned held = 0;
  unsigned count = 0;
  std::size_t written = 0;
  for (const char c : text) {
    const auto digit = value(c);
    if (!digit) return false;
    held = (held << bits) | *digit;
    count += bits;
    if (count < 8) continue;
    count -= 8;
    if (written < out.bytes.size()) {
      out.bytes[written++] = static_cast<std::uint8_t>(held >> count);
    }
    held &= (1U << count) - 1;
  }
  return written == out.bytes.size() && held == 0;
}

bool read_secret(std::string_view text, Secret& out) noexcept {
  if (text.size() == hex_length) return read_digits(text, 4, hex_value, out);
  if (text.size() != base64_length || text.back() != '=') return false;
  return read_digits(text.substr(0, text.size() - 1), 6, base64_value, out);
}

bool is_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= key_id_bytes && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

}  // namespace

Secret::~Secret() {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());  // never moves it
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::shared_ptr<const Keyring> Keyring::parse(std::string_view lines, const std::string& source) {
  auto ring = std::make_shared<Keyring>();
  ring->source_ = source;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trimmed(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t gap = line.find_first_of(blanks);
    if (gap == std::string_view::npos) {
      // Shown is neither of them: what stands alone may well be the key.
      fail(source, number, "an id and a key are expected, with a space between them");
    }
    const std::string_view id = line.substr(0, gap);
    if (!is_id(id)) {
      fail(source, number, "the id is 1 to 32 letters, digits and . _ -, in front of the key");
    }
    if (ring->find(id) != nullptr) fail(source, number, "the id of an earlier line again");
    if (ring->keys_.size() == most_keys) fail(source, number, "more than 256 keys");
    auto& key = ring->keys_.emplace_back();
    key.id = id;
    if (!read_secret(trimmed(line.substr(gap)), key.secret)) {
      fail(source, number,
           "the key is 32 bytes, as 64 hexadecimal digits or as 44 characters of base64; make one "
           "with: openssl rand -base64 32");
    }
  }
  if (ring->keys_.empty()) {
    throw_error(errc::invalid_argument, "", "",
                "encryption keys (" + source + "): there is no key; write a line: id key");
  }
  return ring;
}

const NamedKey* Keyring::find(std::string_view id) const noexcept {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const NamedKey& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

std::string Keyring::names() const {
  std::string text;
  for (const NamedKey& key : keys_) text += (text.empty() ? "" : ", ") + key.id;
  return text;
}

}  // namespace dialogstore
