// Saves that are acknowledged when replicas have them, or disks.
#include <gtest/gtest.h>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/eventually.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_sentinels.hpp"

namespace dialogstore::test {
namespace {

Context dialog(const std::string& text) {
  Context context(Json("id"));
  context.add_request(text);
  return context;
}

std::pair<errc, std::string> failure_of_save(DBContextStorage& storage, Context& context) {
  try {
    storage.set_item("k", context);
    return {};
  } catch (const StorageError& error) {
    return {error.reason(), error.what()};
  }
}

errc error_of_save(DBContextStorage& storage, Context& context) {
  return failure_of_save(storage, context).first;
}

class Durability : public ::testing::Test {
 protected:
  Durability() {
    replica_.command({"REPLICAOF", RedisServer::host(), std::to_string(primary_.port())});
    EXPECT_TRUE(wait_for_replica());
  }
  bool wait_for_replica() {
    return eventually(
        [&] { return primary_.info("slave0").find("state=online") != std::string::npos; });
  }
  std::unique_ptr<DBContextStorage> open(const std::string& query) {
    return context_storage_factory(primary_.uri("namespace=" + space_ + "&" + query));
  }
  std::int64_t rows_at(RedisServer& server) {
    return server.command({"LLEN", space_ + ":{k}"}).integer;
  }

  RedisServer primary_{{.config = {"repl-diskless-sync-delay 0"}}};
  RedisServer replica_;
  std::string space_ = unique_name();
};

TEST_F(Durability, AnAcknowledgedSaveIsOnTheReplica) {
  const auto storage = open("durability=replicas:1&timeout=60s");
  auto context = dialog("0");
  for (int turn = 1; turn <= 20; ++turn) {
    storage->set_item("k", context);
    EXPECT_EQ(rows_at(replica_), rows_at(primary_)) << turn;
    context.add_request(std::to_string(turn));
  }
  EXPECT_TRUE(storage->del_item("k"));
}

TEST_F(Durability, TooFewReplicasAreToldAndTheNextSaveSettlesIt) {
  const auto patient = open("durability=replicas:1&timeout=60s");
  const auto storage = open("durability=replicas:1&timeout=2s");
  auto context = dialog("first");
  patient->set_item("k", context);
  replica_.stop_process();
  context.add_request("second");
  EXPECT_EQ(error_of_save(*storage, context), errc::not_replicated);
  EXPECT_EQ(rows_at(primary_), 2) << "it was written all the same";
  EXPECT_EQ(error_of_save(*storage, context), errc::not_replicated) << "it still is on one only";
  EXPECT_EQ(rows_at(primary_), 2);
  // Loads do not wait behind saves that do.
  EXPECT_EQ(storage->get_item("k").turn_count(), 2U);
  replica_.continue_process();
  EXPECT_TRUE(eventually([&] { return error_of_save(*storage, context) == errc{}; }));
  EXPECT_EQ(rows_at(primary_), 2) << "settled, not saved again";
  EXPECT_EQ(rows_at(replica_), 2);
  context.add_request("third");
  EXPECT_EQ(error_of_save(*patient, context), errc{});
  EXPECT_EQ(storage->get_item("k").turn_count(), 3U);
}

TEST_F(Durability, MoreReplicasThanThereAreAreNeverEnough) {
  const auto storage = open("durability=replicas:2&timeout=2s");
  auto context = dialog("first");
  EXPECT_EQ(error_of_save(*storage, context), errc::not_replicated);
  EXPECT_EQ(open("timeout=60s")->get_item("k").turn_count(), 1U);
}

TEST_F(Durability, IsNotForTheLayoutOfDff) {
  for (const std::string durability : {"replicas:1", "aof", "aof:1"}) {
    try {
      open("layout=dff&durability=" + durability);
      FAIL() << "accepted";
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), errc::invalid_argument);
      const std::string said = error.what();
      EXPECT_NE(said.find("layout=log"), std::string::npos) << said;
      EXPECT_NE(said.find("durability=" + durability), std::string::npos) << said;
    }
  }
}

TEST_F(Durability, ARightThatIsMissingIsNamedBeforeAnythingIsWritten) {
  ASSERT_EQ(primary_.command({"ACL", "SETUSER", "bot", "on", ">x", "~*", "+@all", "-wait"}).text,
            "OK");
  const auto storage =
      context_storage_factory("redis://bot:x@127.0.0.1:" + std::to_string(primary_.port()) +
                              "/?namespace=" + space_ + "&durability=replicas:1");
  auto context = dialog("first");
  const auto failure = failure_of_save(*storage, context);
  EXPECT_EQ(failure.first, errc::permission_denied);
  EXPECT_NE(failure.second.find("ACL SETUSER bot +wait"), std::string::npos) << failure.second;
  EXPECT_EQ(rows_at(primary_), 0);
  primary_.command({"ACL", "SETUSER", "bot", "+wait"});
  EXPECT_EQ(error_of_save(*storage, context), errc{});
}

// ---- disks
// ----------------------------------------------------------------------------------------

bool knows_waitaof(RedisServer& server) {
  return !server.command({"COMMAND", "INFO", "WAITAOF"}).elements.at(0).elements.empty();
}

constexpr const char* no_waitaof =
    "this server has no WAITAOF; the entries of ctest over newer ones run this test";

// Neither server syncs unless told to, which is how a test can see whether anybody waits for it.
class DurabilityOnDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!knows_waitaof(primary_)) GTEST_SKIP() << no_waitaof;
  }
  std::unique_ptr<DBContextStorage> open(const std::string& query, const std::string& user = "") {
    return context_storage_factory("redis://" + user +
                                   "127.0.0.1:" + std::to_string(primary_.port()) +
                                   "/?namespace=" + space_ + "&" + query);
  }
  std::int64_t rows_at(RedisServer& server) {
    return server.command({"LLEN", space_ + ":{k}"}).integer;
  }
  static void set(RedisServer& server, const std::string& name, const std::string& value) {
    ASSERT_EQ(server.command({"CONFIG", "SET", name, value}).text, "OK");
  }
  static void expect_named(const std::pair<errc, std::string>& failure, errc code,
                           const std::string& part) {
    EXPECT_EQ(failure.first, code) << failure.second;
    EXPECT_NE(failure.second.find(part), std::string::npos) << failure.second;
  }

  RedisServer primary_{
      {.config = {"appendfsync no", "repl-diskless-sync-delay 0"}, .is_append_only = true}};
  std::string space_ = unique_name();
};

TEST_F(DurabilityOnDisk, ASaveThatIsNotSyncedIsToldAndTheNextSaveSettlesIt) {
  const auto storage = open("durability=aof&timeout=3s");  // everysec may take more than one
  auto context = dialog("first");
  expect_named(failure_of_save(*storage, context), errc::not_replicated, "synced it to its disk");
  EXPECT_EQ(rows_at(primary_), 1) << "it was written all the same";
  set(primary_, "appendfsync", "everysec");
  EXPECT_TRUE(eventually([&] { return error_of_save(*storage, context) == errc{}; }));
  EXPECT_EQ(rows_at(primary_), 1) << "settled, not saved again";
  set(primary_, "appendfsync", "always");
  const auto patient = open("durability=aof&timeout=60s");
  for (int turn = 1; turn <= 20; ++turn) {
    context.add_request(std::to_string(turn));
    EXPECT_EQ(failure_of_save(*patient, context).second, "");
  }
  EXPECT_EQ(storage->get_item("k").turn_count(), 21U);
  EXPECT_TRUE(storage->del_item("k"));
}

TEST_F(DurabilityOnDisk, ReplicasSyncToo) {
  set(primary_, "appendfsync", "always");
  RedisServer replica({.config = {"appendfsync no"}, .is_append_only = true});
  replica.command({"REPLICAOF", RedisServer::host(), std::to_string(primary_.port())});
  ASSERT_TRUE(eventually(
      [&] { return primary_.info("slave0").find("state=online") != std::string::npos; }));
  const auto storage = open("durability=aof:1&timeout=2s");
  auto context = dialog("first");
  expect_named(failure_of_save(*storage, context), errc::not_replicated,
               "only 0 of 1 replicas have it on their disks");
  EXPECT_EQ(rows_at(replica), 1) << "it has it in memory";
  set(replica, "appendfsync", "always");
  EXPECT_TRUE(eventually([&] { return error_of_save(*storage, context) == errc{}; }));
  context.add_request("second");
  EXPECT_EQ(error_of_save(*open("durability=aof:1&timeout=60s"), context), errc{});
}

TEST_F(DurabilityOnDisk, WithoutAnAppendOnlyFileNothingIsWritten) {
  set(primary_, "appendonly", "no");
  const auto storage = open("durability=aof&timeout=60s");
  auto context = dialog("first");
  expect_named(failure_of_save(*storage, context), errc::unsupported_server, "appendonly yes");
  EXPECT_EQ(rows_at(primary_), 0);
  set(primary_, "appendfsync", "always");
  set(primary_, "appendonly", "yes");
  EXPECT_EQ(failure_of_save(*storage, context).second, "");
  // Taken away while the storage is in use: the save is written, and nobody says that it is safe.
  // The save before is for the connection that the first one made, of which everything is asked
  // again.
  context.add_request("second");
  EXPECT_EQ(failure_of_save(*storage, context).second, "");
  set(primary_, "appendonly", "no");
  context.add_request("third");
  expect_named(failure_of_save(*storage, context), errc::not_replicated, "appendonly");
  EXPECT_EQ(rows_at(primary_), 3);
}

TEST_F(DurabilityOnDisk, ARightThatIsMissingIsNamedBeforeAnythingIsWritten) {
  primary_.command({"ACL", "SETUSER", "bot", "on", ">x", "~*", "+@all", "-waitaof"});
  const auto storage = open("durability=aof", "bot:x@");
  auto context = dialog("first");
  expect_named(failure_of_save(*storage, context), errc::permission_denied,
               "ACL SETUSER bot +waitaof");
  EXPECT_EQ(rows_at(primary_), 0);
}

TEST_F(DurabilityOnDisk, IsForClustersAndSentinelsToo) {
  RedisCluster cluster({.primaries = 2, .server = {.is_append_only = true}});
  const auto spread =
      context_storage_factory(cluster.uri("durability=aof&timeout=60s&namespace=" + unique_name()));
  for (int i = 0; i < 20; ++i) spread->set_item(i, dialog("x"));
  EXPECT_EQ(spread->len(), 20U);
  cluster.node(1).command({"CONFIG", "SET", "appendfsync", "no"});
  const auto unsynced =
      context_storage_factory(cluster.uri("durability=aof&timeout=5s&namespace=" + unique_name()));
  const auto failure_on = [&](std::size_t node) {
    int key = 0;
    while (cluster.owner_of(cluster.slot_of("{" + std::to_string(key) + "}")) != node) ++key;
    try {
      unsynced->set_item(key, dialog("x"));
      return errc{};
    } catch (const StorageError& error) {
      return error.reason();
    }
  };
  EXPECT_EQ(failure_on(0), errc{}) << "this node syncs";
  EXPECT_EQ(failure_on(1), errc::not_replicated);

  RedisSentinels watched({.config = {"appendonly yes"}});
  const auto replicated = context_storage_factory(
      watched.uri("durability=aof:1&timeout=60s&namespace=" + unique_name()));
  auto context = dialog("x");
  EXPECT_EQ(failure_of_save(*replicated, context).second, "");
}

TEST(DurabilityOnOlderServers, IsRefusedBeforeAnythingIsWritten) {
  RedisServer server({.is_append_only = true});
  if (knows_waitaof(server)) GTEST_SKIP() << "this server has WAITAOF";
  const auto space = unique_name();
  const auto storage = context_storage_factory(server.uri("durability=aof&namespace=" + space));
  auto context = dialog("first");
  const auto failure = failure_of_save(*storage, context);
  EXPECT_EQ(failure.first, errc::unsupported_server) << failure.second;
  for (const char* part : {"durability=aof", "WAITAOF", "Redis 7.2", "appendfsync always"}) {
    EXPECT_NE(failure.second.find(part), std::string::npos) << failure.second;
  }
  EXPECT_EQ(server.command({"LLEN", space + ":{k}"}).integer, 0);
  EXPECT_EQ(storage->len(), 0U);
}

}  // namespace
}  // namespace dialogstore::test
