// Batches, listings and `check`.
#include <algorithm>
#include <set>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

class Listing : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Listing, testing::ValuesIn(all_setups()), setup_name);

std::multiset<std::string> numbers(int from, int to) {
  std::multiset<std::string> all;
  for (int i = from; i < to; ++i) {
    all.insert(std::to_string(i));
  }
  return all;
}

TEST_P(Listing, PagesOfAnySizeListEveryKey) {
  Client client = open();
  for (int i = 0; i < 57; ++i) {
    client.set_item(i, Context());
  }
  for (const ScanOrder order : {ScanOrder::any, ScanOrder::newest_first}) {
    for (const std::size_t page_size : {1U, 2U, 10U, 56U, 57U, 58U, 1000U, 100'000U}) {
      const std::vector<std::string> keys = client.keys({.page_size = page_size, .order = order});
      const std::set<std::string> distinct(keys.begin(), keys.end());
      EXPECT_EQ(std::multiset<std::string>(distinct.begin(), distinct.end()), numbers(0, 57));
      if (order == ScanOrder::newest_first) {
        EXPECT_EQ(keys.size(), 57U) << "each once, page size " << page_size;
      }
    }
  }
}

TEST_P(Listing, NewestFirst) {
  Client client = open();
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    client.set_item("key " + std::to_string(i * 7 % 20), Context());
    expected.insert(expected.begin(), "key " + std::to_string(i * 7 % 20));
  }
  EXPECT_EQ(client.keys({.page_size = 3, .order = ScanOrder::newest_first}), expected);
  EXPECT_EQ(client.keys({.page_size = 100, .order = ScanOrder::newest_first}), expected);
}

TEST_P(Listing, KeysThatStayAreListedWhileOthersComeAndGo) {
  Client client = open();
  for (int i = 0; i < 60; ++i) {
    client.set_item(i, Context());
  }
  for (const ScanOrder order : {ScanOrder::any, ScanOrder::newest_first}) {
    std::set<std::string> seen;
    std::string cursor;
    int round = 0;
    do {
      const ScanPage page = client.scan(cursor, {.page_size = 7, .order = order});
      for (const ContextKey& key : page.keys) {
        seen.insert(key.text());
      }
      cursor = page.cursor;
      if (round < 25) {
        client.set_item("new " + std::to_string(round), Context());
        client.del_item("new " + std::to_string(round - 2));
        // Those that stay are used meanwhile.
        Context used = client.get_item(round * 7 % 60);
        add_turn(used, "used");
        client.set_item(round * 7 % 60, used);
      }
      ASSERT_LT(++round, 1000) << "the listing does not end";
    } while (!cursor.empty());
    for (int i = 0; i < 60; ++i) {
      EXPECT_TRUE(seen.contains(std::to_string(i))) << i;
    }
  }
}

TEST_P(Listing, RefusesWrongPages) {
  Client client = open();
  client.set_item("k", Context());
  EXPECT_EQ(error_of([&] { return client.scan({}, {.page_size = 0}); }), errc::invalid_argument);
  EXPECT_EQ(error_of([&] { return client.scan({}, {.page_size = 100'001}); }),
            errc::invalid_argument);
}

TEST_P(Listing, NewestFirstEndsHoweverMuchIsUsedAndCreated) {
  constexpr int count = 9;
  Client client = open();
  const auto use_all = [&] {
    for (int i = 0; i < count; ++i) {
      Context context = dialog(1, "old");
      client.set_item("old " + std::to_string(i), context);
    }
  };
  use_all();
  std::set<std::string> found;
  std::string cursor;
  int pages = 0;
  do {
    const auto page = client.scan(cursor, {.page_size = 2, .order = ScanOrder::newest_first});
    for (const auto& key : page.keys) found.insert(key.text());
    cursor = page.cursor;
    use_all();
    for (int i = 0; i < 3; ++i) {
      Context context = dialog(1, "new");
      client.set_item("new " + std::to_string(pages) + '.' + std::to_string(i), context);
    }
  } while (!cursor.empty() && ++pages < 500);
  EXPECT_LT(pages, 500);
  for (int i = 0; i < count; ++i) EXPECT_TRUE(found.contains("old " + std::to_string(i))) << i;
}

TEST_P(Listing, BatchesAnswerInOrder) {
  Client client = open();
  client.set_item("a", dialog(1, "a"));
  client.set_item("c", dialog(30, "c"));
  const auto found = client.get_items({"c", "absent", "a", "c", "gone"});
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0], dialog(30, "c"));
  EXPECT_EQ(found[1], std::nullopt);
  EXPECT_EQ(found[2], dialog(1, "a"));
  EXPECT_EQ(found[3], dialog(30, "c"));
  EXPECT_EQ(found[4], std::nullopt);
  EXPECT_EQ(client.get_items({}).size(), 0U);
  EXPECT_EQ(client.set_items({}).size(), 0U);
  EXPECT_EQ(client.del_items({}), 0U);
}

TEST_P(Listing, LargeBatches) {
  constexpr int count = 300;
  Client client = open();
  std::vector<Context> contexts;
  std::vector<std::pair<ContextKey, Context*>> items;
  std::vector<ContextKey> keys;
  contexts.reserve(count);
  for (int i = 0; i < count; ++i) {
    contexts.push_back(dialog(static_cast<std::size_t>(i % 5), std::to_string(i)));
    items.emplace_back(i, &contexts.back());
    keys.emplace_back(i);
  }
  for (int round = 0; round < 2; ++round) {
    const auto errors = client.set_items(items);
    ASSERT_EQ(errors.size(), items.size());
    EXPECT_EQ(std::count(errors.begin(), errors.end(), nullptr), count);
    EXPECT_EQ(client.len(), static_cast<std::uint64_t>(count));
    const auto found = client.get_items(keys);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(found[i], contexts[i]);
      add_turn(contexts[i], "more");
    }
  }
  keys.emplace_back("absent");
  EXPECT_EQ(client.del_items(keys), static_cast<std::uint64_t>(count));
  EXPECT_EQ(client.del_items(keys), 0U);
  EXPECT_EQ(client.len(), 0U);
}

TEST_P(Listing, EachItemOfABatchIsSavedByItself) {
  Client client = open();
  Context good = dialog(1, "good");
  Context stale = dialog(1, "stale");
  Context also_good = dialog(1, "also good");
  client.set_item("stale", stale);
  Context newer = client.get_item("stale");
  add_turn(newer, "newer");
  client.set_item("stale", newer);
  add_turn(stale, "too late");
  const auto errors =
      client.set_items({{"good", &good}, {"stale", &stale}, {"also good", &also_good}});
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0], nullptr);
  EXPECT_EQ(code_in(errors[1]), errc::conflict);
  EXPECT_THROW(std::rethrow_exception(errors[1]), ConflictError);
  EXPECT_EQ(errors[2], nullptr);
  EXPECT_EQ(client.get_item("good"), good);
  EXPECT_EQ(client.get_item("stale"), newer);
  EXPECT_EQ(client.get_item("also good"), also_good);
}

TEST_P(Listing, CheckCountsSoundContexts) {
  Client client = open();
  for (int i = 0; i < 12; ++i) {
    Context context = dialog(static_cast<std::size_t>(i) * 4);
    client.set_item(i, context);
    add_turn(context, "more");
    client.set_item(i, context);
  }
  client.del_item(5);
  for (const bool repair : {false, true}) {
    const CheckReport report = client.check(repair);
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(report.contexts, 11U);
    EXPECT_EQ(report.repaired, 0U);
  }
  EXPECT_EQ(client.len(), 11U);
}

}  // namespace
}  // namespace dialogstore::test
