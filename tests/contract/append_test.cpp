// Adding turns without loading, and watching them come.
#include <future>
#include <set>
#include <thread>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class Append : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Append, testing::ValuesIn(all_setups()), setup_name);

TEST_P(Append, GivesTheIndexTheTurnGot) {
  Client client = open();
  client.set_item("k", dialog(3));
  Context expected = dialog(3);
  for (std::int64_t i = 3; i < 40; ++i) {
    Turn turn = turn_of("a" + std::to_string(i));
    turn.index = 7;
    ASSERT_EQ(client.append("k", turn), i);
    add_turn(expected, "a" + std::to_string(i));
  }
  EXPECT_EQ(client.get_item("k"), expected);
  EXPECT_EQ(client.get_item("k", {.history = History::recent}).last_request()->text, "a39");
}

TEST_P(Append, TakesWhateverPartsATurnHas) {
  Client client = open();
  client.set_item("k", Context());
  EXPECT_EQ(client.append("k", {.request = Message("q")}), 0);
  EXPECT_EQ(client.append("k", {.response = Message("r")}), 1);
  EXPECT_EQ(client.append("k", {.label = Label{.flow = "f", .node = "n"}}), 2);
  const Context stored = client.get_item("k");
  EXPECT_EQ(stored.request(0)->text, "q");
  EXPECT_FALSE(stored.response(0).has_value());
  EXPECT_EQ(stored.response(1)->text, "r");
  EXPECT_EQ(stored.label(2)->node, "n");
  EXPECT_EQ(stored.turn_count(), 3U);
}

TEST_P(Append, FromManyThreadsLosesNoneAndGivesEachItsIndex) {
  constexpr int threads = 8;
  constexpr int each = 12;
  Client first = open();
  Client second = open();
  first.set_item("k", dialog(0));
  std::vector<std::future<std::vector<std::int64_t>>> ends;
  for (int t = 0; t < threads; ++t) {
    ends.push_back(std::async(std::launch::async, [&, t] {
      std::vector<std::int64_t> indices;
      for (int i = 0; i < each; ++i) {
        Client& client = t % 2 == 0 ? first : second;
        indices.push_back(client.append("k", turn_of(std::to_string(t) + "." + std::to_string(i))));
      }
      return indices;
    }));
  }
  const auto stored_later = [&] { return first.get_item("k"); };
  std::set<std::int64_t> all;
  std::vector<std::vector<std::int64_t>> indices;
  for (auto& end : ends) {
    indices.push_back(end.get());
    all.insert(indices.back().begin(), indices.back().end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(threads * each));
  EXPECT_EQ(*all.begin(), 0);
  EXPECT_EQ(*all.rbegin(), threads * each - 1);
  const Context stored = stored_later();
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < each; ++i) {
      const std::string text = std::to_string(t) + "." + std::to_string(i);
      const std::int64_t index = indices[static_cast<std::size_t>(t)][static_cast<std::size_t>(i)];
      ASSERT_EQ(stored.request(index)->text, text);
    }
  }
  EXPECT_TRUE(first.check(false).sound());
}

class Watch : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Watch, testing::ValuesIn(all_setups()), setup_name);

TEST_P(Watch, GivesAtOnceWhatIsThere) {
  Client client = open();
  client.set_item("k", dialog(20));
  for (const std::int64_t from : {0, 5, 19}) {
    const TurnUpdate update = client.watch("k", from);
    EXPECT_EQ(update.next_index, 20);
    EXPECT_EQ(update.turns.size(), static_cast<std::size_t>(20 - from));
    EXPECT_EQ(update.turns.front(), dialog(20).turn(from));
  }
}

TEST_P(Watch, EndsEmptyWhenNothingComes) {
  Client client = open();
  EXPECT_TRUE(client.watch("absent", 0, {.timeout = 500ms}).turns.empty());
  client.set_item("k", dialog(3));
  const TurnUpdate update = client.watch("k", 3, {.timeout = 500ms});
  EXPECT_TRUE(update.turns.empty());
  EXPECT_EQ(update.next_index, 3);
}

TEST_P(Watch, FollowsADialogAsItIsSaved) {
  Client writer = open();
  Client reader = open();
  constexpr int turns = 25;
  auto seen = std::async(std::launch::async, [&] {
    std::vector<std::string> all;
    std::int64_t next = 0;
    while (all.size() < turns) {
      const TurnUpdate update = reader.watch("k", next);
      if (update.turns.empty()) {
        break;
      }
      for (const std::string& text : texts(update.turns)) {
        all.push_back(text);
      }
      next = update.next_index;
    }
    return all;
  });
  Context context = dialog(0);
  std::vector<std::string> saved;
  for (int i = 0; i < turns; ++i) {
    saved.push_back("t" + std::to_string(i));
    if (i % 3 == 2) {
      writer.append("k", turn_of(saved.back()));
      context = writer.get_item("k");
    } else {
      add_turn(context, saved.back());
      writer.set_item("k", context);
    }
  }
  EXPECT_EQ(seen.get(), saved);
}

}  // namespace
}  // namespace dialogstore::test
