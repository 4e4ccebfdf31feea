// The operations of the seed, each through both faces of every store.
#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

class SeedInterface : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, SeedInterface, testing::ValuesIn(all_setups()), setup_name);

TEST_P(SeedInterface, AnEmptyStoreHoldsNothing) {
  Client client = open();
  EXPECT_FALSE(client.contains("k"));
  EXPECT_EQ(client.find("k"), std::nullopt);
  EXPECT_EQ(client.len(), 0U);
  EXPECT_FALSE(client.del_item("k"));
  EXPECT_EQ(client.clear(), 0U);
  EXPECT_EQ(client.keys(), std::vector<std::string>{});
  const CheckReport report = client.check(false);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.contexts, 0U);
}

TEST_P(SeedInterface, KeyErrorNamesTheKey) {
  Client client = open();
  try {
    client.get_item("some key\n");
    FAIL() << "no KeyError";
  } catch (const KeyError& error) {
    EXPECT_EQ(error.reason(), errc::key_not_found);
    EXPECT_EQ(error.key(), ContextKey("some key\n").printable());
    EXPECT_EQ(error.operation(), "get_item");
    EXPECT_NE(std::string(error.what()).find("some key"), std::string::npos);
  }
  EXPECT_THROW(client.load_turns("k", 0, 10), KeyError);
  EXPECT_THROW(client.append("k", turn_of("x")), KeyError);
}

TEST_P(SeedInterface, GetGivesTheDefaultAndDoesNotStoreIt) {
  Client client = open();
  const Context otherwise = dialog(3);
  EXPECT_EQ(client.get("k", otherwise), otherwise);
  EXPECT_FALSE(client.contains("k"));
  Context stored = dialog(1, "s");
  client.set_item("k", stored);
  EXPECT_EQ(client.get("k", otherwise), stored);
}

TEST_P(SeedInterface, WhatIsSetIsGot) {
  Client client = open();
  Context context = dialog(5);
  client.set_item("k", context);
  EXPECT_TRUE(client.contains("k"));
  EXPECT_EQ(client.get_item("k"), context);
  EXPECT_EQ(client.find("k"), context);
  EXPECT_EQ(open().get_item("k"), context) << "through another storage on the same store";
  EXPECT_EQ(client.get_item("k").to_json(), context.to_json());
}

TEST_P(SeedInterface, ATemporaryMayBeSet) {
  Client client = open();
  client.set_item("k", dialog(2));
  EXPECT_EQ(client.get_item("k"), dialog(2));
}

TEST_P(SeedInterface, AnEmptyContextIsNotAbsent) {
  Client client = open();
  Context empty;
  client.set_item("k", empty);
  EXPECT_TRUE(client.contains("k"));
  EXPECT_EQ(client.get_item("k"), empty);
  EXPECT_EQ(client.get_item("k").turn_count(), 0U);
  EXPECT_EQ(client.len(), 1U);
}

TEST_P(SeedInterface, AContextNeverLoadedReplacesWhatIsStored) {
  Client client = open();
  client.set_item("k", dialog(30, "old"));
  Context fresh = dialog(2, "new");
  client.set_item("k", fresh);
  EXPECT_EQ(client.get_item("k"), fresh);
  EXPECT_EQ(client.len(), 1U);
}

TEST_P(SeedInterface, DeletingSaysWhetherThereWasOne) {
  Client client = open();
  client.set_item("k", dialog(3));
  EXPECT_TRUE(client.del_item("k"));
  EXPECT_FALSE(client.contains("k"));
  EXPECT_EQ(client.find("k"), std::nullopt);
  EXPECT_THROW(client.get_item("k"), KeyError);
  EXPECT_THROW(client.load_turns("k", 0, 10), KeyError);
  EXPECT_THROW(client.append("k", turn_of("x")), KeyError);
  EXPECT_EQ(client.len(), 0U);
  EXPECT_FALSE(client.del_item("k"));
  EXPECT_EQ(client.keys(), std::vector<std::string>{});
}

TEST_P(SeedInterface, ADeletedContextMayBeStoredAnew) {
  Client client = open();
  for (int round = 0; round < 4; ++round) {
    Context context = dialog(static_cast<std::size_t>(round) * 5, std::to_string(round));
    client.set_item("k", context);
    EXPECT_EQ(client.get_item("k"), context);
    add_turn(context, "more");
    client.set_item("k", context);
    EXPECT_EQ(client.get_item("k"), context);
    EXPECT_EQ(client.len(), 1U);
    EXPECT_TRUE(client.del_item("k"));
  }
  EXPECT_TRUE(client.check(false).sound());
}

TEST_P(SeedInterface, LenCountsContextsNotSaves) {
  Client client = open();
  for (int i = 0; i < 10; ++i) {
    client.set_item(i, dialog(1));
    client.set_item(i, dialog(2));
    EXPECT_EQ(client.len(), static_cast<std::uint64_t>(i + 1));
  }
  client.del_item(3);
  client.del_item("3");
  client.del_item("absent");
  EXPECT_EQ(client.len(), 9U);
  EXPECT_EQ(open().len(), 9U);
}

TEST_P(SeedInterface, ClearRemovesEverythingAndSaysHowMuch) {
  Client client = open();
  for (int i = 0; i < 25; ++i) {
    client.set_item(i, dialog(static_cast<std::size_t>(i)));
  }
  EXPECT_EQ(client.clear(), 25U);
  EXPECT_EQ(client.len(), 0U);
  EXPECT_EQ(client.keys(), std::vector<std::string>{});
  for (int i = 0; i < 25; ++i) {
    EXPECT_FALSE(client.contains(i));
  }
  EXPECT_EQ(client.clear(), 0U);
  client.set_item(1, dialog(1));
  EXPECT_EQ(client.get_item(1), dialog(1));
  EXPECT_EQ(client.len(), 1U);
}

TEST_P(SeedInterface, NamespacesDoNotSeeEachOther) {
  StorageOptions other = options();
  // One that begins like the other, and one that looks like a key of the other.
  for (const char* suffix : {"x", ":k", ":meta", ":index:0"}) {
    other.name_space = store.name_space(suffix);
    Client client = open();
    Client stranger = open(other);
    client.set_item("k", dialog(3, "mine"));
    EXPECT_FALSE(stranger.contains("k")) << suffix;
    EXPECT_EQ(stranger.len(), 0U);
    stranger.set_item("k", dialog(4, "theirs"));
    stranger.set_item("l", dialog(1));
    EXPECT_EQ(client.len(), 1U);
    EXPECT_EQ(client.keys(), std::vector<std::string>{"k"});
    EXPECT_EQ(client.get_item("k"), dialog(3, "mine"));
    EXPECT_EQ(client.clear(), 1U);
    EXPECT_EQ(stranger.len(), 2U);
    EXPECT_EQ(stranger.get_item("k"), dialog(4, "theirs"));
    EXPECT_EQ(stranger.clear(), 2U);
  }
}

TEST_P(SeedInterface, AsADict) {
  Client client = open();
  DBContextStorage& storage = client.storage();
  Context context = dialog(2);
  storage["k"] = context;
  EXPECT_EQ(Context(storage["k"]), context);
  add_turn(context, "more");
  storage["k"] = context;
  EXPECT_EQ(Context(storage["k"]).turn_count(), 3U);
  storage[7] = dialog(1);
  EXPECT_EQ(Context(storage["7"]), dialog(1));
  EXPECT_THROW(static_cast<void>(Context(storage["absent"])), KeyError);
}

TEST_P(SeedInterface, PathsNameTheStore) {
  const auto storage = store.open();
  EXPECT_NE(storage->full_path().find("://"), std::string::npos);
  EXPECT_EQ(storage->full_path().substr(storage->full_path().find("://") + 3), storage->path());
  const auto by_uri = context_storage_factory(store.uri(options()));
  by_uri->set_item("k", dialog(2));
  EXPECT_EQ(open().get_item("k"), dialog(2));
  EXPECT_EQ(by_uri->full_path().substr(by_uri->full_path().find("://") + 3), by_uri->path());
}

TEST_P(SeedInterface, StatisticsSaySomething) {
  Client client = open();
  client.set_item("k", dialog(2));
  EXPECT_FALSE(client.statistics().empty());
}

}  // namespace
}  // namespace dialogstore::test
