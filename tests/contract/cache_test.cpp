// Contexts kept in memory: what a load brings is what is stored, whoever stored it.
#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

using Cache = ContractTest;
INSTANTIATE_TEST_SUITE_P(All, Cache, testing::ValuesIn([] {
                           auto setups = log_setups();
                           for (auto& setup : setups) setup.cache = 3;
                           return setups;
                         }()),
                         setup_name);

TEST_P(Cache, ALoadAfterASaveBringsWhatWasSaved) {
  Client client = open();
  Context kept = dialog(1);
  client.set_item("k", kept);
  for (int turn = 1; turn < 40; ++turn) {
    Context context = client.get_item("k");
    ASSERT_TRUE(is_tail_of(context, kept, std::min(turn, 2))) << turn;
    const auto text = "turn " + std::to_string(turn);
    add_turn(context, text);
    add_turn(kept, text);
    context.set_misc("last", text);
    kept.set_misc("last", text);
    client.set_item("k", context);
  }
  EXPECT_EQ(client.get_item("k", whole), kept);
}

TEST_P(Cache, SeesWhatAnotherStorageSaved) {
  Client client = open();
  Client other = open();
  Context mine = dialog(3);
  client.set_item("k", mine);
  ASSERT_TRUE(is_tail_of(client.get_item("k"), mine));

  Context theirs = other.get_item("k", whole);
  add_turn(theirs, "theirs");
  other.set_item("k", theirs);

  EXPECT_TRUE(is_tail_of(client.get_item("k"), theirs));
  add_turn(mine, "mine");
  EXPECT_EQ(error_of([&] { client.set_item("k", mine); }), errc::conflict);
}

TEST_P(Cache, SeesThatAnotherStorageDeletedOrReplacedIt) {
  Client client = open();
  Client other = open();
  client.set_item("k", dialog(3));
  static_cast<void>(client.get_item("k"));
  ASSERT_TRUE(other.del_item("k"));
  EXPECT_FALSE(client.contains("k"));
  EXPECT_EQ(error_of([&] { return client.get_item("k"); }), errc::key_not_found);

  Context replacement = dialog(2, "other");
  other.set_item("k", replacement);
  EXPECT_TRUE(is_tail_of(client.get_item("k"), replacement));
}

TEST_P(Cache, AContextOfTheCallersOwnIsNotTheCachedOne) {
  Client client = open();
  Context context = dialog(2);
  client.set_item("k", context);
  Context changed = client.get_item("k");
  changed.set_misc("never", "saved");
  add_turn(changed, "never saved");
  EXPECT_TRUE(is_tail_of(client.get_item("k"), context));
}

TEST_P(Cache, ASaveThatFailedLeavesWhatIsStored) {
  Client client = open(ConflictPolicy::fail);
  Client other = open();
  Context context = dialog(2);
  client.set_item("k", context);
  Context newer = other.get_item("k");
  add_turn(newer, "newer");
  other.set_item("k", newer);

  Context stale = context;
  add_turn(stale, "stale");
  EXPECT_EQ(error_of([&] { client.set_item("k", stale); }), errc::conflict);
  EXPECT_TRUE(is_tail_of(client.get_item("k"), newer));
}

TEST_P(Cache, EverythingIsLoadedWhenAskedForThoughTheRecentTurnsAreKept) {
  Client client = open();
  Context context = dialog(30);
  client.set_item("k", context);
  for (int i = 0; i < 10; ++i) {
    add_turn(context, "more" + std::to_string(i));
    client.set_item("k", context);
  }
  EXPECT_TRUE(is_tail_of(client.get_item("k"), context));
  EXPECT_EQ(client.get_item("k", whole), context);
  EXPECT_TRUE(is_tail_of(client.get_item("k"), context));
}

TEST_P(Cache, NumberingGoesOnBehindTurnsThatLeftIt) {
  Client client = open();
  Context context = dialog(20);
  client.set_item("k", context);
  Context loaded = client.get_item("k");
  context.add_request("only a request");
  loaded.add_request("only a request");
  client.set_item("k", loaded);
  Context again = client.get_item("k");
  EXPECT_EQ(again.add_request("next"), context.add_request("next"));
  EXPECT_EQ(again.add_label({.flow = "f", .node = "n"}),
            context.add_label({.flow = "f", .node = "n"}));
}

}  // namespace
}  // namespace dialogstore::test
