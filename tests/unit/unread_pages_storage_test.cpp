// Unread pages of contexts that a storage loaded: shared by what its cache hands out, and damage
// that is told with the call and the key where a call reads them.
#include <gtest/gtest.h>

#include "format/compress.hpp"
#include "support/scripted_rows.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

/// Nobody has read its pages, by whatever copy.
bool is_untouched(const Context& context) {
  const auto& pages = ContextAccess::state(context).position->pages;
  return !pages.empty() && !pages[0].turns.is_known();
}

class UnreadPagesOfAStorage : public testing::Test {
 protected:
  void SetUp() override {
    ContextState state;
    const FakeList list = stored(state, 41);
    auto& rows = store_->lists["k"].all;
    rows.assign(list.rows.begin(), list.rows.end());
  }
  void damage_a_page() {
    std::string& row = store_->lists["k"].all.at(1);
    RowView page;
    ASSERT_EQ(decode_row(row, page), RowFault::none);
    row = encode_page_raw(page.header, page.tokens, codec_stored, R"({"0":"no turn"})");
  }

  std::shared_ptr<test::ScriptedStore> store_ = std::make_shared<test::ScriptedStore>();
};

TEST_F(UnreadPagesOfAStorage, ACacheHandsOutCopiesThatReadOnce) {
  for (const History history : {History::all, History::recent}) {
    test::ScriptedStorage storage(store_, {.history = history, .cache = 4});
    const CallOptions whole{.history = History::all};
    Context first = storage.get_item("k", whole);
    Context second = storage.get_item("k", whole);
    EXPECT_TRUE(is_untouched(first) && is_untouched(second));
    EXPECT_EQ(first.turn_count(), 41U);
    EXPECT_EQ(is_untouched(second), history == History::recent);  // which keeps no pages
    second.add_request("next");
    storage.set_item("k", second);
    const Context third = storage.get_item("k");
    EXPECT_EQ(third.last_request()->text, "next");
    EXPECT_EQ(third.is_complete(), history == History::all);
    if (history == History::all) {
      EXPECT_EQ(third.request(0)->text, "message 0");
    }
    Context back = storage.get_item("k", whole);
    ASSERT_TRUE(back.erase(back.turn_indices().back(), TurnPart::request));
    storage.set_item("k", back);
  }
}

TEST_F(UnreadPagesOfAStorage, DamageNamesTheCallAndTheKeyWhereACallReads) {
  damage_a_page();
  test::ScriptedStorage storage(store_, {.history = History::all});
  Context context = storage.get_item("k");
  EXPECT_THROW(static_cast<void>(context.request(0)), FormatError);
  context.add_request("goes on");
  storage.set_item("k", context);
  try {
    static_cast<void>(storage.load_turns("k", 0, 10));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const FormatError& error) {
    EXPECT_EQ(error.reason(), errc::corrupt);
    EXPECT_EQ(error.operation(), "load_turns");
    EXPECT_EQ(error.key(), "k");
    EXPECT_NE(error.detail().find("row 1: "), std::string::npos);
  }
  const CheckReport report = storage.check(false);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_NE(report.damaged[0].second.find("row 1: "), std::string::npos);
}

}  // namespace
}  // namespace dialogstore::format
