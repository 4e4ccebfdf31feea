// A cache that the server tells of changes (cache_max_staleness): what its loads ask, and what they
// give.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/eventually.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_sentinels.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

// Longer than any test: a server that answers is not asked.
constexpr const char* told = "cache=100&cache_max_staleness=10m&namespace=";

Context dialog(int turns) {
  Context context(Json("id"));
  for (int i = 0; i < turns; ++i) context.add_request("turn " + std::to_string(i));
  return context;
}

void add_turn(DBContextStorage& storage, const std::string& key) {
  Context context = storage.get_item(key);
  context.add_request("one more");
  storage.set_item(key, context);
}

std::size_t turns_of(DBContextStorage& storage, const std::string& key) {
  return storage.get_item(key).turn_count();
}

class ClientTracking : public testing::Test {
 protected:
  std::unique_ptr<DBContextStorage> open(const std::string& more = "") {
    return context_storage_factory(server_.uri(told + name_ + more));
  }
  /// Of all clients, but the question itself.
  std::uint64_t commands() { return std::stoull(server_.info("total_commands_processed")); }
  /// How many commands this takes. The question is one itself.
  template <class Work>
  std::uint64_t commands_of(Work work) {
    const auto before = commands();
    work();
    return commands() - before - 1;
  }
  /// What the storage loads becomes this.
  void expect_soon(DBContextStorage& storage, std::size_t turns) {
    EXPECT_TRUE(eventually([&] { return turns_of(storage, "k") == turns; }));
  }

  RedisServer server_;
  std::string name_ = unique_name();
};

TEST_F(ClientTracking, ALoadOfAnUnchangedContextAsksNothing) {
  const auto storage = open();
  auto context = dialog(3);
  storage->set_item("k", context);
  EXPECT_EQ(commands_of([&] { EXPECT_EQ(storage->get_item("k"), context); }), 0U);
  const auto other = open();
  EXPECT_EQ(turns_of(*other, "k"), 3U);
  EXPECT_EQ(commands_of([&] { EXPECT_EQ(other->get_item("k"), context); }), 0U);
}

TEST_F(ClientTracking, ALoadAfterASaveAsksNothing) {
  const auto storage = open("&history=recent");
  storage->set_item("k", dialog(1));
  for (int i = 0; i < 20; ++i) {
    add_turn(*storage, "k");
    EXPECT_EQ(commands_of([&] { static_cast<void>(storage->get_item("k")); }), 0U) << i;
  }
  EXPECT_EQ(storage->get_item("k", {.history = History::all}).turn_count(), 21U);
}

TEST_F(ClientTracking, WhereALoadRenewsTheLifeOfAContextEveryOneAsks) {
  const auto storage = open("&ttl=1h&ttl_on_read=yes");
  storage->set_item("k", dialog(1));
  const auto reads = [&] {
    const auto text = server_.command({"INFO", "commandstats"}).text;
    const std::string field = "cmdstat_lrange:calls=";
    const auto at = text.find(field);
    return at == std::string::npos ? 0 : std::stoi(text.substr(at + field.size()));
  };
  for (int i = 0; i < 3; ++i) {
    const auto before = reads();
    EXPECT_EQ(turns_of(*storage, "k"), 1U);
    EXPECT_GT(reads(), before) << i;
  }
}

TEST_F(ClientTracking, WhatAnotherSavesIsSeenSoon) {
  const auto storage = open();
  const auto other = open();
  storage->set_item("k", dialog(1));
  for (std::size_t turns = 2; turns < 12; ++turns) {
    const bool is_others = turns % 3 != 0;
    // Who saved another time is told as well as who loaded.
    auto& writer = is_others ? *other : *storage;
    expect_soon(writer, turns - 1);
    add_turn(writer, "k");
    EXPECT_EQ(turns_of(writer, "k"), turns);
    expect_soon(is_others ? *storage : *other, turns);
  }
}

TEST_F(ClientTracking, WhatAnotherAppendsDeletesOrReplacesIsSeenSoon) {
  const auto storage = open();
  const auto other = open();
  storage->set_item("k", dialog(1));
  Turn turn;
  turn.request = Message("appended");
  other->append("k", turn);
  expect_soon(*storage, 2);
  ASSERT_TRUE(other->del_item("k"));
  EXPECT_TRUE(eventually([&] { return !storage->find("k"); }));
  other->set_item("k", dialog(5));
  expect_soon(*storage, 5);
  other->clear();
  EXPECT_TRUE(eventually([&] { return !storage->find("k"); }));
}

TEST_F(ClientTracking, WhatThisStorageDidItsNextLoadHas) {
  const auto storage = open();
  for (int round = 0; round < 5; ++round) {
    storage->set_item("k", dialog(2));
    Turn turn;
    turn.request = Message("appended");
    storage->append("k", turn);
    ASSERT_EQ(turns_of(*storage, "k"), 3U);
    ASSERT_EQ(turns_of(*storage, "k"), 3U);
    add_turn(*storage, "k");
    ASSERT_EQ(turns_of(*storage, "k"), 4U);
    ASSERT_TRUE(storage->del_item("k"));
    ASSERT_FALSE(storage->find("k"));
    storage->set_item("k", dialog(1));
    ASSERT_EQ(turns_of(*storage, "k"), 1U);
    storage->clear();
    ASSERT_FALSE(storage->find("k"));
  }
}

TEST_F(ClientTracking, AnEmptiedDatabaseIsSeenSoon) {
  const auto storage = open();
  storage->set_item("k", dialog(2));
  EXPECT_EQ(turns_of(*storage, "k"), 2U);
  server_.command({"FLUSHALL"});
  EXPECT_TRUE(eventually([&] { return !storage->find("k"); }));
}

TEST_F(ClientTracking, AContextWithoutRowsOfOursIsSeenSoon) {
  const auto storage = open();
  storage->set_item("k", dialog(2));
  server_.command({"SET", name_ + ":{k}", "of another application"});
  EXPECT_TRUE(eventually([&] {
    try {
      static_cast<void>(storage->get_item("k"));
      return false;
    } catch (const StorageError& error) {
      return error.reason() == errc::wrong_type;
    }
  }));
}

TEST_F(ClientTracking, AfterALostConnectionALoadAsks) {
  const auto storage = open();
  const auto other = context_storage_factory(server_.unix_uri("namespace=" + name_));
  storage->set_item("k", dialog(1));
  for (std::size_t turns = 2; turns < 8; ++turns) {
    ASSERT_EQ(turns_of(*storage, "k"), turns - 1);
    // Nobody is left to be told.
    server_.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    add_turn(*other, "k");
    expect_soon(*storage, turns);
    EXPECT_EQ(commands_of([&] { EXPECT_EQ(turns_of(*storage, "k"), turns); }), 0U);
  }
}

TEST_F(ClientTracking, WhoIsCutOffGivesNothingOlderThanItMay) {
  TcpProxy proxy(server_.port());
  const auto storage = context_storage_factory(
      proxy.uri("cache=10&cache_max_staleness=100ms&timeout=2s&namespace=" + name_));
  const auto other = context_storage_factory(server_.uri("namespace=" + name_));
  storage->set_item("k", dialog(1));
  proxy.stall(Direction::to_client);
  add_turn(*other, "k");
  const auto saved = std::chrono::steady_clock::now();
  // Both ends believe that they are connected.
  std::size_t given = 0;
  EXPECT_TRUE(eventually([&] {
    const auto asked = std::chrono::steady_clock::now();
    try {
      EXPECT_EQ(turns_of(*storage, "k"), 1U);
      EXPECT_LT(asked - saved, 100ms);
      ++given;
      return false;
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), errc::timed_out) << error.what();
      return true;
    }
  }));
  proxy.heal();
  expect_soon(*storage, 2);
}

TEST_F(ClientTracking, AnIdleStorageAsksOnceAndThenKnowsAgain) {
  const auto storage =
      context_storage_factory(server_.uri("cache=10&cache_max_staleness=2s&namespace=" + name_));
  storage->set_item("k", dialog(1));
  storage->set_item("l", dialog(1));
  ASSERT_TRUE(eventually([&] {
    const auto asked = commands_of([&] { static_cast<void>(storage->get_item("k")); });
    return asked == 1;
  }));
  EXPECT_EQ(commands_of([&] { static_cast<void>(storage->get_item("l")); }), 0U);
}

TEST_F(ClientTracking, SeveralConnectionsKeepWhatEachWasToldApart) {
  const auto storage = open("&connections=4");
  const auto other = open("&connections=3");
  for (int i = 0; i < 40; ++i) storage->set_item("k" + std::to_string(i), dialog(1));
  EXPECT_EQ(commands_of([&] {
              for (int i = 0; i < 40; ++i)
                EXPECT_EQ(turns_of(*storage, "k" + std::to_string(i)), 1U);
            }),
            0U);
  for (int i = 0; i < 40; ++i) add_turn(*other, "k" + std::to_string(i));
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 40; ++i) {
      if (turns_of(*storage, "k" + std::to_string(i)) != 2) return false;
    }
    return true;
  }));
}

TEST_F(ClientTracking, ListingAndCheckingWorkAsEver) {
  const auto storage = open();
  for (int i = 0; i < 25; ++i) storage->set_item("k" + std::to_string(i), dialog(1));
  EXPECT_EQ(storage->len(), 25U);
  for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
    std::size_t found = 0;
    std::string cursor;
    do {
      const auto page = storage->scan(cursor, {.page_size = 10, .order = order});
      found += page.keys.size();
      cursor = page.cursor;
    } while (!cursor.empty());
    EXPECT_EQ(found, 25U);
  }
  const auto report = storage->check(false);
  EXPECT_EQ(report.contexts, 25U);
  EXPECT_TRUE(report.damaged.empty());
  EXPECT_FALSE(storage->statistics().empty());
  EXPECT_EQ(storage->clear(), 25U);
}

TEST_F(ClientTracking, AMissingRightIsNamedWithItsRemedy) {
  server_.command(
      {"ACL", "SETUSER", "bob", "reset", "on", ">secret", "~*", "+@all", "-client|tracking"});
  const auto storage =
      context_storage_factory("redis://bob:secret@127.0.0.1:" + std::to_string(server_.port()) +
                              "/0?cache=10&cache_max_staleness=1s");
  try {
    storage->set_item("k", dialog(1));
    ADD_FAILURE() << "nobody asked for the right";
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), errc::permission_denied) << error.what();
    const std::string text = error.what();
    EXPECT_NE(text.find("cache_max_staleness"), std::string::npos) << text;
    EXPECT_NE(text.find("client|tracking"), std::string::npos) << text;
  }
}

/// Callers of one storage, each with its own dialogs and with those that all share.
void talk(DBContextStorage& storage, const std::string& name, int turns, std::atomic<int>& saved) {
  std::map<std::string, std::size_t> seen;
  for (int i = 0; i < turns; ++i) {
    const auto key = i % 3 == 0 ? "own" + name : "shared" + std::to_string(i % 2);
    auto context = storage.get(key, Context(Json("id")));
    // Turns are only added here, so that a load behind an earlier one would have fewer.
    EXPECT_GE(context.turn_count(), seen[key]) << key;
    context.add_request(name + " " + std::to_string(i));
    storage.set_item(key, context);
    seen[key] = context.turn_count();
    ++saved;
  }
}

TEST_F(ClientTracking, NoTurnIsLostAndNoLoadGoesBack) {
  std::vector<std::unique_ptr<DBContextStorage>> storages;
  for (int i = 0; i < 3; ++i) storages.push_back(open("&on_conflict=merge&seal_after=3"));
  std::atomic<int> saved = 0;
  constexpr int turns = 60;
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&, i] {
      talk(*storages[static_cast<std::size_t>(i) % 3], std::to_string(i), turns, saved);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(saved, 6 * turns);
  const auto plain = context_storage_factory(server_.uri("namespace=" + name_));
  std::size_t stored = 0;
  std::map<std::string, int> texts;
  std::string cursor;
  do {
    const auto page = plain->scan(cursor);
    for (const auto& key : page.keys) {
      const auto context = plain->get_item(key.text());
      stored += context.turn_count();
      for (const auto index : context.turn_indices()) ++texts[*context.turn(index)->request->text];
    }
    cursor = page.cursor;
  } while (!cursor.empty());
  EXPECT_EQ(stored, static_cast<std::size_t>(saved.load()));
  EXPECT_EQ(texts.size(), stored);
}

TEST(ClientTrackingOfSentinels, AFailoverIsFollowed) {
  RedisSentinels watched;
  const auto name = unique_name();
  const auto storage = context_storage_factory(watched.uri("timeout=20s&" + (told + name)));
  const auto other = context_storage_factory(watched.uri("timeout=20s&namespace=" + name));
  storage->set_item("k", dialog(1));
  EXPECT_EQ(turns_of(*storage, "k"), 1U);
  {
    // Its saves go over a connection that is told nothing.
    const auto durable = context_storage_factory(
        watched.uri("timeout=20s&durability=replicas:1&" + ("on_conflict=merge&" + (told + name))));
    durable->set_item("l", dialog(1));
    add_turn(*other, "l");
    EXPECT_TRUE(eventually([&] { return turns_of(*durable, "l") == 2; }));
    add_turn(*durable, "l");
    add_turn(*other, "l");
    EXPECT_TRUE(eventually([&] { return turns_of(*durable, "l") == 4; }));
  }
  watched.server(0).kill9();
  watched.watch_closely();
  ASSERT_TRUE(watched.wait_for_takeover(1));
  add_turn(*other, "k");
  EXPECT_TRUE(eventually([&] { return turns_of(*storage, "k") == 2; }));
  add_turn(*storage, "k");
  EXPECT_EQ(turns_of(*storage, "k"), 3U);
}

TEST(ClientTrackingOfACluster, EachNodeTellsOfItsOwnKeys) {
  RedisCluster cluster;
  const auto name = unique_name();
  const auto storage = context_storage_factory(cluster.uri(told + name));
  const auto other = context_storage_factory(cluster.uri("namespace=" + name));
  for (int i = 0; i < 20; ++i) storage->set_item("k" + std::to_string(i), dialog(1));
  for (int i = 0; i < 20; ++i) add_turn(*other, "k" + std::to_string(i));
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) {
      if (turns_of(*storage, "k" + std::to_string(i)) != 2) return false;
    }
    return true;
  }));
  // Another node has it from now on, which nobody has asked.
  const auto slot = cluster.slot_of(name + ":{k7}");
  cluster.move_slot(slot, (cluster.owner_of(slot) + 1) % 3);
  add_turn(*other, "k7");
  EXPECT_TRUE(eventually([&] { return turns_of(*storage, "k7") == 3; }));
  add_turn(*storage, "k7");
  add_turn(*other, "k7");
  EXPECT_TRUE(eventually([&] { return turns_of(*storage, "k7") == 5; }));
}

}  // namespace
}  // namespace dialogstore::test
