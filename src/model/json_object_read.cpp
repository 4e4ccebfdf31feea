// Reading objects: few members one by one, many as the text they are.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/json.hpp"
#include "model/json_access.hpp"
#include "model/name_hash.hpp"
#include "model/unsplit_object.hpp"

namespace dialogstore {
namespace {

constexpr std::size_t usual_members = 4;
// From here on an object is kept as its text; and there are enough to tell how many the rest has
// room for.
constexpr std::size_t many_members = 64;

std::size_t members_expected(std::size_t bytes_read, std::size_t bytes_left) noexcept {
  constexpr std::size_t slack = 16;  // a sixteenth: the names of counted members grow
  const std::size_t more = bytes_left * many_members / bytes_read;
  return many_members + more + more / slack;
}

/// The names of one object, by where they stand in its text: without escapes, between quotes.
class NamesMet {
 public:
  /// `text` begins with the object's bracket.
  NamesMet(const char* text, std::size_t expected) : text_(text), expected_(expected) {}

  /// False when the name was there.
  bool add(std::string_view name) {
    if (slots_.empty()) {
      // Counted and sorted names, which are many, need no table.
      if (last_.data() == nullptr || comes_after(name, last_)) {
        last_ = name;
        return true;
      }
      put_all_before(name);
    }
    return put(name);
  }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t place;  ///< 0, where the object has its bracket: free
  };
  using Slots = std::vector<std::uint64_t>;  // of Slots, so that emptying it is quick

  static bool comes_after(std::string_view name, std::string_view other) noexcept {
    return name.size() != other.size() ? name.size() > other.size() : name > other;
  }

  /// All of them are different.
  void put_all_before(std::string_view name) {
    slots_.resize(std::bit_ceil(expected_ + expected_ / 2));
    JsonCursor cursor({text_, name.data() - 1});
    std::string_view each;
    std::string_view value;
    cursor.enter_object();
    while (cursor.next_member(each, value)) put(each);
  }

  bool put(std::string_view name) {
    if (3 * ++count_ > 2 * slots_.size()) grow();
    const auto hash = static_cast<std::uint32_t>(hash_(name) >> 32);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      const auto [other, place] = std::bit_cast<Slot>(slots_[at]);
      if (other == hash && stands_at(place, name)) return false;
    }
    const auto place = static_cast<std::uint32_t>(name.data() - text_);
    slots_[at] = std::bit_cast<std::uint64_t>(Slot{hash, place});
    return true;
  }

  [[nodiscard]] bool stands_at(std::uint32_t place, std::string_view name) const noexcept {
    const char* other = text_ + place;
    // The closing quote ends the comparison before the text does.
    for (const char c : name) {
      if (*other != c) return false;
      ++other;
    }
    return *other == '"';
  }

  void grow() {
    Slots larger(2 * slots_.size());
    const std::size_t mask = larger.size() - 1;
    for (const std::uint64_t taken : slots_) {
      if (taken == 0) continue;
      std::size_t at = std::bit_cast<Slot>(taken).hash & mask;
      while (larger[at] != 0) at = (at + 1) & mask;
      larger[at] = taken;
    }
    slots_ = std::move(larger);
  }

  NameHash hash_;
  const char* text_;
  std::size_t expected_;
  std::string_view last_;  ///< the greatest, while they ascend
  Slots slots_;            ///< none while they ascend
  std::size_t count_ = 0;
};

}  // namespace

bool JsonAccess::read_object(JsonCursor& cursor, JsonObject& object, const TextSource& source) {
  if (!cursor.enter_object()) return false;
  const JsonCursor first = cursor;
  const std::size_t begin = cursor.offset() - 1;
  std::string_view raw;
  std::string_view value;
  std::string name;
  object.clear();
  object.members_.reserve(usual_members);
  while (cursor.next_member(raw, value)) {
    object.members_.emplace_back(decoded_name(raw, name),
                                 Json::from_valid_text(std::string(value)));
    if (object.members_.size() == many_members) {
      const std::size_t expected = members_expected(cursor.offset() - begin, cursor.left());
      JsonCursor again = first;
      if (const auto read = read_unsplit(again, expected, object, source)) {
        cursor = again;
        return *read;
      }
      // Growing step by step would move each several times.
      object.members_.reserve(expected);
    }
  }
  if (cursor.fault() != JsonFault::none) return false;
  return object.index() || cursor.fail_at(JsonFault::repeated_name, begin);
}

// Nothing when the text is not spelled as ours, or has escapes in names: the caller reads it then.
std::optional<bool> JsonAccess::read_unsplit(JsonCursor& cursor, std::size_t expected,
                                             JsonObject& object, const TextSource& source) {
  constexpr std::size_t around = 4;  // quotes, colon, comma
  if (cursor.left() >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const std::size_t begin = cursor.offset() - 1;
  NamesMet names(cursor.since(begin).data(), expected);
  std::string_view raw;
  std::string_view value;
  std::size_t count = 0;
  std::size_t size = 1;
  bool is_plain = false;
  bool is_repeated = false;
  while (cursor.next_name(raw, is_plain)) {
    if (!is_plain && raw.find('\\') != std::string_view::npos) return std::nullopt;
    if (!cursor.plain_string(value) && !cursor.value(value)) break;
    ++count;
    size += raw.size() + value.size() + around;
    if (cursor.offset() != begin + size - 1) return std::nullopt;
    is_repeated = !names.add(raw) || is_repeated;
  }
  if (cursor.fault() != JsonFault::none) return false;
  const std::string_view text = cursor.since(begin);
  if (text.size() != size) return std::nullopt;
  if (is_repeated) return cursor.fail_at(JsonFault::repeated_name, begin);
  object.clear();
  object.unsplit_ = std::make_shared<JsonObject::Unsplit>(source.take(text), count);
  return true;
}

JsonObject JsonAccess::parse(std::string text) {
  const auto owner = std::make_shared<const std::string>(std::move(text));
  JsonCursor cursor(*owner, limits::json_depth);
  JsonObject object;
  if (!read_object(cursor, object, TextSource(owner)) || !cursor.at_end()) throw_fault(cursor, "");
  return object;
}

}  // namespace dialogstore
