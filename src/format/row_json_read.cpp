#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "dialogstore/limits.hpp"
#include "format/row_json.hpp"
#include "model/json_access.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore::format {
namespace {

constexpr std::array<std::string_view, turn_parts> part_names = {"label", "request", "response"};
constexpr std::int64_t one_past_last = limits::turn_index_max + 1;

BodyFault damaged(std::string why) {
  return {errc::corrupt, std::move(why)};
}

BodyFault not_json(const JsonCursor& cursor) {
  return damaged("the JSON is broken at byte " + std::to_string(cursor.offset()) + ": " +
                 std::string(describe(cursor.fault())));
}

/// A later version of this format may have more members; without them the context would be wrong.
BodyFault unknown_member(std::string_view where, std::string_view name) {
  constexpr std::size_t shown = 40;
  return {errc::unsupported_format, "the " + std::string(where) + " has the unknown member \"" +
                                        std::string(name.substr(0, shown)) + "\""};
}

/// An integer as the format spells it: no plus, no leading zeros.
std::optional<std::int64_t> number_of(std::string_view text) noexcept {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits.front() == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> turn_index_of(std::string_view text) noexcept {
  const auto index = number_of(text);
  if (!index || *index < limits::turn_index_min || *index > limits::turn_index_max) {
    return std::nullopt;
  }
  return index;
}

bool is_label(std::string_view text) noexcept {
  JsonCursor cursor(text);
  std::string_view item;
  if (!cursor.enter_array()) return false;
  for (int i = 0; i < 2; ++i) {
    if (!cursor.next_element(item) || item.front() != '"') return false;
  }
  return !cursor.next_element(item) && cursor.fault() == JsonFault::none;
}

bool is_part(std::size_t part, std::string_view text) noexcept {
  if (text == removed_part) return true;
  return part == 0 ? is_label(text) : text.front() == '{';
}

/// Which part has this name; turn_parts when none has. Told apart by length: one comparison each.
std::size_t part_named(std::string_view name) noexcept {
  const std::size_t part = name.size() == part_names[0].size()   ? 0
                           : name.size() == part_names[1].size() ? 1
                                                                 : 2;
  return name == part_names[part] ? part : turn_parts;
}

// ---- turns -----------------------------------------------------------------------------------

BodyFault read_turn(JsonCursor& cursor, const TextSource& source, TurnText& turn) {
  std::string_view name;
  std::string_view value;
  if (!cursor.enter_object()) return not_json(cursor);
  while (cursor.next_name(name)) {
    const std::size_t part = part_named(name);
    if (part == turn_parts) return unknown_member("turn", name);
    const bool is_plain_label = part == 0 && cursor.plain_pair(value);
    if (!is_plain_label && !cursor.value(value)) break;
    if (!turn.parts[part].empty()) return damaged("a turn names a part twice");
    if (!is_plain_label && !is_part(part, value)) {
      return damaged("a turn's part is of the wrong type");
    }
    turn.parts[part] = source.take(value);
  }
  return cursor.fault() != JsonFault::none ? not_json(cursor) : BodyFault{};
}

/// The turns of one row, in ascending order. `seen` is raised past every part that is there.
BodyFault read_turns(JsonCursor& cursor, const TextSource& source, TurnPatches& turns,
                     PartIndices& next, PageContent& content) {
  std::string_view name;
  bool any = false;
  if (!cursor.enter_object()) return not_json(cursor);
  while (cursor.next_name(name)) {
    const auto index = turn_index_of(name);
    if (!index) return damaged("a turn's index is not an integer in range");
    if (any && *index <= content.highest) return damaged("turns are not in ascending order");
    // Nearly every turn lies behind those read before: it is read where it is to stay.
    TurnText patch;
    TurnText* const behind = turns.add_behind(*index);
    TurnText& turn = behind != nullptr ? *behind : patch;
    turn.index = *index;
    if (BodyFault fault = read_turn(cursor, source, turn)) return fault;
    for (std::size_t part = 0; part < turn_parts; ++part) {
      const SharedText& text = turn.parts[part];
      if (!text.empty() && text != removed_part) next[part] = std::max(next[part], *index + 1);
    }
    if (!any) content.lowest = *index;
    content.highest = *index;
    any = true;
    if (behind == nullptr) turns.apply(std::move(patch));
  }
  return cursor.fault() != JsonFault::none ? not_json(cursor) : BodyFault{};
}

// ---- the state -------------------------------------------------------------------------------

/// `[l,q,r]`: integers up to one past the last turn index, or `null` where that is given a meaning.
BodyFault read_indices(std::string_view text, std::optional<std::int64_t> null_means,
                       PartIndices& out) {
  JsonCursor cursor(text);
  std::string_view item;
  if (!cursor.enter_array()) return damaged("turn indices are not an array");
  for (std::int64_t& index : out) {
    if (!cursor.next_element(item)) return damaged("there are fewer than three turn indices");
    const auto number = item == "null" ? null_means : number_of(item);
    const bool in_range =
        number &&
        ((item == "null") || (*number >= limits::turn_index_min && *number <= one_past_last));
    if (!in_range) return damaged("a turn index is not an integer in range");
    index = *number;
  }
  if (cursor.next_element(item)) return damaged("there are more than three turn indices");
  return {};
}

BodyFault read_first(std::string_view text, FirstKept& first) {
  PartIndices more{};
  if (BodyFault fault = read_indices(text, keep_all, more)) return fault;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    first[part] = std::max(first[part], more[part]);
  }
  return {};
}

BodyFault read_object(std::string_view text, JsonObject& out) {
  try {
    out = JsonObject::parse(text);
    return {};
  } catch (const FormatError&) {
    return damaged("a part of the state is not an object, or repeats a name");
  }
}

BodyFault erase_names(std::string_view text, JsonObject& target) {
  JsonCursor cursor(text);
  std::string_view item;
  if (!cursor.enter_array()) return damaged("names to remove are not an array");
  std::string name;
  while (cursor.next_element(item)) {
    if (item.front() != '"') return damaged("a name to remove is not a string");
    name.clear();
    append_decoded(name, item.substr(1, item.size() - 2));
    target.erase(name);
  }
  return {};
}

BodyFault set_members(std::string_view text, JsonObject& target) {
  JsonObject changed;
  if (BodyFault fault = read_object(text, changed)) return fault;
  for (const auto& [name, value] : changed) target.set(name, value);
  return {};
}

BodyFault read_flag(std::string_view text, bool& out) {
  if (text != "true" && text != "false") return damaged("\"validation\" is neither true nor false");
  out = text == "true";
  return {};
}

// ---- a row's members, in the order of these names whatever order they came in ------------------

enum class Member : std::size_t {
  id,
  misc_del,
  misc,
  states_del,
  states,
  extra_del,
  extra,
  validation,
  first,
  next,
  turns,
  count
};
constexpr std::array<std::string_view, static_cast<std::size_t>(Member::count)> member_names = {
    "id",    "misc_del",   "misc",  "states_del", "states", "extra_del",
    "extra", "validation", "first", "next",       "turns"};

/// Member::count when there is none of that name. Turns come first: most rows have nothing else.
std::size_t member_named(std::string_view name) noexcept {
  constexpr auto turns = static_cast<std::size_t>(Member::turns);
  if (name == member_names[turns]) return turns;
  return static_cast<std::size_t>(std::ranges::find(member_names, name) - member_names.begin());
}

struct StateMember {
  Member set;
  Member erased;
  JsonObject TailContent::*object;
};
constexpr std::array<StateMember, 3> state_members = {
    {{Member::misc, Member::misc_del, &TailContent::misc},
     {Member::states, Member::states_del, &TailContent::framework_states},
     {Member::extra, Member::extra_del, &TailContent::extra}}};

enum class Body : std::uint8_t { keyframe, delta };

/// What the member's value is itself: a keyframe's state is all there is, that of a delta comes on
/// top of what its names to remove have left.
JsonObject* whole_of(std::size_t member, Body body, TailContent& content) noexcept {
  for (const StateMember& part : state_members) {
    if (body == Body::keyframe && member == static_cast<std::size_t>(part.set)) {
      return &(content.*part.object);
    }
  }
  return nullptr;
}

class MemberSpans {
 public:
  /// Finds the members. What nothing else has to come before is read on the way: turns, and the
  /// state of a keyframe, which may be the most of it.
  BodyFault read(std::string_view text, Body body, TailContent& content);
  [[nodiscard]] std::string_view operator[](Member member) const noexcept {
    return spans_[static_cast<std::size_t>(member)];
  }

 private:
  std::array<std::string_view, member_names.size()> spans_;
};

BodyFault MemberSpans::read(std::string_view text, Body body, TailContent& content) {
  constexpr std::string_view read_already = "read";
  JsonCursor cursor(text);
  std::string_view name;
  if (!cursor.enter_object()) return not_json(cursor);
  while (cursor.next_name(name)) {
    const std::size_t member = member_named(name);
    if (member == member_names.size()) {
      return unknown_member(body == Body::keyframe ? "keyframe" : "delta", name);
    }
    if (!spans_[member].empty()) return damaged("a member is repeated");
    if (static_cast<Member>(member) == Member::turns) {
      PageContent range;
      if (BodyFault fault =
              read_turns(cursor, content.source, content.turns, content.next, range)) {
        return fault;
      }
      spans_[member] = read_already;
    } else if (JsonObject* const whole = whole_of(member, body, content)) {
      if (!JsonAccess::read_object(cursor, *whole, content.source)) return not_json(cursor);
      spans_[member] = read_already;
    } else if (!cursor.value(spans_[member])) {
      break;
    }
  }
  return cursor.at_end() ? BodyFault{} : not_json(cursor);
}

BodyFault read_next(std::string_view text, PartIndices& next) {
  PartIndices more{};
  if (BodyFault fault = read_indices(text, std::nullopt, more)) return fault;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    next[part] = std::max(next[part], more[part]);
  }
  return {};
}

/// What keyframes and deltas spell alike.
BodyFault read_common(const MemberSpans& members, TailContent& out) {
  if (const auto id = members[Member::id]; !id.empty()) {
    out.id = Json::from_valid_text(std::string(id));
  }
  if (const auto text = members[Member::validation]; !text.empty()) {
    if (BodyFault fault = read_flag(text, out.validation)) return fault;
  }
  if (const auto text = members[Member::first]; !text.empty()) {
    if (BodyFault fault = read_first(text, out.first)) return fault;
  }
  if (const auto text = members[Member::next]; !text.empty()) return read_next(text, out.next);
  return {};
}

}  // namespace

BodyFault read_keyframe(std::string_view body, std::uint32_t next_turn, TailContent& out) {
  MemberSpans members;
  if (BodyFault fault = members.read(body, Body::keyframe, out)) return fault;
  if (members[Member::id].empty()) return damaged("the keyframe has no \"id\"");
  for (const StateMember& part : state_members) {
    if (!members[part.erased].empty()) {
      return unknown_member("keyframe", member_names[static_cast<std::size_t>(part.erased)]);
    }
  }
  if (members[Member::next].empty()) {
    for (std::int64_t& index : out.next) index = std::max<std::int64_t>(index, next_turn);
  }
  return read_common(members, out);
}

BodyFault read_delta(std::string_view body, TailContent& content) {
  MemberSpans members;
  if (BodyFault fault = members.read(body, Body::delta, content)) return fault;
  for (const StateMember& part : state_members) {
    JsonObject& object = content.*part.object;
    if (const auto names = members[part.erased]; !names.empty()) {
      if (BodyFault fault = erase_names(names, object)) return fault;
    }
    if (const auto changed = members[part.set]; !changed.empty()) {
      if (BodyFault fault = set_members(changed, object)) return fault;
    }
  }
  content.delta_has_next = content.delta_has_next || !members[Member::next].empty();
  return read_common(members, content);
}

BodyFault read_page(std::string_view payload, const TextSource& source, TurnPatches& turns,
                    PartIndices& next, PageContent& content) {
  JsonCursor cursor(payload);
  if (BodyFault fault = read_turns(cursor, source, turns, next, content)) return fault;
  return cursor.at_end() ? BodyFault{} : not_json(cursor);
}

}  // namespace dialogstore::format
