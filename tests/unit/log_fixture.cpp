#include "unit/log_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dialogstore::format {
namespace {

std::uint32_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(offset, size)) {
    value = (value << 8U) | static_cast<std::uint8_t>(byte);
  }
  return value;
}

Token next_own() {
  static std::uint64_t counter = 1'000'000;
  return token(++counter);
}

}  // namespace

// The script's lines, one by one.
void FakeList::write(const SaveRequest& request) {
  const auto& added = request.rows;
  const auto n = static_cast<std::ptrdiff_t>(request.n);
  const auto size = static_cast<std::ptrdiff_t>(rows.size());
  switch (request.op) {
    case SaveOp::append:
      rows.insert(rows.end(), added.begin(), added.end());
      break;
    case SaveOp::seal:
      rows.at(static_cast<std::size_t>(size - n)) = added.at(0);
      rows.resize(static_cast<std::size_t>(size - n + 1));
      rows.insert(rows.end(), added.begin() + 1, added.end());
      break;
    case SaveOp::edit:
      rows.at(static_cast<std::size_t>(size + n)) = added.at(0);
      rows.insert(rows.end(), added.begin() + 1, added.end());
      break;
    case SaveOp::drop_head:
      rows.insert(rows.end(), added.begin(), added.end());
      rows.erase(rows.begin(), rows.begin() + n);
      break;
    case SaveOp::replace:
    case SaveOp::erase:
      rows = added;
      break;
    case SaveOp::touch:
      break;
  }
}

char FakeList::apply(const SaveRequest& request) {
  const std::string current = rows.empty() ? "" : rows.back().substr(4, version_bytes);
  if (current == request.base) {
    write(request);
    return 'S';
  }
  if (rows.empty()) return 'G';
  if (rows.back().front() == 'T') return 'D';
  if (request.base.empty()) return 'C';
  return find(*decode_version(request.base));
}

char FakeList::find(const Version& base) const {
  std::int64_t seq = -1;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    seq = number_at(*row, 4, 4);
    if (row->front() == 'P') {
      const std::uint32_t count = number_at(*row, 24, 2);
      const auto tokens = decode_tokens(std::string_view(*row).substr(26, std::size_t{count} * 8));
      for (std::uint32_t j = count; j >= 1; --j) {
        if (seq - count + j == base.seq && tokens[j - 1] == base.token) return 'C';
      }
      if (count > 0) seq = seq - count + 1;
    } else if (seq == base.seq && row->substr(4, 12) == encode_version(base)) {
      return 'C';
    }
    if (seq < base.seq) return 'H';
  }
  return 'H';
}

RowHeader FakeList::last_header() const {
  RowHeader header;
  EXPECT_EQ(decode_header(std::string_view(rows.back()).substr(0, 20), header), RowFault::none);
  return header;
}

ReplayResult load_recent(const FakeList& list, std::size_t window, ContextState& out) {
  ReplayResult result = replay(list.last(window), false, out);
  if (result.status == ReplayStatus::needs_window) {
    result = replay(list.last(result.window), false, out);
  }
  return result;
}

ReplayResult load_all(const FakeList& list, ContextState& out) {
  return replay(list.all(), true, out);
}

void set_part(ContextState& state, std::int64_t index, TurnPart part, std::string text) {
  const auto slot = static_cast<std::size_t>(part);
  state.turns.set_part(index, part, std::move(text));
  state.changes.turns[index] |= part_bit(slot);
  state.next[slot] = std::max(state.next[slot], index + 1);
}

void erase_part(ContextState& state, std::int64_t index, TurnPart part) {
  state.turns.erase_part(index, part);
  state.changes.turns[index] |= part_bit(static_cast<std::size_t>(part));
}

void set_misc(ContextState& state, std::string_view name, std::string_view json) {
  state.misc.set(name, Json::parse(json));
  state.changes.misc.note_set(name);
}

void trim(ContextState& state, const FirstKept& first) {
  state.turns.trim(first);
  for (std::size_t part = 0; part < turn_parts; ++part) {
    state.changes.first[part] = std::max(state.changes.first[part], first[part]);
  }
}

void add_turn(ContextState& state, std::int64_t index) {
  set_part(state, index, TurnPart::label, label_text(index));
  set_part(state, index, TurnPart::request, message_text(index));
  set_part(state, index, TurnPart::response, message_text(index + 1000));
}

void saved(ContextState& state, const SavePlan& plan) {
  state.position = plan.after;
  state.changes.clear();
}

std::string label_text(std::int64_t number) {
  return "[\"flow\",\"node " + std::to_string(number) + "\"]";
}

std::string message_text(std::int64_t number) {
  return "{\"text\":\"message " + std::to_string(number) + "\"}";
}

FakeList stored(ContextState& state, std::int64_t count, const LogOptions& options) {
  state.id = Json("id");
  for (std::int64_t index = 0; index < count; ++index) add_turn(state, index);
  PlanResult result = plan_replace(state, nullptr, next_own(), options);
  EXPECT_EQ(result.status, PlanStatus::ready) << result.why;
  FakeList list;
  EXPECT_EQ(list.apply(result.plan.request), 'S');
  saved(state, result.plan);
  return list;
}

SavePlan save(FakeList& list, ContextState& state, const LogOptions& options) {
  PlanResult result = plan_save(state, next_own(), options);
  EXPECT_EQ(result.status, PlanStatus::ready) << result.why;
  EXPECT_EQ(list.apply(result.plan.request), 'S');
  saved(state, result.plan);
  return result.plan;
}

void expect_same_position(const LogPosition& a, const LogPosition& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.keyframe_distance, b.keyframe_distance);
  EXPECT_EQ(a.next_turn, b.next_turn);
  EXPECT_EQ(a.unsealed_tokens, b.unsealed_tokens);
  EXPECT_EQ(a.unsealed_turns, b.unsealed_turns);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.complete, b.complete);
  ASSERT_EQ(a.pages.size(), b.pages.size());
  for (std::size_t i = 0; i < a.pages.size(); ++i) {
    EXPECT_EQ(a.pages[i].version, b.pages[i].version) << "page " << i;
    EXPECT_EQ(a.pages[i].next_turn, b.pages[i].next_turn) << "page " << i;
    EXPECT_EQ(a.pages[i].tokens, b.pages[i].tokens) << "page " << i;
    EXPECT_EQ(a.pages[i].turns.get(), b.pages[i].turns.get()) << "page " << i;
    EXPECT_EQ(a.pages[i].opaque, b.pages[i].opaque) << "page " << i;
  }
}

void expect_same_content(const ContextState& a, const ContextState& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.validation, b.validation);
  EXPECT_EQ(a.misc, b.misc);
  EXPECT_EQ(a.framework_states, b.framework_states);
  EXPECT_EQ(a.extra, b.extra);
  // Copies, so that what is unread stays so.
  const std::vector<TurnText> of_a = TurnTable(a.turns).all();
  const std::vector<TurnText> of_b = TurnTable(b.turns).all();
  ASSERT_EQ(of_a.size(), of_b.size());
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    EXPECT_EQ(of_a[i].index, of_b[i].index);
    EXPECT_EQ(of_a[i].parts, of_b[i].parts);
  }
}

std::string kinds(const FakeList& list) {
  std::string out;
  for (const std::string& row : list.rows) out.push_back(row.front());
  return out;
}

void expect_reloads(const FakeList& list, const ContextState& state) {
  ContextState fresh;
  const ReplayResult result = load_all(list, fresh);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why;
  expect_same_content(state, fresh);
  if (state.position->complete) expect_same_position(*state.position, *fresh.position);
  EXPECT_EQ(inspect(list.all()), std::vector<std::string>{});
}

}  // namespace dialogstore::format
