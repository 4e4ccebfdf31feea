#include "model/copy_on_write.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace dialogstore::test {
namespace {

using Words = CopyOnWrite<std::vector<std::string>>;

TEST(CopyOnWrite, CopiesShareUntilOneIsChanged) {
  Words words({"a"});
  Words copy(words);
  EXPECT_TRUE(words.is_shared());
  EXPECT_EQ(&*copy, &*words);
  copy.change().push_back("b");
  EXPECT_EQ(*words, std::vector<std::string>{"a"});
  EXPECT_EQ(*copy, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(words.is_shared());
  EXPECT_FALSE(copy.is_shared());
}

TEST(CopyOnWrite, WhoHasItAloneChangesItInPlace) {
  Words words({"a"});
  const auto* const place = &*words;
  Words copy(words);
  copy = Words();
  words.change().push_back("b");
  EXPECT_EQ(&*words, place);
}

TEST(CopyOnWrite, IsEmptyByDefaultAndWhenMovedFrom) {
  Words words;
  EXPECT_TRUE(words->empty());
  EXPECT_FALSE(words.is_shared());
  words.change().push_back("a");
  const Words moved(std::move(words));
  EXPECT_EQ(moved->size(), 1U);
  EXPECT_TRUE(words->empty());  // NOLINT(bugprone-use-after-move): as documented
  words = moved;
  EXPECT_EQ(*words, *moved);
  const Words& same = words;
  words = same;
  EXPECT_EQ(*words, *moved);
}

// What one thread has changed as the last user, another had read: for the thread sanitizer.
TEST(CopyOnWrite, CopiesMayBeReadAndChangedByThreadsOfTheirOwn) {
  for (int round = 0; round < 200; ++round) {
    Words words({"a", "b"});
    std::array<std::thread, 3> threads;
    for (auto& thread : threads) {
      thread = std::thread([copy = words]() mutable {
        EXPECT_EQ(copy->size(), 2U);
        copy.change().push_back("c");
        EXPECT_EQ(copy->size(), 3U);
      });
    }
    words.change().clear();
    for (auto& thread : threads) thread.join();
    EXPECT_TRUE(words->empty());
  }
}

}  // namespace
}  // namespace dialogstore::test
