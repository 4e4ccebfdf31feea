// What a save stores of a context, and what the context knows of it afterwards.
#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

class Saving : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Saving, testing::ValuesIn(all_setups()), setup_name);

TEST_P(Saving, TheSameObjectAgainAndAgain) {
  Client client = open();
  Context context = dialog(0);
  for (int i = 0; i < 40; ++i) {
    add_turn(context, "turn " + std::to_string(i));
    if (i % 3 == 0) {
      context.set_misc("round", i);
    }
    client.set_item("k", context);
    ASSERT_EQ(client.get_item("k"), context) << i;
  }
}

TEST_P(Saving, AContextKnowsWhetherItChanged) {
  Client client = open();
  Context context;
  EXPECT_TRUE(context.has_changes());
  client.set_item("k", context);
  EXPECT_FALSE(context.has_changes());
  EXPECT_TRUE(context.is_complete());
  EXPECT_FALSE(context.has_pending_save());
  add_turn(context, "x");
  EXPECT_TRUE(context.has_changes());
  client.set_item("k", context);
  EXPECT_FALSE(context.has_changes());
  Context loaded = client.get_item("k");
  EXPECT_FALSE(loaded.has_changes());
  loaded.set_misc("a", 1);
  EXPECT_TRUE(loaded.has_changes());
}

TEST_P(Saving, WithoutChangesItIsStillThere) {
  Client client = open();
  Context context = dialog(12);
  for (int i = 0; i < 12; ++i) {
    client.set_item("k", context);
  }
  EXPECT_EQ(client.get_item("k"), context);
  Context loaded = client.get_item("k");
  client.set_item("k", loaded);
  EXPECT_EQ(client.get_item("k"), context);
}

TEST_P(Saving, EveryPartOfTheState) {
  Client client = open();
  Context context = dialog(3);
  client.set_item("k", context);
  const auto save_and_compare = [&](const char* what) {
    EXPECT_TRUE(context.has_changes()) << what;
    client.set_item("k", context);
    EXPECT_EQ(client.get_item("k"), context) << what;
    EXPECT_EQ(client.get_item("k").to_json(), context.to_json()) << what;
  };
  context.set_misc("b", 1);
  context.set_misc("a", Json::parse(R"({"deep":[1,2,{"x":1.0}]})"));
  save_and_compare("misc set");
  context.set_misc("b", nullptr);
  save_and_compare("misc null");
  EXPECT_TRUE(context.erase_misc("b"));
  save_and_compare("misc erased");
  context.set_framework_state("pipeline", Json::parse(R"({"x":1})"));
  context.set_framework_state("actor", "s");
  save_and_compare("framework states set");
  EXPECT_TRUE(context.erase_framework_state("pipeline"));
  save_and_compare("framework state erased");
  context.set_extra("unknown", Json::parse("[1]"));
  save_and_compare("extra set");
  context.set_extra("unknown", 2);
  context.set_extra("another", "x");
  save_and_compare("extra changed");
  EXPECT_TRUE(context.erase_extra("unknown"));
  save_and_compare("extra erased");
  context.set_validation(true);
  save_and_compare("validation on");
  context.set_validation(false);
  save_and_compare("validation off");
  context.set_id(42);
  save_and_compare("id");
  context.set_id(Json(Uuid::random().to_string()));
  save_and_compare("id again");
  context.clear(2, {ContextField::misc, ContextField::framework_states});
  save_and_compare("state emptied");
}

TEST_P(Saving, MembersKeepTheirOrder) {
  Client client = open();
  Context context = dialog(1);
  for (const char* name : {"z", "b", "y", "a", "10", "9", ""}) {
    context.set_misc(name, name);
  }
  client.set_item("k", context);
  for (const char* name : {"q", "m", "c"}) {
    context.set_misc(name, name);
  }
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k").to_json(), context.to_json());
  context.erase_misc("b");
  context.set_misc("new", 1);
  context.set_misc("b", "stands last now");
  context.set_misc("y", "stays");
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k"), context);
  EXPECT_EQ(client.get_item("k").to_json(), context.to_json());
}

TEST_P(Saving, NothingOfDffsJsonIsLost) {
  Client client = open();
  const std::string texts[] = {
      R"({"id":"7f0c1f62-5f2e-4f0e-9d1a-0b8f5a1c2d3e","labels":{"0":["greeting","hello"],"1":["order","ask_size"]},"requests":{"0":{"text":"Hi","commands":null,"attachments":null,"annotations":null,"misc":null},"1":{"text":"pizza","commands":null,"attachments":null,"annotations":null,"misc":null}},"responses":{"0":{"text":"Hello!","commands":null,"attachments":null,"annotations":null,"misc":null},"1":{"text":"Ok","commands":null,"attachments":null,"annotations":null,"misc":null}},"misc":{"name":"Ann"},"validation":false,"framework_states":{}})",
      "{\"id\":42,\"labels\":{\"0\":[\"f\",\"n\"]},\"requests\":{\"0\":{\"text\":"
      "\"\xd0\x9f\\t\\u000b"
      "\xe2\x80\xa8/\xf0\x9f\x98\x80\",\"commands\":null,\"attachments\":null,\"annotations\":null,"
      "\"misc\":null,\"ui\":{\"kb\":[1]}}},\"responses\":{\"0\":{\"text\":null,\"commands\":null,"
      "\"attachments\":{\"files\":[{\"source\":\"https://e.com/a%20b.png\",\"id\":null,"
      "\"title\":null}]},\"annotations\":null,\"misc\":{\"1\":[1,2],\"f\":1.0,\"n\":null,"
      "\"e\":1e+20}}},\"misc\":{\"big\":123456789012345678901234567890,\"s\":[3],\"dec\":\"1.50\"},"
      "\"validation\":true,\"framework_states\":{\"x\":{\"y\":[]}},\"unknown\":[1.0,-0]}",
      R"({"id":1,"labels":{"-1":["a","b"],"2":["c","d"],"10":["e","f"]},"requests":{},"responses":{"7":{"text":"late","commands":null,"attachments":null,"annotations":null,"misc":null}},"misc":{},"validation":false,"framework_states":{}})"};
  int key = 0;
  for (const std::string& text : texts) {
    Context context = Context::from_json(text);
    EXPECT_EQ(context.to_json(), text);
    client.set_item(++key, context);
    EXPECT_EQ(client.get_item(key).to_json(), text);
    Context loaded = client.get_item(key);
    for (int i = 0; i < 20; ++i) {
      add_turn(loaded, "more");
      client.set_item(key, loaded);
    }
    EXPECT_EQ(client.get_item(key).to_json(), loaded.to_json());
    EXPECT_EQ(client.get_item(key).misc(), context.misc());
  }
}

TEST_P(Saving, AMovedContextIsTheSame) {
  Client client = open();
  Context context = dialog(3);
  client.set_item("k", context);
  Context moved = std::move(context);
  add_turn(moved, "x");
  client.set_item("k", moved);
  context = std::move(moved);
  add_turn(context, "y");
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k"), context);
  EXPECT_EQ(client.get_item("k").turn_count(), 5U);
}

TEST_P(Saving, UnderAnotherKeyTheWholeIsStored) {
  Client client = open();
  Context context = dialog(20);
  client.set_item("k", context);
  add_turn(context, "more");
  client.set_item("l", context);
  EXPECT_EQ(client.get_item("l"), context);
  EXPECT_EQ(client.get_item("k"), dialog(20)) << "the first is untouched";
  add_turn(context, "again");
  client.set_item("l", context);
  EXPECT_EQ(client.get_item("l"), context);
  EXPECT_EQ(client.len(), 2U);
}

TEST_P(Saving, AContextOfAnotherStorageIsStoredWhole) {
  Client client = open();
  Store elsewhere(StoreKind::memory);
  const auto other = elsewhere.open();
  Context context = dialog(25);
  client.set_item("k", context);
  other->set_item("k", context);
  EXPECT_EQ(other->get_item("k"), context);
  add_turn(context, "there");
  other->set_item("k", context);
  EXPECT_EQ(other->get_item("k"), context);
  EXPECT_EQ(client.get_item("k"), dialog(25));
  Context back = other->get_item("k");
  client.set_item("k", back);
  EXPECT_EQ(client.get_item("k"), context);
  StorageOptions options = store.options();
  options.name_space = store.name_space("other");
  Client neighbour = open(options);
  Context loaded = client.get_item("k");
  neighbour.set_item("k", loaded);
  EXPECT_EQ(neighbour.get_item("k"), context);
}

TEST_P(Saving, CreateRefusesWhenThereIsOne) {
  Client client = open();
  Context first = dialog(3, "first");
  client.create("k", first);
  EXPECT_FALSE(first.has_changes());
  Context second = dialog(4, "second");
  EXPECT_THROW(client.create("k", second), ConflictError);
  EXPECT_EQ(error_of([&] { return client.create("k", second), 0; }), errc::already_exists);
  EXPECT_TRUE(second.has_changes());
  EXPECT_EQ(client.get_item("k"), first);
  EXPECT_EQ(client.len(), 1U);
  add_turn(first, "more");
  client.set_item("k", first);
  EXPECT_EQ(client.get_item("k"), first);
  EXPECT_TRUE(client.del_item("k"));
  client.create("k", second);
  EXPECT_EQ(client.get_item("k"), second);
  EXPECT_EQ(error_of([&] { return client.create("k", first), 0; }), errc::already_exists);
}

}  // namespace
}  // namespace dialogstore::test
