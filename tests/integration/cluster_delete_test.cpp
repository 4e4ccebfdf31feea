// A delete where the slot of the context is being moved away: once the key is gone there, the node
// refuses a script every command on it, so that what follows in it is never done.
#include <gtest/gtest.h>

#include "dialogstore/context_storage.hpp"
#include "redis/keys.hpp"
#include "support/redis_cluster.hpp"

namespace dialogstore::test {
namespace {

TEST(ClusterDelete, LeavesItsTombstoneInASlotThatMoves) {
  RedisCluster cluster;
  const auto space = unique_name();
  const auto storage = context_storage_factory(cluster.uri("namespace=" + space));
  storage->set_item("k", Context());
  const int slot = redis::KeyNames(space).context("k").slot;
  const auto owner = cluster.owner_of(slot);
  const auto last_row = [&](std::size_t node) {
    return cluster.node(node).command({"LINDEX", space + ":{k}", "-1"}).text;
  };
  ASSERT_EQ(cluster.slot_of(space + ":{k}"), slot);
  cluster.move_slot(slot, (owner + 1) % 3, [&] {
    EXPECT_TRUE(storage->del_item("k"));
    EXPECT_EQ(last_row(owner).substr(0, 1), "T");
    EXPECT_EQ(cluster.node(owner).command({"LLEN", space + ":{k}"}).integer, 1);
    EXPECT_GT(cluster.node(owner).command({"PTTL", space + ":{k}"}).integer, 0);
  });
  EXPECT_FALSE(storage->contains("k"));
  EXPECT_EQ(storage->len(), 0U);
}

}  // namespace
}  // namespace dialogstore::test
