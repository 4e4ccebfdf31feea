// layout=dff: values that DFF itself reads and writes, in a Redis shared with other applications.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "dialogstore/redis_context_storage.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

// As DFF 0.7 writes it.
constexpr const char* dff_value =
    R"({"id":"7f0c1f62-5f2e-4f0e-9d1a-0b8f5a1c2d3e","labels":{"0":["greeting","hello"]},)"
    R"("requests":{"0":{"text":"Hi","commands":null,"attachments":null,"annotations":null,"misc":null}},)"
    R"("responses":{"0":{"text":"Hello!","commands":null,"attachments":null,"annotations":null,"misc":null}},)"
    R"("misc":{"name":"Ann"},"validation":false,"framework_states":{}})";

errc code_of_call(const std::function<void()>& call) {
  try {
    call();
  } catch (const StorageError& error) {
    return error.reason();
  }
  return errc{};
}

class DffLayout : public ::testing::Test {
 protected:
  RedisContextStorage open(const std::string& more = "") const {
    return RedisContextStorage(server_.uri("layout=dff" + more));
  }
  std::string raw(const std::string& key) { return server_.command({"GET", key}).text; }

  RedisServer server_;  // of its own: this layout sees every key of the database
};

TEST_F(DffLayout, ReadsAndWritesDffsOwnValues) {
  server_.command({"SET", "user-1", dff_value});
  auto storage = open();
  EXPECT_TRUE(storage.contains("user-1"));
  auto context = storage.get_item("user-1");
  EXPECT_EQ(context.to_json(), dff_value);
  EXPECT_FALSE(context.has_changes());
  storage.set_item("user-1", context);
  EXPECT_EQ(raw("user-1"), dff_value);
  context.add_request("more");
  storage.set_item("user-1", context);
  EXPECT_EQ(raw("user-1"), context.to_json());
  context.add_response("still");
  storage.set_item("user-1", context);
  EXPECT_EQ(storage.get_item("user-1"), context);
  EXPECT_TRUE(storage.del_item("user-1"));
  EXPECT_FALSE(storage.del_item("user-1"));
  EXPECT_FALSE(storage.contains("user-1"));
}

TEST_F(DffLayout, AContextNeverLoadedOverwritesAndCreateRefuses) {
  server_.command({"SET", "k", dff_value});
  auto storage = open();
  Context fresh;
  fresh.add_request("new");
  EXPECT_EQ(code_of_call([&] { storage.create("k", fresh); }), errc::already_exists);
  EXPECT_EQ(raw("k"), dff_value);
  storage.set_item("k", fresh);
  EXPECT_EQ(raw("k"), fresh.to_json());
}

TEST_F(DffLayout, ConflictsFollowThePolicy) {
  for (const std::string policy : {"fail", "merge", "overwrite"}) {
    server_.command({"SET", "k", dff_value});
    auto storage = open("&on_conflict=" + policy);
    auto mine = storage.get_item("k");
    auto theirs = storage.get_item("k");
    theirs.add_request("theirs");
    storage.set_item("k", theirs);
    mine.add_request("mine");
    const auto code = code_of_call([&] { storage.set_item("k", mine); });
    const auto stored = storage.get_item("k");
    if (policy == "fail") {
      EXPECT_EQ(code, errc::conflict);
      EXPECT_EQ(stored, theirs);
      continue;
    }
    EXPECT_EQ(code, errc{}) << policy;
    EXPECT_EQ(stored, mine) << policy;
    EXPECT_EQ(stored.turn_count(), policy == "merge" ? 3U : 2U);
  }
}

TEST_F(DffLayout, ASaveThatLostItsReplyTakesEffectOnce) {
  server_.command({"SET", "k", dff_value});
  TcpProxy proxy(server_.port());
  RedisContextStorage storage(proxy.uri("layout=dff"));
  auto context = storage.get_item("k");
  context.add_request("once");
  proxy.lose_next(Direction::to_client);
  storage.set_item("k", context);
  EXPECT_EQ(raw("k"), context.to_json());

  context.add_response("unknown");
  proxy.swallow(Direction::to_client);
  CallOptions soon;
  soon.timeout = 200ms;
  EXPECT_EQ(code_of_call([&] { storage.set_item("k", context, soon); }), errc::outcome_unknown);
  EXPECT_TRUE(context.has_pending_save());
  proxy.heal();
  proxy.cut_all();
  context.set_misc("later", Json("x"));
  storage.set_item("k", context);
  EXPECT_EQ(raw("k"), context.to_json());
  EXPECT_FALSE(context.has_pending_save());
}

TEST_F(DffLayout, ASaveThatMayHaveBeenAppliedIsReportedOnceAndNeverMerged) {
  server_.command({"SET", "k", dff_value});
  TcpProxy proxy(server_.port());
  RedisContextStorage storage(proxy.uri("layout=dff"));
  auto mine = storage.get_item("k");
  mine.set_misc("connected", Json(true));
  storage.set_item("k", mine);  // the clock is known, so that the next save is one request
  mine.add_request("once");
  proxy.swallow(Direction::to_client);
  EXPECT_EQ(code_of_call([&] { storage.set_item("k", mine, {.timeout = 200ms}); }),
            errc::outcome_unknown);
  proxy.heal();
  proxy.cut_all();
  auto others = open();
  auto theirs = others.get_item("k");
  ASSERT_EQ(theirs, mine) << "it was applied";
  theirs.add_response("theirs");
  others.set_item("k", theirs);

  const CallOptions merge{.on_conflict = ConflictPolicy::merge};
  EXPECT_EQ(code_of_call([&] { storage.set_item("k", mine, merge); }), errc::history_changed);
  EXPECT_FALSE(mine.has_pending_save());
  EXPECT_EQ(code_of_call([&] { storage.set_item("k", mine, merge); }), errc::conflict);
  EXPECT_EQ(raw("k"), theirs.to_json());
  storage.set_item("k", mine, {.on_conflict = ConflictPolicy::overwrite});
  EXPECT_EQ(raw("k"), mine.to_json());
}

TEST_F(DffLayout, ADeleteDoesNotGoOnOverWhatMayHaveComeAfterIt) {
  server_.command({"SET", "k", dff_value});
  TcpProxy proxy(server_.port());
  RedisContextStorage storage(proxy.uri("layout=dff"));
  storage.create("other", *std::make_unique<Context>());  // connected, and the clock is known
  // The answer to GET arrives; of the one to the delete nothing but its beginning.
  const std::string value = dff_value;
  proxy.cut_after(Direction::to_client,
                  1 + std::to_string(value.size()).size() + 2 + value.size() + 2 + 1);
  proxy.refuse();
  auto deleted = std::async(std::launch::async, [&] {
    return code_of_call([&] { static_cast<void>(storage.del_item("k")); });
  });
  ASSERT_TRUE(proxy.wait_for([](const ProxyStats& stats) { return stats.cut == 1; }));
  ASSERT_EQ(raw("k"), "");
  server_.command({"SET", "k", dff_value});
  auto others = open();
  auto anew = others.get_item("k");
  anew.set_misc("anew", Json(1));
  others.set_item("k", anew);
  proxy.refuse(false);
  EXPECT_EQ(deleted.get(), errc::outcome_unknown);
  EXPECT_EQ(raw("k"), anew.to_json());
}

TEST_F(DffLayout, AppendsAndReadsTurns) {
  server_.command({"SET", "k", dff_value});
  auto storage = open();
  Turn turn;
  turn.request = Message("again");
  EXPECT_EQ(storage.append("k", turn), 1);
  EXPECT_EQ(storage.load_turns("k", 1, 10).size(), 1U);
  EXPECT_EQ(storage.watch("k", 1).next_index, 2);
  EXPECT_EQ(code_of_call([&] { storage.append("absent", turn); }), errc::key_not_found);
}

TEST_F(DffLayout, NeverTouchesWhatIsNotDffs) {
  server_.command({"SET", "celery", "a text"});
  server_.command({"SET", "json", R"({"id":1,"user":"x"})"});
  server_.command({"RPUSH", "list", "x"});
  server_.command({"SET", "broken", std::string(dff_value) + "x"});
  for (int i = 0; i < 50; ++i) server_.command({"SET", std::to_string(i), dff_value});
  auto storage = open();
  EXPECT_EQ(storage.len(), 50U);
  std::vector<std::string> keys;
  std::string cursor;
  do {
    ScanOptions options;
    options.page_size = 7;
    auto page = storage.scan(cursor, options);
    for (const auto& key : page.keys) keys.push_back(key.text());
    cursor = page.cursor;
  } while (!cursor.empty());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  EXPECT_EQ(keys.size(), 50U);
  const auto report = storage.check(false);
  EXPECT_EQ(report.contexts, 50U);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged[0].first, "broken");

  Context fresh;
  for (const char* key : {"celery", "json", "list"}) {
    EXPECT_EQ(code_of_call([&] { storage.set_item(key, fresh); }), errc::wrong_type) << key;
    EXPECT_EQ(code_of_call([&] { storage.del_item(key); }), errc::wrong_type) << key;
  }
  EXPECT_EQ(storage.clear(), 50U);
  EXPECT_EQ(storage.len(), 0U);
  EXPECT_EQ(server_.command({"DBSIZE"}).integer, 4);
  EXPECT_EQ(raw("celery"), "a text");
}

TEST_F(DffLayout, ExpiryIsSetBySavesAndByReadsThatAskForIt) {
  auto storage = open("&ttl=1h&ttl_on_read=yes");
  Context context;
  storage.set_item("k", context);
  EXPECT_GT(server_.command({"PTTL", "k"}).integer, 3'000'000);
  server_.command({"PEXPIRE", "k", "20000"});
  (void)storage.get_item("k");
  EXPECT_GT(server_.command({"PTTL", "k"}).integer, 3'000'000);
}

}  // namespace
}  // namespace dialogstore::test
