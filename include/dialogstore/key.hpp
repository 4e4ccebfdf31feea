// The key of a context: any hashable value of the seed, in the stored form that Python's str(key)
// gives, so that both languages find the same context.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace dialogstore {

/// A UUID; as a key it is 32 lower-case hexadecimal digits with four hyphens.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  /// A random one (version 4, RFC 4122) from the operating system's generator.
  static Uuid random();
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

/// Any byte is legal, and none can reach beyond the key. 1 and "1" are the same key, as in DFF.
class ContextKey {
 public:
  ContextKey(std::string text) : text_(std::move(text)) {}
  ContextKey(std::string_view text) : text_(text) {}
  ContextKey(const char* text) : text_(text) {}
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) ContextKey(Integer value)
      : text_(std::to_string(value)) {}
  ContextKey(const Uuid& value) : text_(value.to_string()) {}

  [[nodiscard]] const std::string& text() const& noexcept { return text_; }
  [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

  /// Throws StorageError (invalid_key) when empty or longer than limits::key_bytes.
  void check() const;
  /// For messages: control and non-UTF-8 bytes as \xNN, cut after 64 characters with an ellipsis.
  [[nodiscard]] std::string printable() const;

  friend bool operator==(const ContextKey&, const ContextKey&) = default;
  friend auto operator<=>(const ContextKey&, const ContextKey&) = default;

 private:
  std::string text_;
};

}  // namespace dialogstore

template <>
struct std::hash<dialogstore::ContextKey> {
  std::size_t operator()(const dialogstore::ContextKey& key) const noexcept {
    return std::hash<std::string>{}(key.text());
  }
};
