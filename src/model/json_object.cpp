#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "model/json_access.hpp"

namespace dialogstore {
namespace {

// Up to here a walk over all names is as fast as any index.
constexpr std::size_t linear_members = 32;
constexpr std::size_t usual_members = 4;

// The first eight bytes as a number; a shorter name has zeros behind it. Names stand in the order
// of these numbers wherever they differ.
std::uint64_t beginning(std::string_view name) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = number << 8 | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  }
  return number;
}

using Beginning = std::pair<std::uint64_t, std::uint32_t>;  // and the name's position

// Byte by byte from the last one on, without those in which no two names differ. Names are many
// here, short and alike: comparing them pair by pair takes several times as long.
void sort_by_beginning(std::vector<Beginning>& order) {
  constexpr std::size_t bytes = sizeof(std::uint64_t);
  std::array<std::array<std::uint32_t, 256>, bytes> counts{};
  const auto byte = [](const Beginning& each, std::size_t i) {
    return each.first >> (8 * i) & 255;
  };
  for (const auto& each : order) {
    for (std::size_t i = 0; i < bytes; ++i) ++counts[i][byte(each, i)];
  }
  std::vector<Beginning> sorted(order.size());
  for (std::size_t i = 0; i < bytes; ++i) {
    if (counts[i][byte(order.front(), i)] == order.size()) continue;
    std::uint32_t place = 0;
    for (auto& count : counts[i]) place += std::exchange(count, place);
    for (const auto& each : order) sorted[counts[i][byte(each, i)]++] = each;
    order.swap(sorted);
  }
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
  if (members_.size() <= linear_members) {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [name](const Member& member) { return member.first == name; });
    return static_cast<std::size_t>(found - members_.begin());
  }
  const auto found = lower_bound(name);
  return found != by_name_.end() && members_[*found].first == name ? *found : members_.size();
}

JsonObject::Index::const_iterator JsonObject::lower_bound(std::string_view name) const noexcept {
  return std::lower_bound(by_name_.begin(), by_name_.end(), name,
                          [this](std::uint32_t position, std::string_view wanted) {
                            return members_[position].first < wanted;
                          });
}

// Sorts the names anew when there are many; false when one is repeated.
bool JsonObject::index() {
  by_name_.clear();
  if (members_.size() <= linear_members) {
    for (auto member = members_.begin(); member != members_.end(); ++member) {
      const auto same = [&](const Member& other) { return other.first == member->first; };
      if (std::any_of(members_.begin(), member, same)) return false;
    }
    return true;
  }
  // By their beginnings, which tells most names apart without a look at the names themselves.
  std::vector<Beginning> order;
  order.reserve(members_.size());
  for (const auto& [name, value] : members_) {
    order.emplace_back(beginning(name), static_cast<std::uint32_t>(order.size()));
  }
  sort_by_beginning(order);
  for (auto run = order.begin(); run != order.end();) {
    const auto end = std::find_if(run, order.end(),
                                  [run](const auto& other) { return other.first != run->first; });
    if (end - run > 1) {
      std::sort(run, end, [this](const auto& a, const auto& b) {
        return members_[a.second].first < members_[b.second].first;
      });
    }
    run = end;
  }
  by_name_.reserve(order.size());
  for (const auto& [first, position] : order) by_name_.push_back(position);
  return std::adjacent_find(by_name_.begin(), by_name_.end(),
                            [this](std::uint32_t a, std::uint32_t b) {
                              return members_[a].first == members_[b].first;
                            }) == by_name_.end();
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
  if (by_name_.empty()) {
    index();
  } else {
    by_name_.insert(lower_bound(name), static_cast<std::uint32_t>(members_.size() - 1));
  }
}

bool JsonObject::erase(std::string_view name) {
  const std::size_t found = position(name);
  if (found == members_.size()) return false;
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(found));
  if (members_.size() <= linear_members) {
    by_name_.clear();
    return true;
  }
  const auto gone = static_cast<std::uint32_t>(found);
  std::erase(by_name_, gone);
  for (std::uint32_t& position : by_name_) position -= position > gone ? 1U : 0U;
  return true;
}

void JsonObject::append_to(std::string& out) const {
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
