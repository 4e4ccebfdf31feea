// How much of a store a check has in memory at a time.
#include <gtest/gtest.h>

#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

constexpr std::size_t mebibyte = 1U << 20U;
constexpr CallOptions at_leisure{.timeout = std::chrono::minutes(5)};

class CheckInMemory : public testing::Test {
 protected:
  void store(std::size_t contexts, std::size_t bytes) {
    Context context;
    context.set_misc("text", std::string(bytes, 'x'));
    for (std::size_t i = 0; i < contexts; ++i) {
      Context copy = context;
      storage_.set_item(std::to_string(number_++), copy, at_leisure);
    }
  }
  std::uint64_t check() {
    store_->reads_wait = true;
    store_->most_readers = store_->most_read_bytes = 0;
    const auto report = storage_.check(false, at_leisure);
    EXPECT_TRUE(report.sound());
    return report.contexts;
  }

  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
  ScriptedStorage storage_{store_};
  int number_ = 0;
};

TEST_F(CheckInMemory, ManySmallContextsAreReadTogether) {
  store(40, 10);
  EXPECT_EQ(check(), 40U);
  EXPECT_EQ(store_->most_readers, 16U);
}

TEST_F(CheckInMemory, LargeOnesAreBoundedByTheirBytes) {
  store(10, 15 * mebibyte);
  EXPECT_EQ(check(), 10U);
  EXPECT_EQ(store_->most_readers, 4U);
  EXPECT_LE(store_->most_read_bytes, 64 * mebibyte);
}

TEST_F(CheckInMemory, OneThatIsLargerThanThatIsReadAlone) {
  store(1, 10);
  store(1, 70 * mebibyte);
  store(1, 70 * mebibyte);
  EXPECT_EQ(check(), 3U);
  EXPECT_EQ(store_->most_readers, 1U);
}

TEST_F(CheckInMemory, OfUnknownSizeOneByOne) {
  store(5, 10);
  store_->knows_sizes = false;
  EXPECT_EQ(check(), 5U);
  EXPECT_EQ(store_->most_readers, 1U);
}

}  // namespace
}  // namespace dialogstore::test
