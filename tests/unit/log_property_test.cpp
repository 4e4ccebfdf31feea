// Random histories of several clients on one log, against plain maps: what is stored is what was
// saved, a plan's `after` is what a fresh load finds, every version can still be found.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "unit/log_truth.hpp"

namespace dialogstore::format {
namespace {

struct Client {
  std::unique_ptr<ContextState> state;
  Truth mine;  ///< what the whole context is to this client
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), clients_(3) {}
  void step();
  std::map<char, int> ops;
  std::map<std::string, int> seen;

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Token own() { return token(++tokens_); }
  LogOptions options();

  void load(Client& client, bool everything);
  void create(Client& client);
  void change(Client& client);
  void change_turn(Client& client);
  void change_state(Client& client);
  void trim_some(Client& client);
  void save(Client& client);
  void append();
  void erase();
  void settle(Client& client, const PlanResult& planned);
  void merge_into(Client& client, bool everything);
  Truth merged_truth(const Client& client, const ContextState& theirs);
  void remember(const SaveRequest& request, const Version& version);
  void check();
  void check_numbering(const ContextState& whole);

  std::mt19937_64 random_;
  std::uint64_t tokens_ = 0;
  FakeList list_;
  Truth truth_;
  std::vector<Version> history_;
  std::vector<Client> clients_;
};

LogOptions World::options() {
  LogOptions options;
  options.seal_after = std::array<std::uint16_t, 5>{0, 1, 2, 4, 8}[below(5)];
  options.page_turns = std::array<std::size_t, 3>{1, 2, 8}[below(3)];
  options.delta_turns = std::array<std::size_t, 3>{1, 4, 16}[below(3)];
  options.compression_level = 1;
  return options;
}

void World::load(Client& client, bool everything) {
  client.state = std::make_unique<ContextState>();
  const ReplayResult result =
      everything ? load_all(list_, *client.state) : load_recent(list_, 2 + below(9), *client.state);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why;
  client.mine = truth_;
}

void World::create(Client& client) {
  client.state = std::make_unique<ContextState>();
  client.state->id = Json("id");
  client.mine = {};
  for (std::uint64_t i = below(30); i > 0; --i) change_turn(client);
  const Version replaced = list_.rows.empty() ? Version{} : list_.last_header().version;
  const PlanResult planned =
      plan_replace(*client.state, list_.rows.empty() ? nullptr : &replaced, own(), options());
  ASSERT_EQ(planned.status, PlanStatus::ready) << planned.why;
  history_.clear();
  settle(client, planned);
}

void World::change_turn(Client& client) {
  ContextState& state = *client.state;
  const std::int64_t next = std::ranges::max(state.next);
  std::int64_t index = next;
  if (chance(50) && next > 0) index = next - 1 - static_cast<std::int64_t>(below(3));
  if (chance(10) && next > 0)
    index = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(next)));
  if (chance(2)) index = next + static_cast<std::int64_t>(below(5));
  if (chance(1)) index = -1 - static_cast<std::int64_t>(below(4));
  const std::size_t part = below(3);
  if (chance(15)) {
    erase_part(state, index, static_cast<TurnPart>(part));
    client.mine.set(index, part, "");
    return;
  }
  const auto number = static_cast<std::int64_t>(below(1'000'000));
  const std::string text = part == 0 ? label_text(number) : message_text(number);
  set_part(state, index, static_cast<TurnPart>(part), text);
  client.mine.set(index, part, text);
}

void World::change_state(Client& client) {
  ContextState& state = *client.state;
  struct Field {
    JsonObject& object;
    std::map<std::string, std::string>& truth;
    MemberChanges& changes;
  };
  Field fields[] = {{state.misc, client.mine.misc, state.changes.misc},
                    {state.framework_states, client.mine.states, state.changes.framework_states},
                    {state.extra, client.mine.extra, state.changes.extra}};
  Field& field = fields[below(3)];
  const std::string name = "n\"\n" + std::to_string(below(4));
  if (chance(30)) {
    field.changes.note_erased(name);
    field.object.erase(name);
    field.truth.erase(name);
  } else {
    const std::string value = std::to_string(below(100));
    field.changes.note_set(name);
    field.object.set(name, Json::parse(value));
    field.truth[name] = value;
  }
  if (chance(10)) {
    client.mine.validation = state.validation = !state.validation;
    state.changes.validation = true;
  }
  if (chance(5)) {
    client.mine.id = std::to_string(below(100));
    state.id = Json::parse(client.mine.id);
    state.changes.id = true;
  }
}

void World::trim_some(Client& client) {
  const std::int64_t next = std::ranges::max(client.state->next);
  FirstKept first = nothing_trimmed;
  const std::int64_t from = next - static_cast<std::int64_t>(below(12));
  for (std::size_t part = 0; part < turn_parts; ++part) {
    if (chance(70)) first[part] = std::min(from, client.state->next[part]);
  }
  trim(*client.state, first);
  client.mine.trim(first);
}

void World::change(Client& client) {
  const std::uint64_t count = chance(3) ? 20 + below(30) : below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (chance(75)) {
      change_turn(client);
    } else {
      change_state(client);
    }
  }
  if (chance(4)) trim_some(client);
  if (chance(2)) change_turn(client);
}

/// What merge says it does, on maps.
Truth World::merged_truth(const Client& client, const ContextState& theirs) {
  const ContextState& mine = *client.state;
  const std::int64_t my_next = mine.position->next_turn;
  const std::int64_t shift = std::int64_t{theirs.position->next_turn} - my_next;
  Truth merged = truth_;
  FirstKept first = mine.changes.first;
  for (std::int64_t& index : first) index = std::min(index, my_next);
  merged.trim(first);
  for (const auto& [index, touched] : mine.changes.turns) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if ((touched & part_bit(part)) == 0) continue;
      const auto found = client.mine.turns.find(index);
      const SharedText text = found == client.mine.turns.end() ? SharedText() : found->second[part];
      if (index >= my_next) {
        if (!text.empty()) merged.set(index + shift, part, text);
      } else if (index >= theirs.position->first[part] || index < mine.position->first[part]) {
        merged.set(index, part, text);
      }
    }
  }
  const auto put = [](const MemberChanges& changes, const auto& from, auto& to) {
    for (const auto& name : changes.erased) to.erase(name);
    for (const auto& name : changes.set) to[name] = from.at(name);
  };
  put(mine.changes.misc, client.mine.misc, merged.misc);
  put(mine.changes.framework_states, client.mine.states, merged.states);
  put(mine.changes.extra, client.mine.extra, merged.extra);
  if (mine.changes.id) merged.id = client.mine.id;
  if (mine.changes.validation) merged.validation = client.mine.validation;
  return merged;
}

void World::merge_into(Client& client, bool everything) {
  Client theirs;
  load(theirs, everything);
  theirs.mine = merged_truth(client, *theirs.state);
  merge(*client.state, *theirs.state);
  client = std::move(theirs);
}

void World::save(Client& client) {
  PlanResult planned = plan_save(*client.state, own(), options());
  if (planned.status == PlanStatus::needs_everything) {
    ++seen["needs everything"];
    ASSERT_FALSE(client.state->position->complete);
    if (client.state->position->version == list_.last_header().version) {
      const Truth expected = client.mine;
      merge_into(client, true);
      ASSERT_TRUE(client.mine == expected);  // nothing was in between: a merge is the same change
    } else {
      merge_into(client, true);
    }
    planned = plan_save(*client.state, own(), options());
  }
  ASSERT_EQ(planned.status, PlanStatus::ready) << planned.why;
  const char answer = FakeList(list_).apply(planned.plan.request);
  if (answer == 'C') {
    ++seen["conflict"];
    merge_into(client, chance(30));
    return save(client);
  }
  if (answer != 'S') {
    ++seen["history changed"];
    client.state.reset();
    return;
  }
  settle(client, planned);
}

void World::remember(const SaveRequest& request, const Version& version) {
  if (request.op == SaveOp::touch) return;
  if (request.op == SaveOp::drop_head) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(request.n); ++i) {
      RowView page;
      ASSERT_EQ(decode_row(list_.rows[i], page), RowFault::none);
      const auto dropped = decode_tokens(page.tokens);
      std::erase_if(history_, [&](const Version& old) {
        return std::ranges::find(dropped, old.token) != dropped.end();
      });
    }
  }
  history_.push_back(version);
}

void World::settle(Client& client, const PlanResult& planned) {
  ++ops[static_cast<char>(planned.plan.request.op)];
  remember(planned.plan.request, planned.plan.after.version);
  ASSERT_EQ(list_.apply(planned.plan.request), 'S');
  saved(*client.state, planned.plan);
  truth_ = client.mine;
  ContextState fresh;
  const ReplayResult result =
      client.state->position->complete ? load_all(list_, fresh) : load_recent(list_, 2, fresh);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why << " in row " << result.row;
  expect_same_position(planned.plan.after, *fresh.position);
  if (client.state->position->complete) {
    expect_same_content(*client.state, fresh);
  }
}

void World::append() {
  TurnText turn;
  turn.parts[1] = message_text(static_cast<std::int64_t>(below(1'000'000)));
  const RowHeader last = list_.last_header();
  const PlanResult planned = plan_append(last, turn, own());
  ASSERT_EQ(planned.status, PlanStatus::ready) << planned.why;
  ASSERT_EQ(list_.apply(planned.plan.request), 'S');
  remember(planned.plan.request, planned.plan.after.version);
  truth_.turns[last.next_turn] = turn.parts;
  EXPECT_EQ(list_.last_header().version, planned.plan.after.version);
  EXPECT_EQ(list_.last_header().next_turn, planned.plan.after.next_turn);
}

void World::erase() {
  ASSERT_EQ(list_.apply(plan_erase(list_.last_header().version, own())), 'S');
  ContextState none;
  const ReplayResult result = load_recent(list_, 10, none);
  EXPECT_EQ(result.status, ReplayStatus::deleted);
  EXPECT_EQ(result.version, list_.last_header().version);
  create(clients_[0]);
}

void World::check() {
  ContextState whole;
  const ReplayResult result = load_all(list_, whole);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why << " in row " << result.row;
  check_numbering(whole);
  ASSERT_TRUE(truth_of(whole) == truth_);
  ContextState recent;
  ASSERT_EQ(load_recent(list_, 1 + below(12), recent).status, ReplayStatus::loaded);
  Truth part = truth_;
  const auto& unsealed = recent.position->unsealed_turns;
  std::erase_if(part.turns, [&](const auto& turn) {
    return !std::ranges::binary_search(unsealed, turn.first);
  });
  ASSERT_TRUE(truth_of(recent) == part);
  for (const PageMark& page : whole.position->pages) {
    const TurnRange turns = page.turns.get();
    if (turns == TurnRange()) continue;  // it holds tokens only
    ASSERT_TRUE(unsealed.empty() || turns.highest < unsealed.front()) << "numbering relies on it";
    ASSERT_LT(turns.highest, std::int64_t{whole.position->next_turn});
  }
  for (std::size_t i = 0; i < turn_parts; ++i) {
    const auto last = whole.turns.last_index(static_cast<TurnPart>(i));
    EXPECT_GE(recent.next[i], last ? *last + 1 : 0);
  }
  EXPECT_EQ(inspect(list_.all()), std::vector<std::string>{});
  const Version& known = history_[below(history_.size())];
  EXPECT_EQ(list_.find(known), 'C');
  EXPECT_EQ(list_.find({known.seq, token(~std::uint64_t{0})}), 'H');
}

/// What is told of numbering without reading old turns is what they tell, or what a load of the
/// recent turns tells.
void World::check_numbering(const ContextState& whole) {
  const bool is_unread = whole.turns.here_from() != keep_all;
  if (is_unread) ++seen["unread"];
  TurnTable read = whole.turns;
  read.read();
  for (std::size_t i = 0; i < turn_parts; ++i) {
    const auto part = static_cast<TurnPart>(i);
    const auto here = next_index_here(whole, part);
    const auto last = read.last_index(part);
    const std::int64_t next = last ? *last + 1 : whole.next[i];
    if (!here) {
      ASSERT_TRUE(is_unread);
    } else if (*here != next) {
      ASSERT_GT(*here, next) << "a turn would be hidden";
      ASSERT_FALSE(whole.turns.last_index_here(part)) << "it would be the last";
      ++seen["numbered behind a gap"];
    }
    if (here && *here == next) ++seen["numbered alike"];
  }
}

void World::step() {
  Client& client = clients_[below(clients_.size())];
  if (list_.rows.empty()) create(client);
  const std::uint64_t what = below(1000);
  if (what < 2) {
    erase();
  } else if (what < 5) {
    create(client);
  } else if (what < 60) {
    append();
  } else if (what < 120 || !client.state) {
    load(client, chance(50));
  } else if (what < 350) {
    change(client);
  } else {
    change(client);
    save(client);
  }
  if (!::testing::Test::HasFailure()) check();
}

class LogProperty : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(LogProperty, WhatIsStoredIsWhatWasSaved) {
  constexpr int steps = 1500;
  World world(GetParam());
  for (int i = 0; i < steps; ++i) {
    world.step();
    ASSERT_FALSE(HasFailure()) << "seed " << GetParam() << " step " << i;
  }
  for (const auto& [op, count] : world.ops) RecordProperty(std::string("op_") + op, count);
  for (const char op : {'a', 's', 'e', 'h', 'r'}) EXPECT_GT(world.ops[op], 0) << op;
  EXPECT_GT(world.seen["conflict"], 0);
  EXPECT_GT(world.seen["needs everything"], 0);
  EXPECT_GT(world.seen["unread"], 0);
  EXPECT_GT(world.seen["numbered alike"], 100 * world.seen["numbered behind a gap"]);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogProperty, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace dialogstore::format
