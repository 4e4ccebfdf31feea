// Turns over sealed pages: growing, loading in part, editing, trimming; with both kinds of load and
// several lengths of the log's tail.
#include <algorithm>
#include <optional>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

class Turns : public ContractTest {
 protected:
  // Stores this many turns one save at a time; what is stored, complete.
  Context grow(Client& client, std::size_t turns) {
    Context context = dialog(0);
    for (std::size_t i = 0; i < turns; ++i) {
      add_turn(context, "t" + std::to_string(i));
      client.set_item("k", context);
    }
    return context;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Turns, testing::ValuesIn(log_setups()), setup_name);

TEST_P(Turns, AreAllThereWhateverTheLengthOfTheDialog) {
  Client client = open();
  Client other = open();
  Context context = dialog(0);
  for (std::size_t i = 0; i < 40; ++i) {
    add_turn(context, "t" + std::to_string(i));
    context.set_misc("n", i);
    client.set_item("k", context);
    ASSERT_TRUE(is_tail_of(other.get_item("k"), context)) << i;
    ASSERT_EQ(other.get_item("k", whole), context) << i;
  }
  EXPECT_TRUE(other.check(false).sound());
}

TEST_P(Turns, ALoadOfTheRecentOnesSaysSo) {
  Client client = open();
  grow(client, 120);
  Context loaded = client.get_item("k");
  EXPECT_EQ(loaded.is_complete(), loads_all());
  if (!loads_all()) {
    EXPECT_LT(loaded.turn_count(), 120U);
    EXPECT_EQ(error_of([&] { return loaded.to_json(); }), errc::partial_context);
  }
  EXPECT_EQ(loaded.last_request()->text, "t119");
  EXPECT_EQ(loaded.last_response()->text, "re: t119");
  EXPECT_EQ(loaded.last_label()->node, "t119");
  EXPECT_EQ(add_turn(loaded, "x"), 120);
}

TEST_P(Turns, AreAddedToWhatWasLoaded) {
  Client client = open();
  Context complete = grow(client, 3);
  for (int i = 0; i < 30; ++i) {
    Context loaded = client.get_item("k");
    const std::string text = "again " + std::to_string(i);
    add_turn(loaded, text);
    add_turn(complete, text);
    client.set_item("k", loaded);
    ASSERT_TRUE(is_tail_of(loaded, complete)) << i;
    add_turn(loaded, text + " b");
    add_turn(complete, text + " b");
    client.set_item("k", loaded);
  }
  EXPECT_EQ(client.get_item("k", whole), complete);
}

TEST_P(Turns, RangesAreLoaded) {
  Client client = open();
  const Context complete = grow(client, 23);
  for (const std::int64_t from : {-5, 0, 1, 8, 20, 21, 22, 23, 100}) {
    for (const std::int64_t to : {-1, 0, 1, 9, 21, 22, 23, 1000}) {
      const std::vector<Turn> turns = client.load_turns("k", from, to);
      const std::int64_t low = std::clamp<std::int64_t>(from, 0, 23);
      const std::int64_t high = std::clamp<std::int64_t>(to, low, 23);
      ASSERT_EQ(turns.size(), static_cast<std::size_t>(high - low)) << from << ' ' << to;
      for (std::int64_t i = low; i < high; ++i) {
        ASSERT_EQ(turns[static_cast<std::size_t>(i - low)], complete.turn(i)) << from << ' ' << to;
      }
    }
  }
}

TEST_P(Turns, SealedOnesMayBeEdited) {
  Client client = open();
  Context complete = grow(client, 25);
  for (const std::int64_t index : {0, 24, 11, 3, 23, 22}) {
    Context loaded = client.get_item("k");
    const std::string text = "edited " + std::to_string(index);
    loaded.set_request(index, text);
    complete.set_request(index, text);
    client.set_item("k", loaded);
    ASSERT_EQ(client.get_item("k", whole), complete) << index;
    ASSERT_EQ(client.load_turns("k", index, index + 1).at(0).request->text, text);
    add_turn(loaded, "after " + text);
    add_turn(complete, "after " + text);
    client.set_item("k", loaded);
    ASSERT_EQ(client.get_item("k", whole), complete) << index;
  }
  EXPECT_TRUE(client.check(false).sound());
}

TEST_P(Turns, AreNumberedAlikeHoweverMuchWasLoaded) {
  Client client = open();
  for (const std::size_t turns : {1, 2, 3, 9, 10, 11, 24}) {
    for (std::size_t erased = 1; erased <= std::min<std::size_t>(turns, 3); ++erased) {
      client.set_item("k", dialog(0));
      grow(client, turns);
      Context complete = client.get_item("k", whole);
      Context loaded = client.get_item("k");
      errc refused{};
      for (std::size_t i = 1; i <= erased && refused == errc{}; ++i) {
        const auto index = static_cast<std::int64_t>(turns - i);
        complete.erase(index, TurnPart::request);
        refused = error_of([&] { return loaded.erase(index, TurnPart::request); });
      }
      const std::int64_t expected = complete.add_request("anew");
      std::int64_t index = -1;
      if (refused == errc{}) {
        refused = error_of([&] { return index = loaded.add_request("anew"); });
      }
      if (refused != errc{}) {
        EXPECT_EQ(refused, errc::partial_context);
        EXPECT_FALSE(loaded.is_complete()) << turns << ' ' << erased;
        continue;
      }
      EXPECT_EQ(index, expected) << turns << ' ' << erased;
      client.set_item("k", loaded);
      EXPECT_EQ(client.get_item("k", whole), complete) << turns << ' ' << erased;
      loaded = client.get_item("k");
      EXPECT_EQ(loaded.add_request("next"), complete.add_request("next"));
    }
  }
}

TEST_P(Turns, SeveralPagesMayBeEditedAtOnce) {
  Client client = open();
  Context complete = grow(client, 30);
  Context loaded = client.get_item("k");
  for (std::int64_t index = 0; index < 30; index += 4) {
    loaded.set_response(index, Message("all edited"));
    complete.set_response(index, Message("all edited"));
  }
  add_turn(loaded, "and more");
  add_turn(complete, "and more");
  loaded.set_misc("a", 1);
  complete.set_misc("a", 1);
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k", whole), complete);
  add_turn(loaded, "and more");
  add_turn(complete, "and more");
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k", whole), complete);
}

TEST_P(Turns, PartsAndWholeTurnsMayBeErased) {
  Client client = open();
  Context complete = grow(client, 20);
  const auto erase = [&](std::int64_t index, std::initializer_list<TurnPart> parts) {
    Context loaded = client.get_item("k", whole);
    for (const TurnPart part : parts) {
      ASSERT_TRUE(loaded.erase(index, part));
      ASSERT_TRUE(complete.erase(index, part));
    }
    client.set_item("k", loaded);
    ASSERT_EQ(client.get_item("k", whole), complete) << index;
    // Of the newest turns fewer than usual may be left.
    ASSERT_TRUE(is_tail_of(client.get_item("k"), complete, 0)) << index;
  };
  erase(2, {TurnPart::response});
  erase(5, {TurnPart::label, TurnPart::request, TurnPart::response});
  erase(19, {TurnPart::request});
  erase(18, {TurnPart::label, TurnPart::request, TurnPart::response});
  erase(19, {TurnPart::label, TurnPart::response});
  erase(17, {TurnPart::response});
  Context loaded = client.get_item("k");
  Context full = client.get_item("k", whole);
  EXPECT_EQ(full.add_request("next"), 18);
  EXPECT_EQ(loaded.add_request("next"), 18);
}

TEST_P(Turns, TrimmingDropsTheOldOnes) {
  Client client = open();
  Context complete = grow(client, 27);
  for (const std::size_t kept : {20U, 9U, 3U, 1U}) {
    Context loaded = client.get_item("k");
    if (!loaded.is_complete() && loaded.turn_count() < kept) {
      // Which ones to drop is not known then.
      ASSERT_EQ(error_of([&] { return loaded.clear(kept), 0; }), errc::partial_context);
      loaded = client.get_item("k", whole);
    }
    loaded.clear(kept);
    complete.clear(kept);
    client.set_item("k", loaded);
    ASSERT_EQ(client.get_item("k", whole), complete) << kept;
    ASSERT_TRUE(is_tail_of(client.get_item("k"), complete)) << kept;
    ASSERT_EQ(client.load_turns("k", 0, 1000).size(), complete.turn_count()) << kept;
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(add_turn(loaded, "after"), add_turn(complete, "after"));
      client.set_item("k", loaded);
      ASSERT_EQ(client.get_item("k", whole), complete) << kept;
    }
  }
  EXPECT_TRUE(client.check(false).sound());
}

TEST_P(Turns, TrimmingMayTakeOneSequenceOnly) {
  Client client = open();
  Context complete = grow(client, 15);
  Context loaded = client.get_item("k", whole);
  loaded.clear(2, {ContextField::requests});
  complete.clear(2, {ContextField::requests});
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k", whole), complete);
  loaded.clear(5, {ContextField::labels, ContextField::misc});
  complete.clear(5, {ContextField::labels, ContextField::misc});
  add_turn(loaded, "x");
  add_turn(complete, "x");
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k", whole), complete);
}

TEST_P(Turns, ClearingAllOfThemLeavesTheState) {
  Client client = open();
  Context complete = grow(client, 12);
  Context loaded = client.get_item("k");
  loaded.clear(0);
  complete.clear(0);
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k", whole), complete);
  EXPECT_EQ(client.get_item("k", whole).turn_count(), 0U);
  EXPECT_EQ(client.load_turns("k", 0, 100).size(), 0U);
  for (int i = 0; i < 10; ++i) {
    Context again = client.get_item("k");
    add_turn(again, "again " + std::to_string(i));
    client.set_item("k", again);
  }
  EXPECT_EQ(client.get_item("k", whole).turn_count(), 10U);
  EXPECT_EQ(texts(client.get_item("k", whole)).back(), "again 9");
}

// A load reads pages only when somebody looks; what they lie in is the context's from then on.
TEST_P(Turns, OlderOnesAreThereWhenTheStorageIsNot) {
  Context complete;
  std::optional<Context> loaded;
  {
    Client client = open();
    complete = grow(client, 40);
    loaded = client.get_item("k", whole);
    for (int i = 0; i < 10; ++i) {
      Context again = client.get_item("k", whole);
      add_turn(again, "later");
      client.set_item("k", again);
    }
    ASSERT_TRUE(client.del_item("k"));
  }
  EXPECT_EQ(*loaded, complete);
}

TEST_P(Turns, ManyAtOnce) {
  Client client = open();
  Context context = dialog(1000);
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k", whole), context);
  EXPECT_TRUE(is_tail_of(client.get_item("k"), context));
  for (int i = 0; i < 200; ++i) {
    add_turn(context, "more " + std::to_string(i));
  }
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k", whole), context);
  EXPECT_EQ(texts(client.load_turns("k", 500, 502)), (std::vector<std::string>{"t500", "t501"}));
  EXPECT_EQ(client.append("k", turn_of("last")), 1200);
}

TEST_P(Turns, IndicesNeedNotBeDense) {
  Client client = open();
  Context context;
  for (const std::int64_t index : {-3, -1, 0, 7, 1000, 1'000'000, 2'000'000'000}) {
    context.set_request(index, std::to_string(index));
    client.set_item("k", context);
    ASSERT_EQ(client.get_item("k", whole), context) << index;
  }
  context.set_response(500, "between");
  context.set_label(-2, {.flow = "f", .node = "n"});
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k", whole), context);
  EXPECT_EQ(texts(client.load_turns("k", -3, 1)), (std::vector<std::string>{"-3", "-", "-1", "0"}));
  EXPECT_EQ(client.append("k", turn_of("x")), 2'000'000'001);
}

TEST_P(Turns, SequencesMayHaveDifferentLengths) {
  Client client = open();
  Context context;
  for (int i = 0; i < 30; ++i) {
    context.add_request("q" + std::to_string(i));
    if (i % 2 == 0) {
      context.add_response("r" + std::to_string(i));
    }
    if (i % 5 == 0) {
      context.add_label({.flow = "f", .node = std::to_string(i)});
    }
    client.set_item("k", context);
    ASSERT_EQ(client.get_item("k", whole), context) << i;
  }
  Context loaded = client.get_item("k");
  EXPECT_EQ(loaded.add_request("q"), 30);
  EXPECT_EQ(loaded.add_response("r"), 15);
  EXPECT_EQ(loaded.add_label({.flow = "f", .node = "n"}), 6);
  client.set_item("k", loaded);
  const Context stored = client.get_item("k", whole);
  EXPECT_EQ(stored.last_request()->text, "q");
  EXPECT_EQ(stored.last_response()->text, "r");
  EXPECT_EQ(stored.last_label()->node, "n");
}

TEST_P(Turns, WritersMaySealDifferently) {
  std::vector<Client> clients;
  for (const std::uint16_t seal_after : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{5},
                                         std::uint16_t{20}, GetParam().seal_after}) {
    StorageOptions changed = options();
    changed.seal_after = seal_after;
    clients.push_back(open(changed));
  }
  Context complete = dialog(0);
  clients[0].set_item("k", Context(complete));
  for (std::size_t i = 0; i < 60; ++i) {
    Client& client = clients[i * 7 % clients.size()];
    const std::string text = "t" + std::to_string(i);
    add_turn(complete, text);
    if (i % 4 == 3) {
      ASSERT_EQ(client.append("k", turn_of(text)), static_cast<std::int64_t>(i));
    } else {
      Context loaded = client.get_item("k");
      add_turn(loaded, text);
      client.set_item("k", loaded);
    }
    ASSERT_EQ(clients[i % clients.size()].get_item("k", whole), complete) << i;
    ASSERT_TRUE(is_tail_of(clients[(i + 1) % clients.size()].get_item("k"), complete)) << i;
  }
}

TEST_P(Turns, AnEditAndATurnOfSomeoneElseMerge) {
  Client one = open(ConflictPolicy::merge);
  Client two = open(ConflictPolicy::merge);
  Context complete = grow(one, 18);
  Context mine = one.get_item("k");
  Context theirs = two.get_item("k");
  add_turn(theirs, "theirs");
  add_turn(complete, "theirs");
  two.set_item("k", theirs);
  mine.set_request(2, "edited");
  complete.set_request(2, "edited");
  add_turn(mine, "mine");
  add_turn(complete, "mine");
  one.set_item("k", mine);
  EXPECT_EQ(two.get_item("k", whole), complete);
  EXPECT_TRUE(is_tail_of(mine, complete));
}

TEST_P(Turns, APartialContextIsNotStoredElsewhere) {
  Client client = open();
  const Context complete = grow(client, 120);
  Context loaded = client.get_item("k");
  if (loads_all()) {
    client.set_item("l", loaded);
    EXPECT_EQ(client.get_item("l", whole), complete);
  } else {
    EXPECT_EQ(error_of([&] { return client.set_item("l", loaded), 0; }), errc::partial_context);
    EXPECT_EQ(error_of([&] { return client.create("l", loaded), 0; }), errc::partial_context);
    EXPECT_FALSE(client.contains("l"));
  }
}

}  // namespace
}  // namespace dialogstore::test
