// The storage on a real Redis Cluster. Starting one takes seconds, so each test asks it much.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "redis/keys.hpp"
#include "support/eventually.hpp"
#include "support/redis_cluster.hpp"
#include "support/tcp_proxy.hpp"

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

std::set<std::string> listed(DBContextStorage& storage, ScanOrder order, std::size_t page = 30) {
  std::set<std::string> keys;
  ScanPage some;
  do {
    some = storage.scan(some.cursor, {.page_size = page, .order = order});
    for (const auto& one : some.keys) keys.insert(one.text());
  } while (!some.cursor.empty());
  return keys;
}

template <class Call>
std::pair<errc, std::string> error_of(Call&& call) {
  try {
    static_cast<void>(call());
    return {};
  } catch (const StorageError& error) {
    return {error.reason(), error.what()};
  }
}

// Everything there is, through a storage that was opened by `uri`.
void use_all_operations(RedisCluster& cluster, const std::string& uri) {
  constexpr std::size_t count = 90;
  const auto storage = context_storage_factory(uri);
  const auto others = context_storage_factory(cluster.uri("namespace=" + unique_name()));
  others->set_item("mine", dialog("other"));
  std::vector<ContextKey> keys;
  std::set<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    storage->set_item(key(i), dialog(key(i)));
    keys.emplace_back(key(i));
    names.insert(key(i));
  }
  const auto loaded = storage->get_items(keys);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(loaded[i]) << i;
    EXPECT_EQ(loaded[i]->last_request()->text, key(i));
  }
  EXPECT_EQ(storage->len(), count);
  EXPECT_TRUE(storage->contains(key(0)));
  EXPECT_FALSE(storage->contains("nobody"));
  EXPECT_EQ(listed(*storage, ScanOrder::any), names);
  EXPECT_EQ(listed(*storage, ScanOrder::newest_first), names);
  auto again = storage->get_item(key(1));
  again.add_request("more");
  storage->set_item(key(1), again);
  EXPECT_EQ(storage->get_item(key(1)).turn_count(), 2U);
  EXPECT_TRUE(storage->del_item(key(2)));
  EXPECT_FALSE(storage->del_item(key(2)));
  EXPECT_EQ(error_of([&] { return storage->get_item(key(2)); }).first, errc::key_not_found);

  const auto report = storage->check(false);
  EXPECT_EQ(report.contexts, count - 1);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(storage->clear(), count - 1);
  EXPECT_EQ(storage->len(), 0U);
  EXPECT_EQ(others->len(), 1U);
}

TEST(Cluster, DoesAllThatOneServerDoes) {
  RedisCluster cluster;
  {
    SCOPED_TRACE("by several nodes");
    use_all_operations(cluster, cluster.uri("namespace=" + unique_name()));
  }
  {
    SCOPED_TRACE("by one node, which says that it is one");
    use_all_operations(cluster, cluster.node_uri(2, "namespace=" + unique_name()));
  }
  {
    SCOPED_TRACE("with several connections to each");
    use_all_operations(cluster,
                       cluster.uri("connections=3&ttl=1h&cache=5&namespace=" + unique_name()));
  }
  {
    SCOPED_TRACE("encrypted");
    constexpr const char* keys = "DIALOGSTORE_CLUSTER_KEYS";
    ASSERT_EQ(::setenv(keys, ("a " + std::string(64, '5')).c_str(), 1), 0);
    use_all_operations(cluster, cluster.uri(std::string("encrypt=env:") + keys +
                                            "&seal_after=1&namespace=" + unique_name()));
  }

  // Contexts that the listing does not know lie on every node.
  const auto space = unique_name();
  const auto storage = context_storage_factory(cluster.uri("namespace=" + space));
  constexpr std::size_t count = 40;
  for (std::size_t i = 0; i < count; ++i) storage->set_item(key(i), dialog("x"));
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    EXPECT_GT(cluster.node(i).command({"DBSIZE"}).integer, 0) << "all on one side?";
  }
  const auto index = space + ":index:0";
  const auto owner = cluster.owner_of(cluster.slot_of(index));
  ASSERT_EQ(cluster.node(owner).command({"DEL", index}).integer, 1);
  EXPECT_EQ(storage->check(true).unlisted, count);
  EXPECT_EQ(storage->len(), count);
}

TEST(Cluster, SharesValuesWithDff) {
  RedisCluster cluster({.primaries = 2});
  const auto storage = context_storage_factory(cluster.uri("layout=dff"));
  std::set<std::string> names;
  for (std::size_t i = 0; i < 30; ++i) {
    storage->set_item(key(i), dialog(key(i)));
    names.insert(key(i));
  }
  EXPECT_EQ(listed(*storage, ScanOrder::any, 4), names);
  EXPECT_EQ(storage->len(), names.size());
  EXPECT_EQ(storage->get_item(key(7)).last_request()->text, key(7));
  EXPECT_EQ(storage->clear(), names.size());
  EXPECT_EQ(storage->len(), 0U);
}

// ---- what is wrong ------------------------------------------------------------------------------

TEST(Cluster, SaysWhatIsWrong) {
  RedisCluster cluster({.primaries = 2, .server = {.password = "pw"}});
  const auto space = "namespace=" + unique_name();
  const auto storage = context_storage_factory(cluster.uri("timeout=1s&" + space));
  storage->set_item("k", dialog("x"));

  // A slot that nobody serves: the cluster is down, nothing is written, and it passes.
  const redis::KeyNames names(space.substr(10));
  const auto slot = std::to_string(names.context("k").slot);
  const auto owner = cluster.owner_of(names.context("k").slot);
  ASSERT_FALSE(cluster.node(owner).command({"CLUSTER", "DELSLOTS", slot}).is_error());
  // On a busy machine the last of several questions may be the one that has no answer in time.
  const auto is_unavailable = [&](const auto& call) {
    return eventually([&] { return error_of(call).first == errc::unavailable; });
  };
  EXPECT_TRUE(is_unavailable([&] { return storage->get_item("k"); }));
  auto unsaved = dialog("y");
  EXPECT_TRUE(is_unavailable([&] { return storage->set_item("k", unsaved), 0; }));
  ASSERT_FALSE(cluster.node(owner).command({"CLUSTER", "ADDSLOTS", slot}).is_error());
  EXPECT_TRUE(
      eventually([&] { return error_of([&] { return storage->contains("k"); }).first == errc{}; }));

  // The wrong password, and none.
  const auto at = std::to_string(cluster.node(0).port());
  const auto wrong = context_storage_factory("redis+cluster://:secret@127.0.0.1:" + at + "/");
  const auto denied = error_of([&] { return wrong->len(); });
  EXPECT_EQ(denied.first, errc::auth_failed);
  EXPECT_EQ(denied.second.find("secret"), std::string::npos);
  const auto without = context_storage_factory("redis+cluster://127.0.0.1:" + at + "/");
  EXPECT_EQ(error_of([&] { return without->len(); }).first, errc::auth_failed);
  const auto detected = context_storage_factory("redis://:pw@127.0.0.1:" + at + "/1");
  EXPECT_EQ(error_of([&] { return detected->len(); }).first, errc::invalid_argument);

  // One server that is no node, and a port where nobody is.
  RedisServer single;
  const auto alone =
      context_storage_factory("redis+cluster://127.0.0.1:" + std::to_string(single.port()) + "/");
  const auto no_node = error_of([&] { return alone->len(); });
  EXPECT_EQ(no_node.first, errc::unsupported_server);
  EXPECT_NE(no_node.second.find("redis://"), std::string::npos) << no_node.second;
  const auto away = context_storage_factory(
      "redis+cluster://127.0.0.1:" + std::to_string(free_port()) + "/?timeout=300ms");
  EXPECT_EQ(error_of([&] { return away->len(); }).first, errc::unavailable);
}

TEST(Cluster, IsReachedOverTlsAndUnderOtherAddresses) {
  RedisCluster cluster({.primaries = 2, .server = {.has_tls = true}});
  const auto pair = [](int announced, int reachable) {
    return "127.0.0.1:" + std::to_string(announced) + "=127.0.0.1:" + std::to_string(reachable);
  };
  const auto tls_port = [&](std::size_t number) {
    return pair(cluster.node(number).port(), cluster.node(number).tls_port());
  };
  // Each node has an authority of its own, so the chain is not looked at here; link_tls_test does.
  // And the nodes talk to each other without TLS, so they announce the other port.
  const auto tls = context_storage_factory(
      "rediss+cluster://127.0.0.1:" + std::to_string(cluster.node(0).tls_port()) +
      "/?tls_insecure=yes&announce=" + tls_port(0) + "," + tls_port(1) +
      "&namespace=" + unique_name());
  for (std::size_t i = 0; i < 20; ++i) tls->set_item(key(i), dialog("x"));
  EXPECT_EQ(tls->len(), 20U);

  TcpProxy first(cluster.node(0).port());
  TcpProxy second(cluster.node(1).port());
  const auto storage = context_storage_factory(
      "redis+cluster://127.0.0.1:" + std::to_string(first.port()) +
      "/?announce=" + pair(cluster.node(0).port(), first.port()) + "," +
      pair(cluster.node(1).port(), second.port()) + "&namespace=" + unique_name());
  for (std::size_t i = 0; i < 20; ++i) storage->set_item(key(i), dialog("x"));
  EXPECT_EQ(storage->len(), 20U);
  const auto connections = [](RedisServer& node) {
    return node.info("total_connections_received");
  };
  EXPECT_GT(second.stats().accepted, 0U);
  const auto before = connections(cluster.node(1));
  first.cut_all();
  second.cut_all();
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(storage->contains(key(i)));
  EXPECT_GT(std::stoul(connections(cluster.node(1))), std::stoul(before));
  EXPECT_EQ(storage->check(false).contexts, 20U);
}

// While a slot moves two servers have its keys, and each shows them.
TEST(Cluster, CheckTellsOfAContextThatTwoServersShowOnce) {
  RedisCluster cluster;
  const auto storage = context_storage_factory(cluster.uri("namespace=twice"));
  storage->set_item("a", dialog("hello"));
  const std::string name = "twice:{a}";
  const std::string index = "twice:index:0";
  const int slot = cluster.slot_of(name);
  const auto from = cluster.owner_of(slot);
  const auto to = (from + 1) % 3;
  auto copy = cluster.node(from).command({"LRANGE", name, "0", "-1"}).texts();
  copy.insert(copy.begin(), {"RPUSH", name});
  EXPECT_FALSE(
      cluster.node(to)
          .command({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", cluster.id(from)})
          .is_error());
  cluster.node(to).command({"ASKING"});
  EXPECT_EQ(cluster.node(to).command(copy).integer, 1);
  auto& lists = cluster.node(cluster.owner_of(cluster.slot_of(index)));
  EXPECT_EQ(lists.command({"ZREM", index, "a"}).integer, 1);
  EXPECT_EQ(storage->check(false).unlisted, 1U);
  const auto repaired = storage->check(true);
  EXPECT_EQ(repaired.unlisted, 1U);
  EXPECT_EQ(repaired.repaired, 1U);
  EXPECT_TRUE(storage->check(false).sound());
  EXPECT_EQ(storage->len(), 1U);
}

}  // namespace
}  // namespace dialogstore::test
