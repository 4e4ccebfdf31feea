// Saves that are acknowledged when replicas have them.
#include <gtest/gtest.h>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/eventually.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

Context dialog(const std::string& text) {
  Context context(Json("id"));
  context.add_request(text);
  return context;
}

errc error_of_save(DBContextStorage& storage, Context& context) {
  try {
    storage.set_item("k", context);
    return errc{};
  } catch (const StorageError& error) {
    return error.reason();
  }
}

class Durability : public ::testing::Test {
 protected:
  Durability() {
    replica_.command({"REPLICAOF", RedisServer::host(), std::to_string(primary_.port())});
    EXPECT_TRUE(wait_for_replica());
  }
  bool wait_for_replica() {
    return eventually(
        [&] { return primary_.info("slave0").find("state=online") != std::string::npos; },
        std::chrono::seconds(20));
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
  const auto storage = open("durability=replicas:1");
  auto context = dialog("0");
  for (int turn = 1; turn <= 20; ++turn) {
    storage->set_item("k", context);
    EXPECT_EQ(rows_at(replica_), rows_at(primary_)) << turn;
    context.add_request(std::to_string(turn));
  }
  EXPECT_TRUE(storage->del_item("k"));
}

TEST_F(Durability, TooFewReplicasAreToldAndTheNextSaveSettlesIt) {
  const auto storage = open("durability=replicas:1&timeout=2s");
  auto context = dialog("first");
  storage->set_item("k", context);
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
  EXPECT_EQ(error_of_save(*storage, context), errc{});
  EXPECT_EQ(storage->get_item("k").turn_count(), 3U);
}

TEST_F(Durability, MoreReplicasThanThereAreAreNeverEnough) {
  const auto storage = open("durability=replicas:2&timeout=2s");
  auto context = dialog("first");
  EXPECT_EQ(error_of_save(*storage, context), errc::not_replicated);
  EXPECT_EQ(open("timeout=5s")->get_item("k").turn_count(), 1U);
}

TEST_F(Durability, IsNotForTheLayoutOfDff) {
  try {
    open("durability=replicas:1&layout=dff");
    FAIL() << "accepted";
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("layout=log"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dialogstore::test
