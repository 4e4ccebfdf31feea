// A load of the recent turns reads no row more than it needs, once its contexts are found as they
// were left; and as many as usual where others save too.
#include <gtest/gtest.h>

#include "storage/tail_hints.hpp"
#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

constexpr std::size_t usual = 10;
constexpr int loads_to_trust = 8;

class TailHintsTest : public testing::Test {
 protected:
  TailHintsTest() {
    Context context;
    for (int i = 0; i < 20; ++i) {
      context.add_request("turn " + std::to_string(i));
      storage_.set_item("k", context);
    }
  }
  std::vector<std::size_t> reads_of_a_load() {
    store_->reads.clear();
    loaded_ = storage_.get_item("k");
    return store_->reads;
  }
  void come_to_trust() {
    for (int i = 0; i < loads_to_trust; ++i) {
      EXPECT_EQ(reads_of_a_load(), std::vector{usual}) << "load " << i;
    }
  }
  std::size_t rows_of_the_tail() {
    const auto& rows = store_->lists.at("k").all;
    std::size_t count = 1;
    while (rows.at(rows.size() - count).front() != 'K') ++count;
    return count;
  }
  void add_turn(DBContextStorage& storage) {
    Context context = storage.get_item("k");
    context.add_request("more");
    storage.set_item("k", context);
  }

  const StorageOptions recent{.history = History::recent};
  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
  ScriptedStorage storage_{store_, recent};
  ScriptedStorage others_{store_, recent};
  Context loaded_;
};

TEST_F(TailHintsTest, AreFollowedOnceContextsAreFoundAsTheyWereLeft) {
  come_to_trust();
  for (int i = 0; i < 20; ++i) {  // over two seals
    EXPECT_EQ(reads_of_a_load(), std::vector{rows_of_the_tail()});
    EXPECT_EQ(loaded_.last_request(), i == 0 ? Message("turn 19") : Message("more"));
    add_turn(storage_);
  }
}

TEST_F(TailHintsTest, GiveNothingAwayWhenSomeoneElseSaved) {
  come_to_trust();
  add_turn(others_);
  const auto reads = reads_of_a_load();
  EXPECT_LE(reads.size(), 2U);
  EXPECT_EQ(loaded_.last_request(), Message("more"));
  EXPECT_EQ(loaded_, others_.get_item("k"));
  come_to_trust();
}

TEST_F(TailHintsTest, AreNotFollowedWhereOthersSaveTheSameContexts) {
  for (int i = 0; i < 40; ++i) {
    add_turn(i % 2 == 0 ? others_ : static_cast<DBContextStorage&>(storage_));
    EXPECT_EQ(reads_of_a_load(), std::vector{usual});
  }
}

TEST_F(TailHintsTest, KeepALogWithoutPagesComplete) {
  Context context;
  context.add_request("first");
  storage_.set_item("short", context);
  for (int i = 0; i < 2 * loads_to_trust; ++i) {
    EXPECT_TRUE(storage_.get_item("short").is_complete());
  }
}

}  // namespace
}  // namespace dialogstore::test
