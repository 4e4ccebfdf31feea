// What a storage with a cache asks of its rows; what it gives is the contract tests' subject.
#include <gtest/gtest.h>

#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

using Reads = std::vector<std::size_t>;

class CachedLoads : public testing::Test {
 protected:
  void add_turn(ScriptedStorage& storage) {
    Context context = storage.get("k", {});
    context.add_request("hello");
    storage.set_item("k", context);
  }
  Reads reads_of_a_load(const char* key = "k") {
    store_->reads.clear();
    static_cast<void>(storage_.find(key));
    return store_->reads;
  }

  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
  ScriptedStorage storage_{store_, {.cache = 1}};
  ScriptedStorage others_{store_};
};

TEST_F(CachedLoads, AskForTheLastRowAlone) {
  add_turn(storage_);
  EXPECT_EQ(reads_of_a_load(), Reads{1});
}

TEST_F(CachedLoads, AskForMoreWhenSomeoneElseSaved) {
  add_turn(storage_);
  add_turn(others_);
  EXPECT_EQ(reads_of_a_load(), (Reads{1, 0}));
  EXPECT_EQ(reads_of_a_load(), Reads{1});
}

// The load of a turn takes the context along, and its save brings it back.
TEST_F(CachedLoads, BetweenTheLoadAndTheSaveOfATurnAskForAll) {
  add_turn(storage_);
  add_turn(storage_);
  Context context = storage_["k"];
  EXPECT_EQ(reads_of_a_load(), Reads{0});
  EXPECT_EQ(reads_of_a_load(), Reads{1});
  context.add_request("hello");
  storage_.set_item("k", context);
  EXPECT_EQ(reads_of_a_load(), Reads{1});
  EXPECT_EQ(reads_of_a_load(), Reads{1});
}

TEST_F(CachedLoads, KeepNoMoreThanTheyMay) {
  add_turn(storage_);
  Context other;
  storage_.set_item("other", other);
  EXPECT_EQ(reads_of_a_load("other"), Reads{1});
  EXPECT_EQ(reads_of_a_load("k"), Reads{0});
}

TEST_F(CachedLoads, AreNoneWithoutACache) {
  add_turn(others_);
  store_->reads.clear();
  static_cast<void>(others_.find("k"));
  EXPECT_EQ(store_->reads, Reads{0});
}

}  // namespace
}  // namespace dialogstore::test
