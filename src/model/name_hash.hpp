// A hash of members' names that nobody can foretell.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace dialogstore {

/// With a key of this process: names that share a slot of a table cannot be made up elsewhere, not
/// to slow it down.
class NameHash {
 public:
  /// The first one of the process asks the operating system for the key, and throws where that has
  /// none to give.
  NameHash() : key_(process_key()) {}

  std::uint64_t operator()(std::string_view name) const noexcept {
    std::uint64_t hash = key_ ^ name.size();
    for (; name.size() > sizeof hash; name.remove_prefix(sizeof hash)) {
      hash = mixed(hash ^ number_at<std::uint64_t>(name.data()), key_);
    }
    return mixed(hash ^ number_of(name), key_);
  }

 private:
  static std::uint64_t process_key();

  static std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  template <class Number>
  static std::uint64_t number_at(const char* at) noexcept {
    Number number = 0;
    std::memcpy(&number, at, sizeof number);
    return number;
  }

  // Of at most eight bytes: another number for any others of the same length.
  static std::uint64_t number_of(std::string_view bytes) noexcept {
    const char* const begin = bytes.data();
    const std::size_t size = bytes.size();
    if (size >= 4) {
      return number_at<std::uint32_t>(begin) << 32 | number_at<std::uint32_t>(begin + size - 4);
    }
    if (size == 0) return 0;
    return number_at<std::uint8_t>(begin) << 16 | number_at<std::uint8_t>(begin + size / 2) << 8 |
           number_at<std::uint8_t>(begin + size - 1);
  }

  std::uint64_t key_;
};

}  // namespace dialogstore
