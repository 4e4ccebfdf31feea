#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "model/json_access.hpp"

namespace dialogstore {
namespace {

// Up to here a walk over all names is as fast as any index.
constexpr std::size_t linear_members = 32;
constexpr std::size_t usual_members = 4;

// A key of this process: names that share a slot cannot be made up elsewhere, not to slow it down.
std::uint64_t hash_key() {
  static const std::uint64_t key = [] {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    fill_random(bytes);
    return std::bit_cast<std::uint64_t>(bytes) | 1;
  }();
  return key;
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Number>
std::uint64_t number_at(const char* at) noexcept {
  Number number = 0;
  std::memcpy(&number, at, sizeof number);
  return number;
}

// Of at most eight bytes: another number for any others of the same length.
std::uint64_t number_of(std::string_view bytes) noexcept {
  const char* const begin = bytes.data();
  const std::size_t size = bytes.size();
  if (size >= 4) {
    return number_at<std::uint32_t>(begin) << 32 | number_at<std::uint32_t>(begin + size - 4);
  }
  if (size == 0) return 0;
  return number_at<std::uint8_t>(begin) << 16 | number_at<std::uint8_t>(begin + size / 2) << 8 |
         number_at<std::uint8_t>(begin + size - 1);
}

std::uint64_t hash_of(std::string_view name) noexcept {
  const std::uint64_t key = hash_key();  // `index` asked for it first
  std::uint64_t hash = key ^ name.size();
  for (; name.size() > sizeof hash; name.remove_prefix(sizeof hash)) {
    hash = mixed(hash ^ number_at<std::uint64_t>(name.data()), key);
  }
  return mixed(hash ^ number_of(name), key);
}

}  // namespace

JsonObject::JsonObject(std::initializer_list<Member> members) {
  for (const Member& member : members) set(member.first, member.second);
}

JsonObject JsonObject::parse(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  JsonObject object;
  if (!JsonAccess::read_object(cursor, object) || !cursor.at_end()) throw_fault(cursor, "");
  return object;
}

// Position of `name`, or size() when there is none.
std::size_t JsonObject::position(std::string_view name) const noexcept {
  if (by_name_.empty()) {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [name](const Member& member) { return member.first == name; });
    return static_cast<std::size_t>(found - members_.begin());
  }
  const std::uint32_t found = by_name_[slot_of(name)];
  return found == 0 ? members_.size() : found - 1;
}

// Where the index has the name, or where it would be put. There is room: at most half is taken.
std::size_t JsonObject::slot_of(std::string_view name) const noexcept {
  const std::size_t mask = by_name_.size() - 1;
  std::size_t slot = hash_of(name) & mask;
  while (by_name_[slot] != 0 && members_[by_name_[slot] - 1].first != name) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

// Those behind it that it kept from their own slot move up.
void JsonObject::free_slot(std::size_t slot) noexcept {
  const std::size_t mask = by_name_.size() - 1;
  for (std::size_t next = slot;;) {
    next = (next + 1) & mask;
    if (by_name_[next] == 0) break;
    const std::size_t wanted = hash_of(members_[by_name_[next] - 1].first) & mask;
    if (((next - wanted) & mask) < ((next - slot) & mask)) continue;
    by_name_[slot] = by_name_[next];
    slot = next;
  }
  by_name_[slot] = 0;
}

// Indexes the names anew when there are many; false when one is repeated.
bool JsonObject::index() {
  by_name_.clear();
  if (members_.size() <= linear_members) {
    for (auto member = members_.begin(); member != members_.end(); ++member) {
      const auto same = [&](const Member& other) { return other.first == member->first; };
      if (std::any_of(members_.begin(), member, same)) return false;
    }
    return true;
  }
  static_cast<void>(hash_key());
  by_name_.resize(2 * std::bit_ceil(members_.size()));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::uint32_t& place = by_name_[slot_of(members_[i].first)];
    if (place != 0) return false;
    place = static_cast<std::uint32_t>(i + 1);
  }
  return true;
}

const Json* JsonObject::find(std::string_view name) const noexcept {
  const std::size_t found = position(name);
  return found == members_.size() ? nullptr : &members_[found].second;
}

void JsonObject::set(std::string_view name, Json value) {
  const std::size_t found = position(name);
  if (found != members_.size()) {
    members_[found].second = std::move(value);
    return;
  }
  if (!is_utf8(name)) throw_error(errc::invalid_json, "", "", "a member's name is not UTF-8");
  members_.emplace_back(std::string(name), std::move(value));
  if (members_.size() <= linear_members) return;
  if (2 * members_.size() > by_name_.size()) {
    index();
  } else {
    by_name_[slot_of(name)] = static_cast<std::uint32_t>(members_.size());
  }
}

bool JsonObject::erase(std::string_view name) {
  const std::size_t found = position(name);
  if (found == members_.size()) return false;
  if (members_.size() <= linear_members + 1) by_name_.clear();
  if (!by_name_.empty()) free_slot(slot_of(name));
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(found));
  for (std::uint32_t& place : by_name_) place -= place > found + 1 ? 1U : 0U;
  return true;
}

void JsonObject::append_to(std::string& out) const {
  constexpr std::size_t around = 4;  // quotes, colon, comma
  std::size_t size = out.size() + 2;
  for (const auto& [name, value] : members_) size += name.size() + value.text().size() + around;
  out.reserve(size);
  char separator = '{';
  for (const auto& [name, value] : members_) {
    out += separator;
    // Names were checked when they came in, so this cannot fail.
    static_cast<void>(append_json_string(out, name));
    out += ':';
    out += value.text();
    separator = ',';
  }
  out += members_.empty() ? "{}" : "}";
}

std::string JsonObject::to_text() const {
  std::string out;
  append_to(out);
  return out;
}

namespace {

// Of thousands of members, growing step by step would move each several times. When there are some
// it is plain how large they are, and how many more the text has room for.
constexpr std::size_t enough_to_tell = 64;

std::size_t members_expected(std::size_t bytes_read, std::size_t bytes_left) noexcept {
  constexpr std::size_t slack = 16;  // a sixteenth: the names of counted members grow
  const std::size_t more = bytes_left * enough_to_tell / bytes_read;
  return enough_to_tell + more + more / slack;
}

}  // namespace

bool JsonAccess::read_object(JsonCursor& cursor, JsonObject& object) {
  if (!cursor.enter_object()) return false;
  std::string_view raw;
  std::string_view value;
  std::string name;
  object.clear();
  object.members_.reserve(usual_members);
  const std::size_t begin = cursor.offset() - 1;
  while (cursor.next_member(raw, value)) {
    object.members_.emplace_back(decoded_name(raw, name),
                                 Json::from_valid_text(std::string(value)));
    if (object.members_.size() == enough_to_tell) {
      object.members_.reserve(members_expected(cursor.offset() - begin, cursor.left()));
    }
  }
  if (cursor.fault() != JsonFault::none) return false;
  return object.index() || cursor.fail_at(JsonFault::repeated_name, begin);
}

}  // namespace dialogstore
