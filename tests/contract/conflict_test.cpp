// Two writers of one context: fail, merge, overwrite; deleted and replaced under the writer's feet.
#include <algorithm>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

class Conflicts : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Conflicts, testing::ValuesIn(all_setups()), setup_name);

TEST_P(Conflicts, FailLeavesTheStoreAsItWas) {
  Client one = open();
  Client two = open();
  one.set_item("k", dialog(3));
  Context mine = one.get_item("k");
  Context theirs = two.get_item("k");
  add_turn(theirs, "theirs");
  two.set_item("k", theirs);
  add_turn(mine, "mine");
  mine.set_misc("a", 1);
  try {
    one.set_item("k", mine);
    FAIL() << "no ConflictError";
  } catch (const ConflictError& error) {
    EXPECT_EQ(error.reason(), errc::conflict);
    EXPECT_EQ(error.key(), "k");
  }
  EXPECT_TRUE(mine.has_changes());
  EXPECT_FALSE(mine.has_pending_save());
  EXPECT_EQ(one.get_item("k"), theirs);
  EXPECT_EQ(error_of([&] { return one.set_item("k", mine), 0; }), errc::conflict) << "again";
  Context reloaded = one.get_item("k");
  add_turn(reloaded, "mine");
  one.set_item("k", reloaded);
  EXPECT_EQ(two.get_item("k"), reloaded);
}

TEST_P(Conflicts, ACopyRemembersTheSameVersion) {
  Client client = open();
  Context context = dialog(3);
  client.set_item("k", context);
  Context copy = context;
  add_turn(context, "context");
  add_turn(copy, "copy");
  client.set_item("k", context);
  EXPECT_EQ(error_of([&] { return client.set_item("k", copy), 0; }), errc::conflict);
  EXPECT_EQ(client.get_item("k"), context);
  client.set_item("k", copy, {.on_conflict = ConflictPolicy::merge});
  EXPECT_EQ(texts(client.get_item("k")),
            (std::vector<std::string>{"t0", "t1", "t2", "context", "copy"}));
}

TEST_P(Conflicts, MergeLosesNoTurn) {
  Client one = open(ConflictPolicy::merge);
  Client two = open(ConflictPolicy::merge);
  one.set_item("k", dialog(1));
  Context mine = one.get_item("k");
  Context theirs = two.get_item("k");
  std::vector<std::string> expected = {"t0"};
  for (int i = 0; i < 15; ++i) {
    const std::string number = std::to_string(i);
    add_turn(mine, "mine " + number);
    add_turn(theirs, "theirs " + number);
    one.set_item("k", mine);
    two.set_item("k", theirs);
    expected.push_back("mine " + number);
    expected.push_back("theirs " + number);
    const Context stored = one.get_item("k");
    ASSERT_EQ(texts(stored), expected);
    ASSERT_EQ(theirs, stored) << "after a merge the context holds the merged content";
    ASSERT_FALSE(theirs.has_changes());
    for (const auto& [index, response] : stored.responses()) {
      ASSERT_EQ(response.text, "re: " + stored.request(index)->text.value_or(""))
          << "the parts of a turn stay together";
      ASSERT_EQ(stored.label(index)->node, stored.request(index)->text);
    }
  }
}

// Whoever found nothing, and merges into what others stored meanwhile, has all of it then; with
// history=recent the newest of it, as after a load.
TEST_P(Conflicts, AMergedFirstTurnHasTheWholeContextBeforeIt) {
  Client one = open(ConflictPolicy::merge);
  Client two = open(ConflictPolicy::merge);
  for (const auto history : {History::all, History::recent}) {
    const ContextKey key = history == History::all ? "all" : "recent";
    Context mine = one.get(key, Context());
    Context theirs = two.get(key, Context());
    for (int i = 0; i < 30; ++i) {
      add_turn(theirs, "theirs " + std::to_string(i));
      two.set_item(key, theirs);
    }
    add_turn(mine, "mine");
    one.set_item(key, mine, {.history = history});
    EXPECT_EQ(mine.last_request()->text, "mine");
    EXPECT_EQ(mine.is_complete(), history == History::all);
    const Context stored = two.get_item(key);
    EXPECT_EQ(stored.turn_count(), 31U);
    if (history == History::all) {
      EXPECT_EQ(mine, stored);
    }
  }
}

TEST_P(Conflicts, MergePutsStateTogetherByKey) {
  Client one = open(ConflictPolicy::merge);
  Client two = open(ConflictPolicy::merge);
  Context start = dialog(4);
  start.set_misc("both", 0);
  start.set_misc("goes", 0);
  start.set_framework_state("f", 0);
  one.set_item("k", start);
  Context mine = one.get_item("k");
  Context theirs = two.get_item("k");
  theirs.set_misc("theirs", 1);
  theirs.set_misc("both", "theirs");
  theirs.set_framework_state("theirs", 1);
  theirs.set_extra("theirs", 1);
  theirs.set_request(1, "edited by them");
  two.set_item("k", theirs);
  mine.set_misc("mine", 2);
  mine.set_misc("both", "mine");
  mine.erase_misc("goes");
  mine.set_framework_state("f", 2);
  mine.set_extra("mine", 2);
  mine.set_validation(true);
  mine.set_request(2, "edited by me");
  mine.set_last_response("last by me");
  one.set_item("k", mine);
  const Context stored = two.get_item("k");
  EXPECT_EQ(stored, mine);
  EXPECT_EQ(*stored.misc().find("theirs"), Json(1));
  EXPECT_EQ(*stored.misc().find("mine"), Json(2));
  EXPECT_EQ(*stored.misc().find("both"), Json("mine"));
  EXPECT_FALSE(stored.misc().contains("goes"));
  EXPECT_EQ(*stored.framework_states().find("theirs"), Json(1));
  EXPECT_EQ(*stored.framework_states().find("f"), Json(2));
  EXPECT_EQ(*stored.extra().find("theirs"), Json(1));
  EXPECT_EQ(*stored.extra().find("mine"), Json(2));
  EXPECT_TRUE(stored.validation());
  EXPECT_EQ(stored.turn_count(), 4U);
  EXPECT_EQ(stored.request(1)->text, "edited by them");
  EXPECT_EQ(stored.request(2)->text, "edited by me");
  EXPECT_EQ(stored.last_response()->text, "last by me");
}

TEST_P(Conflicts, WithOverwriteTheLastWriterWins) {
  Client one = open(ConflictPolicy::overwrite);
  Client two = open(ConflictPolicy::overwrite);
  one.set_item("k", dialog(2));
  for (int i = 0; i < 12; ++i) {
    Context mine = one.get_item("k");
    Context theirs = two.get_item("k");
    mine.set_misc("who", "mine");
    theirs.set_misc("who", "theirs");
    theirs.set_misc("n", i);
    add_turn(mine, "mine " + std::to_string(i));
    add_turn(theirs, "theirs " + std::to_string(i));
    two.set_item("k", theirs);
    ASSERT_EQ(one.get_item("k"), theirs);
    one.set_item("k", mine);
    ASSERT_EQ(two.get_item("k"), mine) << "what is stored is what the last writer had";
    ASSERT_EQ(*mine.misc().find("who"), Json("mine"));
  }
}

TEST_P(Conflicts, ACallMayHaveAPolicyOfItsOwn) {
  Client client = open(ConflictPolicy::fail);
  Context context = dialog(1);
  client.set_item("k", context);
  Context copy = context;
  add_turn(context, "a");
  client.set_item("k", context);
  add_turn(copy, "b");
  EXPECT_EQ(error_of([&] { return client.set_item("k", copy), 0; }), errc::conflict);
  client.set_item("k", copy, {.on_conflict = ConflictPolicy::merge});
  EXPECT_EQ(texts(copy), (std::vector<std::string>{"t0", "a", "b"}));
  Client merging = open(ConflictPolicy::merge);
  add_turn(context, "c");
  EXPECT_EQ(error_of([&] {
              return merging.set_item("k", context, {.on_conflict = ConflictPolicy::fail}), 0;
            }),
            errc::conflict);
  EXPECT_EQ(client.get_item("k"), copy);
}

TEST_P(Conflicts, ADeletedContextDoesNotComeBack) {
  for (const ConflictPolicy policy : {ConflictPolicy::fail, ConflictPolicy::merge}) {
    Client one = open(policy);
    Client two = open(policy);
    one.set_item("k", dialog(3));
    Context mine = one.get_item("k");
    EXPECT_TRUE(two.del_item("k"));
    add_turn(mine, "mine");
    EXPECT_THROW(one.set_item("k", mine), ConflictError);
    EXPECT_EQ(error_of([&] { return one.set_item("k", mine), 0; }), errc::gone);
    EXPECT_FALSE(two.contains("k"));
    EXPECT_EQ(two.len(), 0U);
  }
}

TEST_P(Conflicts, AReplacedContextIsNotSavedInto) {
  for (const ConflictPolicy policy : {ConflictPolicy::fail, ConflictPolicy::merge}) {
    Client one = open(policy);
    Client two = open(policy);
    one.set_item("k", dialog(12, "old"));
    Context mine = one.get_item("k");
    Context replacement = dialog(2, "new");
    two.set_item("k", replacement);
    add_turn(mine, "mine");
    EXPECT_THROW(one.set_item("k", mine), ConflictError);
    EXPECT_EQ(error_of([&] { return one.set_item("k", mine), 0; }), errc::history_changed);
    EXPECT_EQ(two.get_item("k"), replacement);
  }
}

TEST_P(Conflicts, NorIsOneThatWasDeletedAndStoredAnew) {
  Client one = open(ConflictPolicy::merge);
  Client two = open(ConflictPolicy::merge);
  one.set_item("k", dialog(12, "old"));
  Context mine = one.get_item("k");
  EXPECT_TRUE(two.del_item("k"));
  Context anew = dialog(2, "new");
  two.set_item("k", anew);
  add_turn(mine, "mine");
  const errc error = error_of([&] { return one.set_item("k", mine), 0; });
  EXPECT_TRUE(error == errc::history_changed || error == errc::gone) << to_string(error);
  EXPECT_EQ(two.get_item("k"), anew);
}

TEST_P(Conflicts, AnAppendIsASaveToo) {
  Client one = open();
  Client two = open();
  one.set_item("k", dialog(2));
  Context mine = one.get_item("k");
  EXPECT_EQ(two.append("k", turn_of("appended")), 2);
  add_turn(mine, "mine");
  EXPECT_EQ(error_of([&] { return one.set_item("k", mine), 0; }), errc::conflict);
  one.set_item("k", mine, {.on_conflict = ConflictPolicy::merge});
  EXPECT_EQ(texts(two.get_item("k")), (std::vector<std::string>{"t0", "t1", "appended", "mine"}));
  EXPECT_EQ(two.append("k", turn_of("last")), 4);
}

}  // namespace
}  // namespace dialogstore::test
