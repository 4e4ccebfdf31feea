#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "model/json_access.hpp"
#include "model/name_hash.hpp"
#include "model/unsplit_object.hpp"

namespace dialogstore {
namespace {

// Up to here a walk over all names is as fast as any index.
constexpr std::size_t linear_members = 32;

}  // namespace

std::uint64_t NameHash::process_key() {
  static const std::uint64_t key = [] {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    fill_random(bytes);
    return std::bit_cast<std::uint64_t>(bytes) | 1;
  }();
  return key;
}

JsonObject::JsonObject(std::initializer_list<Member> members) {
  for (const Member& member : members) set(member.first, member.second);
}

JsonObject::JsonObject(const JsonObject& other) {
  if (other.unsplit_) {
    unsplit_ = std::make_shared<Unsplit>(other.unsplit_->text, other.unsplit_->count);
  } else {
    members_ = other.members_;
    by_name_ = other.by_name_;
  }
}

JsonObject& JsonObject::operator=(const JsonObject& other) {
  if (this != &other) *this = JsonObject(other);
  return *this;
}

JsonObject JsonObject::parse(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  JsonObject object;
  if (!JsonAccess::read_object(cursor, object) || !cursor.at_end()) throw_fault(cursor, "");
  return object;
}

std::size_t JsonObject::unsplit_size() const noexcept {
  return unsplit_->count;
}

// Both are spelled alike, so that objects that differ have texts that do.
bool JsonObject::same_text(const JsonObject& a, const JsonObject& b) noexcept {
  return a.unsplit_->text == b.unsplit_->text;
}

void JsonObject::split() const {
  if (unsplit_->is_split.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(unsplit_->mutex);
  if (unsplit_->is_split.load(std::memory_order_relaxed)) return;
  JsonObject all;
  all.members_.reserve(unsplit_->count);
  JsonCursor cursor(unsplit_->text);
  std::string_view name;
  std::string_view value;
  cursor.enter_object();
  bool is_plain = false;
  while (cursor.next_name(name, is_plain) && (cursor.plain_string(value) || cursor.value(value))) {
    all.members_.emplace_back(name, Json::from_valid_text(std::string(value)));
  }
  all.index();
  members_ = std::move(all.members_);
  by_name_ = std::move(all.by_name_);
  unsplit_->is_split.store(true, std::memory_order_release);
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
  std::size_t slot = NameHash()(name) & mask;
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
    const std::size_t wanted = NameHash()(members_[by_name_[next] - 1].first) & mask;
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
  static_cast<void>(NameHash());  // which may throw, where looking up may not
  by_name_.resize(2 * std::bit_ceil(members_.size()));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::uint32_t& place = by_name_[slot_of(members_[i].first)];
    if (place != 0) return false;
    place = static_cast<std::uint32_t>(i + 1);
  }
  return true;
}

const Json* JsonObject::find(std::string_view name) const {
  if (unsplit_) split();
  const std::size_t found = position(name);
  return found == members_.size() ? nullptr : &members_[found].second;
}

void JsonObject::set(std::string_view name, Json value) {
  if (unsplit_) split();
  const std::size_t found = position(name);
  if (found != members_.size()) {
    unsplit_.reset();
    members_[found].second = std::move(value);
    return;
  }
  if (!is_utf8(name)) throw_error(errc::invalid_json, "", "", "a member's name is not UTF-8");
  unsplit_.reset();
  members_.emplace_back(std::string(name), std::move(value));
  if (members_.size() <= linear_members) return;
  if (2 * members_.size() > by_name_.size()) {
    index();
  } else {
    by_name_[slot_of(name)] = static_cast<std::uint32_t>(members_.size());
  }
}

bool JsonObject::erase(std::string_view name) {
  if (unsplit_) split();
  const std::size_t found = position(name);
  if (found == members_.size()) return false;
  unsplit_.reset();
  if (members_.size() <= linear_members + 1) by_name_.clear();
  if (!by_name_.empty()) free_slot(slot_of(name));
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(found));
  for (std::uint32_t& place : by_name_) place -= place > found + 1 ? 1U : 0U;
  return true;
}

void JsonObject::append_to(std::string& out) const {
  if (unsplit_) {
    out += unsplit_->text;
    return;
  }
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

std::optional<std::string_view> JsonAccess::text_of(const JsonObject& object) noexcept {
  if (!object.unsplit_) return std::nullopt;
  return object.unsplit_->text.view();
}

std::string JsonObject::to_text() const {
  std::string out;
  append_to(out);
  return out;
}

}  // namespace dialogstore
