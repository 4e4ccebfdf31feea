// How much of a store a check has in memory at a time.
#include <gtest/gtest.h>

#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

constexpr std::uint64_t mebibyte = 1U << 20U;

class CheckInMemory : public testing::Test {
 protected:
  CheckInMemory() {
    for (int i = 0; i < 40; ++i) {
      Context context;
      context.add_request("hello");
      storage_.set_item(std::to_string(i), context);
    }
    store_->reads_wait = true;
  }
  /// How many contexts a check has in memory together when each is so large.
  std::size_t most_at_once(std::uint64_t size) {
    store_->told_size = size;
    store_->most_readers = 0;
    EXPECT_EQ(storage_.check(false).contexts, 40U);
    EXPECT_EQ(store_->readers, 0U);
    return store_->most_readers;
  }

  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
  ScriptedStorage storage_{store_};
};

TEST_F(CheckInMemory, SmallContextsAreReadTogether) {
  EXPECT_EQ(most_at_once(0), 16U);
  EXPECT_EQ(most_at_once(4 * mebibyte), 16U);
}

TEST_F(CheckInMemory, LargeOnesAreBoundedByTheirBytes) {
  EXPECT_EQ(most_at_once(5 * mebibyte), 12U);
  EXPECT_EQ(most_at_once(32 * mebibyte), 2U);
}

TEST_F(CheckInMemory, OneThatIsLargerOrOfUnknownSizeIsReadAlone) {
  EXPECT_EQ(most_at_once(33 * mebibyte), 1U);
  EXPECT_EQ(most_at_once(256 * mebibyte), 1U);
  EXPECT_EQ(most_at_once(unknown_size), 1U);
}

}  // namespace
}  // namespace dialogstore::test
