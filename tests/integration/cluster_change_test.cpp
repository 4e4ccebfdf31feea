// Slots that move and primaries that fail in a real Redis Cluster while dialogs go on.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "redis/keys.hpp"
#include "support/cluster_failover.hpp"
#include "support/eventually.hpp"
#include "support/redis_cluster.hpp"

namespace dialogstore::test {
namespace {

Context dialog(const std::string& text) {
  Context context(Json("id"));
  context.add_request(text);
  return context;
}

std::string key(std::size_t number) {
  return "key" + std::to_string(number);
}

// Threads that go on talking: each has dialogs of its own and saves a turn of one after the other.
class Talk {
 public:
  Talk(const std::string& uri, std::vector<std::vector<std::string>> keys_of_threads) {
    for (auto& keys : keys_of_threads) {
      threads_.emplace_back([this, uri, keys = std::move(keys)] { run(uri, keys); });
    }
  }
  ~Talk() { stop(); }

  void stop() {
    is_stopping_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  // Waits until this many more turns were saved.
  [[nodiscard]] bool goes_on(std::size_t turns) {
    const auto until = saved_.load() + turns;
    return eventually([&] { return saved_ >= until || has_failed(); }) && !has_failed();
  }
  std::size_t saved() const { return saved_; }
  std::size_t retried() const { return retried_; }
  std::string failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  // What each dialog must hold: turns 0, 1, 2 … each once.
  std::map<std::string, std::size_t> turns() {
    const std::lock_guard lock(mutex_);
    return turns_;
  }

 private:
  bool has_failed() { return !failure().empty(); }

  void run(const std::string& uri, const std::vector<std::string>& keys) try {
    const auto storage = context_storage_factory(uri);
    std::map<std::string, Context> contexts;
    for (const auto& name : keys) contexts.emplace(name, Context(Json(name)));
    while (!is_stopping_) {
      for (const auto& name : keys) say(*storage, name, contexts.at(name));
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error.what();
  }

  void say(DBContextStorage& storage, const std::string& name, Context& context) {
    const auto number = context.turn_count();
    context.add_request(std::to_string(number));
    // The same object again settles a save whose outcome is not known, and is refused when what it
    // was made on is gone.
    for (int attempt = 0;; ++attempt) {
      try {
        storage.set_item(name, context);
        break;
      } catch (const StorageError& error) {
        const bool may_go_on = is_transient(error.code()) || is_outcome_unknown(error.code()) ||
                               error.reason() == errc::not_replicated;
        if (!may_go_on || attempt == 20 || is_stopping_) throw;
        ++retried_;
      }
    }
    ++saved_;
    const std::lock_guard lock(mutex_);
    turns_[name] = number + 1;
  }

  std::vector<std::thread> threads_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<std::size_t> saved_ = 0;
  std::atomic<std::size_t> retried_ = 0;
  std::mutex mutex_;
  std::string failure_;
  std::map<std::string, std::size_t> turns_;
};

void expect_each_turn_once(DBContextStorage& storage,
                           const std::map<std::string, std::size_t>& turns) {
  for (const auto& [name, count] : turns) {
    const auto context = storage.get_item(name);
    ASSERT_EQ(context.turn_count(), count) << name;
    std::size_t next = 0;
    for (const auto& [number, request] : context.requests()) {
      EXPECT_EQ(request.text, std::to_string(next++)) << name;
    }
  }
}

// Two keys of one slot, so that a moving slot has keys on both sides.
std::vector<std::string> keys_of_one_slot(const std::string& space, std::size_t count) {
  const redis::KeyNames names(space);
  const auto slot = names.context("first").slot;
  std::vector<std::string> keys{"first"};
  for (std::size_t i = 0; keys.size() < count; ++i) {
    if (names.context(key(i)).slot == slot) keys.push_back(key(i));
  }
  return keys;
}

TEST(Cluster, SlotsMoveWhileDialogsGoOn) {
  RedisCluster cluster;
  const auto space = unique_name();
  const auto uri = cluster.uri("namespace=" + space);
  const auto keys = keys_of_one_slot(space, 4);
  const redis::KeyNames names(space);
  const int slot = names.context("first").slot;
  const int index_slot = names.index(0).slot;
  const int meta_slot = names.meta().slot;
  const auto storage = context_storage_factory(uri);
  Talk talk(uri, {{keys[0], keys[1]}, {keys[2], "a", "b"}});
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();

  const auto next_of = [&](int moved) { return (cluster.owner_of(moved) + 1) % 3; };
  for (int round = 0; round < 3; ++round) {
    cluster.move_slot(slot, next_of(slot), [&] {
      // Some keys of it are here, some there, and new ones come into being.
      EXPECT_TRUE(talk.goes_on(50)) << talk.failure();
      storage->set_item(keys[3], dialog("created on the way"));
      EXPECT_EQ(storage->get_item(keys[3]).last_request()->text, "created on the way");
      EXPECT_TRUE(storage->del_item(keys[3]));
    });
    cluster.move_slot(index_slot, next_of(index_slot));
    cluster.move_slot(meta_slot, next_of(meta_slot));
    ASSERT_TRUE(talk.goes_on(20)) << talk.failure();
  }

  // A node comes, serves the slot, and goes again for ever.
  const auto guest = cluster.add_node();
  cluster.move_slot(slot, guest);
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();
  EXPECT_EQ(cluster.owner_of(slot), guest);
  cluster.move_slot(slot, 0);
  ASSERT_TRUE(talk.goes_on(20)) << talk.failure();
  cluster.remove_node(guest);
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();

  talk.stop();
  EXPECT_EQ(talk.failure(), "");
  EXPECT_EQ(talk.retried(), 0U) << "nothing was ever away";
  expect_each_turn_once(*context_storage_factory(uri), talk.turns());
  EXPECT_TRUE(storage->check(false).sound());
}

TEST(Cluster, PrimariesFailWhileDialogsGoOn) {
  RedisCluster cluster({.primaries = 3, .replicas = 1});
  const auto space = unique_name();
  const redis::KeyNames names(space);
  // Acknowledged only when a replica has it: so no failover may lose a turn.
  const auto uri = cluster.uri("durability=replicas:1&timeout=8s&namespace=" + space);
  const int slot = names.context("first").slot;
  const auto replica_of = [&](std::size_t primary) {
    const auto replicas =
        cluster.node(primary).command({"CLUSTER", "REPLICAS", cluster.id(primary)});
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      if (replicas.elements.at(0).text.starts_with(cluster.id(i))) return i;
    }
    throw std::runtime_error("no replica");
  };
  {
    // Nodes tell of a replica when it has got something.
    for (std::size_t i = 0; i < 20; ++i) {
      context_storage_factory(cluster.uri("namespace=" + space))->set_item(key(i), dialog("x"));
    }
    ASSERT_TRUE(eventually([&] { return cluster.shows_replicas(); }));
    const auto stale =
        context_storage_factory(cluster.uri("read_from=replicas&namespace=" + space));
    stale->set_item("read", dialog("x"));
    EXPECT_TRUE(eventually([&] { return stale->contains("read"); }));
    std::string read;
    for (std::size_t i = 3; i < 6; ++i) read += cluster.node(i).info("cmdstat_lrange");
    EXPECT_NE(read, "") << "no replica was asked";
  }
  Talk talk(uri, {{"first"}, {"a", "b"}, {"c", "d"}});
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();

  const auto first = cluster.owner_of(slot);
  const auto successor = replica_of(first);
  ASSERT_FALSE(cluster.node(successor).command({"CLUSTER", "FAILOVER"}).is_error());
  ASSERT_TRUE(eventually([&] { return cluster.is_primary(successor); }));
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();
  ASSERT_TRUE(cluster.wait_until_sound());

  // It hangs; its replica, the one deposed before, takes over; it wakes up and is a replica.
  ASSERT_TRUE(
      take_over(cluster, successor, first, [&] { cluster.node(successor).stop_process(); }));
  cluster.node(successor).continue_process();
  ASSERT_TRUE(cluster.wait_until_sound());
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();

  // It dies, and comes back as a replica.
  ASSERT_TRUE(take_over(cluster, first, successor, [&] { cluster.node(first).kill9(); }));
  cluster.node(first).restart();
  ASSERT_TRUE(talk.goes_on(50)) << talk.failure();

  talk.stop();
  EXPECT_EQ(talk.failure(), "");
  expect_each_turn_once(*context_storage_factory(uri), talk.turns());
}

}  // namespace
}  // namespace dialogstore::test
