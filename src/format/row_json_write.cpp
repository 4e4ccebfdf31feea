#include <algorithm>
#include <charconv>

#include "format/row_json.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore::format {
namespace {

constexpr std::array<std::string_view, turn_parts> part_members = {
    "\"label\":", "\"request\":", "\"response\":"};

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

/// Opens with `{` or `[`, then puts commas between what follows.
class Members {
 public:
  Members(std::string& out, char open) : out_(out) { out_.push_back(open); }
  std::string& next() {
    if (!first_) out_.push_back(',');
    first_ = false;
    return out_;
  }
  std::string& next(std::string_view member) { return next().append(member); }
  [[nodiscard]] bool empty() const noexcept { return first_; }

 private:
  std::string& out_;
  bool first_ = true;
};

void open_turn(Members& turns, std::int64_t index) {
  std::string& out = turns.next("\"");
  append_number(out, index);
  out += "\":";
}

void append_turn(std::string& out, const TurnText& turn) {
  Members parts(out, '{');
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if (!turn.parts[part].empty()) parts.next(part_members[part]) += turn.parts[part].view();
  }
  out.push_back('}');
}

void append_edit(std::string& out, const TurnEdit& edit) {
  Members parts(out, '{');
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if ((edit.touched & part_bit(part)) == 0) continue;
    const bool present = edit.turn != nullptr && !edit.turn->parts[part].empty();
    parts.next(part_members[part]) += present ? edit.turn->parts[part].view() : removed_part;
  }
  out.push_back('}');
}

void append_turns(std::string& out, std::span<const TurnText* const> turns) {
  Members members(out, '{');
  for (const TurnText* turn : turns) {
    open_turn(members, turn->index);
    append_turn(out, *turn);
  }
  out.push_back('}');
}

template <class Numbers, class IsNull>
void append_numbers(std::string& out, const Numbers& numbers, IsNull is_null) {
  Members items(out, '[');
  for (const std::int64_t number : numbers) {
    items.next();
    if (is_null(number)) {
      out += "null";
    } else {
      append_number(out, number);
    }
  }
  out.push_back(']');
}

void append_first(std::string& out, const FirstKept& first) {
  append_numbers(out, first, [](std::int64_t index) { return index == keep_all; });
}

void append_next(std::string& out, const PartIndices& next) {
  append_numbers(out, next, [](std::int64_t) { return false; });
}

void append_name(std::string& out, std::string_view name) {
  // Names come from a JsonObject, which takes nothing but UTF-8.
  static_cast<void>(append_json_string(out, name));
}

/// Members of `object` that were set, in its order, so that new names come to stand as they do
/// there.
void append_set(Members& members, const JsonObject& object, const MemberChanges::Names& names,
                std::string_view member) {
  if (names.empty()) return;
  std::string text;
  Members set(text, '{');
  for (const auto& [name, value] : object) {
    if (!names.contains(name)) continue;
    append_name(set.next(), name);
    text.append(":").append(value.text());
  }
  if (!set.empty()) members.next(member).append(text).push_back('}');
}

void append_erased(Members& members, const MemberChanges::Names& names, std::string_view member) {
  if (names.empty()) return;
  std::string& out = members.next(member);
  Members erased(out, '[');
  for (const std::string& name : names) append_name(erased.next(), name);
  out.push_back(']');
}

/// What was erased and set again is named in both: readers erase first, so that it stands last.
void append_changes(Members& members, const JsonObject& object, const MemberChanges& changes,
                    std::string_view set_member, std::string_view erased_member) {
  append_set(members, object, changes.set, set_member);
  append_erased(members, changes.erased, erased_member);
}

bool same_as(const PartIndices& next, std::uint32_t next_turn) noexcept {
  return std::ranges::all_of(next, [&](std::int64_t index) { return index == next_turn; });
}

}  // namespace

std::string page_json(std::span<const TurnText* const> turns) {
  std::string out;
  std::size_t size = 2;
  for (const TurnText* turn : turns) size += json_size(*turn);
  out.reserve(size);
  append_turns(out, turns);
  return out;
}

std::string keyframe_json(const ContextAccess::State& state, std::span<const TurnText* const> turns,
                          const FirstKept& first, const PartIndices& next,
                          std::uint32_t next_turn) {
  constexpr std::size_t other_members = 256;
  std::string out;
  std::size_t size = other_members;
  for (const TurnText* turn : turns) size += json_size(*turn);
  out.reserve(size);
  Members members(out, '{');
  members.next("\"id\":") += state.id.text();
  if (!state.misc.empty()) state.misc.append_to(members.next("\"misc\":"));
  if (!state.framework_states.empty()) {
    state.framework_states.append_to(members.next("\"states\":"));
  }
  if (state.validation) members.next("\"validation\":true");
  if (!state.extra.empty()) state.extra.append_to(members.next("\"extra\":"));
  if (first != nothing_trimmed) append_first(members.next("\"first\":"), first);
  if (!same_as(next, next_turn)) {
    append_next(members.next("\"next\":"), next);
  }
  if (!turns.empty()) append_turns(members.next("\"turns\":"), turns);
  out.push_back('}');
  return out;
}

std::string delta_json(const ContextAccess::State& state, std::span<const TurnEdit> turns,
                       const FirstKept* first, const PartIndices* next) {
  const ContextChanges& changes = state.changes;
  constexpr std::size_t other_members = 64;
  std::string out;
  std::size_t size = other_members;
  for (const TurnEdit& edit : turns) size += edit.turn != nullptr ? json_size(*edit.turn) : 0;
  out.reserve(size);
  Members members(out, '{');
  if (!turns.empty()) {
    Members edits(members.next("\"turns\":"), '{');
    for (const TurnEdit& edit : turns) {
      open_turn(edits, edit.index);
      append_edit(out, edit);
    }
    out.push_back('}');
  }
  append_changes(members, state.misc, changes.misc, "\"misc\":", "\"misc_del\":");
  append_changes(members, state.framework_states, changes.framework_states,
                 "\"states\":", "\"states_del\":");
  append_changes(members, state.extra, changes.extra, "\"extra\":", "\"extra_del\":");
  if (changes.id) members.next("\"id\":") += state.id.text();
  if (changes.validation) {
    members.next("\"validation\":") += state.validation ? "true" : "false";
  }
  if (first != nullptr) append_first(members.next("\"first\":"), *first);
  if (next != nullptr) append_next(members.next("\"next\":"), *next);
  out.push_back('}');
  return out;
}

std::string append_json(const TurnText& turn) {
  std::string out = "{\"turns\":";
  const TurnText* const only = &turn;
  append_turns(out, {&only, 1});
  out.push_back('}');
  return out;
}

std::size_t json_size(const TurnText& turn) noexcept {
  constexpr std::size_t index_and_names = 54;
  return index_and_names + turn.parts[0].size() + turn.parts[1].size() + turn.parts[2].size();
}

}  // namespace dialogstore::format
