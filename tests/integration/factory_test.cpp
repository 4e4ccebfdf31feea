// context_storage_factory: the scheme picks the store.
#include <gtest/gtest.h>

#include "dialogstore/memory_context_storage.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "integration/sqlite_fixture.hpp"
#include "support/eventually.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

TEST(ContextStorageFactory, PicksTheStoreByTheScheme) {
  const TempDir folder;
  const auto memory = context_storage_factory("memory://");
  const auto sqlite = context_storage_factory("sqlite:///" + (folder / "a.db").string());
  const auto redis =
      context_storage_factory("redis://user:secret@localhost:1");  // no call, no link
  EXPECT_NE(dynamic_cast<MemoryContextStorage*>(memory.get()), nullptr);
  EXPECT_NE(dynamic_cast<SQLiteContextStorage*>(sqlite.get()), nullptr);
  EXPECT_NE(dynamic_cast<RedisContextStorage*>(redis.get()), nullptr);
  EXPECT_EQ(redis->full_path(), "redis://user:***@localhost:1");
}

TEST(ContextStorageFactory, PassesTheOptionsOn) {
  const auto one = context_storage_factory("memory://factory-test?namespace=one");
  const auto two = context_storage_factory("memory://factory-test?namespace=two");
  one->set_item("user", make_context("x"));
  EXPECT_EQ(one->len(), 1U);
  EXPECT_EQ(two->len(), 0U);
}

// The server is asked first whether it is a node of a cluster, on a connection that goes again; the
// request that was first then takes the one that serves all that follow.
TEST(ContextStorageFactory, AServerIsLeftWithOneConnection) {
  RedisServer server;
  const auto storage = context_storage_factory(server.uri());
  EXPECT_FALSE(storage->contains("user"));
  storage->set_item("user", make_context("x"));
  EXPECT_TRUE(storage->contains("user"));
  // The test's own, and the storage's.
  EXPECT_TRUE(eventually([&] { return server.info("connected_clients") == "2"; }))
      << server.command({"CLIENT", "LIST"}).text;
}

TEST(ContextStorageFactory, RefusesWhatIsNoUri) {
  for (const char* uri : {"", "localhost", "http://localhost", "redis+cluster://a,a"}) {
    EXPECT_EQ(error_code_of([&] { context_storage_factory(uri); }), errc::invalid_uri) << uri;
  }
}

}  // namespace
}  // namespace dialogstore::test
