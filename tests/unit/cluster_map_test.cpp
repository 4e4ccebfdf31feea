// Reading what nodes of a cluster say of where the slots are.
#include "redis/cluster_map.hpp"

#include <gtest/gtest.h>

#include "support/faulty_client.hpp"

namespace dialogstore::redis {
namespace {

using test::RedisReply;
using Kind = RedisReply::Kind;

RedisReply integer(std::int64_t value) {
  return {.kind = Kind::integer, .integer = value};
}
RedisReply bulk(std::string text) {
  return {.kind = Kind::bulk, .text = std::move(text)};
}
RedisReply array(std::vector<RedisReply> elements) {
  return {.kind = Kind::array, .elements = std::move(elements)};
}
RedisReply node(const std::string& host, std::int64_t port) {
  return array({bulk(host), integer(port), bulk("id")});
}
RedisReply range(std::int64_t first, std::int64_t last, std::vector<RedisReply> nodes) {
  nodes.insert(nodes.begin(), {integer(first), integer(last)});
  return array(std::move(nodes));
}

const ServerAddress asked{"seed", 7000};

std::optional<ClusterMap> read(const RedisReply& reply, std::string* why = nullptr,
                               const AddressBook& book = {}) {
  std::string problem;
  const auto result = test::to_result(reply);
  auto map = read_slots(result.reply.root(), asked, book, problem);
  EXPECT_EQ(map.has_value(), problem.empty());
  if (why != nullptr) *why = problem;
  return map;
}

TEST(ClusterMap, NamesPrimaryAndReplicasOfASlot) {
  const auto map = read(array({range(0, 99, {node("a", 1), node("b", 2)}),
                               range(100, 16383, {node("c", 3)}), range(0, 0, {})}));
  EXPECT_FALSE(map);  // the last one has no node
  const auto good =
      read(array({range(0, 99, {node("a", 1), node("b", 2)}), range(100, 16000, {node("c", 3)})}));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->covered(), 16001U);
  ASSERT_NE(good->owner_of(99), nullptr);
  EXPECT_EQ(good->owner_of(99)->primary, (ServerAddress{"a", 1}));
  EXPECT_EQ(good->owner_of(99)->replicas, (std::vector<ServerAddress>{{"b", 2}}));
  EXPECT_EQ(good->owner_of(100)->primary, (ServerAddress{"c", 3}));
  EXPECT_EQ(good->owner_of(16001), nullptr);
  EXPECT_TRUE(good->has_primary({"c", 3}));
  EXPECT_FALSE(good->has_primary({"b", 2}));
  EXPECT_TRUE(good->has_replica({"b", 2}));
  EXPECT_NE(good->owner_of(0)->number, good->owner_of(100)->number);
}

TEST(ClusterMap, TakesTheAskedHostForOneThatIsLeftOut) {
  const auto nil_host = array({RedisReply{}, integer(7001), bulk("id")});
  const auto map = read(array({range(0, 1, {nil_host}), range(2, 3, {node("", 7002)})}));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->owner_of(0)->primary, (ServerAddress{"seed", 7001}));
  EXPECT_EQ(map->owner_of(2)->primary, (ServerAddress{"seed", 7002}));
}

TEST(ClusterMap, TakesTheAddressWhereANameIsWantedAndUnknown) {
  const auto rest = array({bulk("ip"), bulk("10.0.0.1")});
  const auto known = array({bulk("?"), integer(7001), bulk("id"), rest});
  const auto unknown = array({bulk("?"), integer(7001), bulk("id"), array({})});
  const auto map = read(array({range(0, 1, {known}), range(2, 3, {unknown})}));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->owner_of(0)->primary, (ServerAddress{"10.0.0.1", 7001}));
  EXPECT_EQ(map->owner_of(2), nullptr) << "nobody dials a question mark";
}

TEST(ClusterMap, RefusesWhatIsNoMap) {
  const std::vector<RedisReply> bad{
      bulk("no array"),
      array({bulk("no range")}),
      array({range(0, 16384, {node("a", 1)})}),
      array({range(-1, 2, {node("a", 1)})}),
      array({range(5, 4, {node("a", 1)})}),
      array({range(0, 1, {node("a", 0)})}),
      array({range(0, 1, {node("a", 65536)})}),
      array({range(0, 1, {bulk("a:1")})}),
      array({range(0, 1, {node("a", 1), array({})})}),
  };
  for (const auto& reply : bad) {
    std::string why;
    EXPECT_FALSE(read(reply, &why));
    EXPECT_EQ(why, "CLUSTER SLOTS: the answer has not its shape");
  }
  std::string why;
  EXPECT_FALSE(read(array({range(0, 9, {node("a", 1)}), range(9, 9, {node("b", 1)})}), &why));
  EXPECT_EQ(why, "CLUSTER SLOTS: a slot has two owners");
}

TEST(ClusterMap, AnEmptyMapIsOneThatCoversNothing) {
  const auto map = read(array({}));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->covered(), 0U);
}

TEST(ClusterMap, AMoveChangesOneSlot) {
  auto map = read(array({range(0, 16383, {node("a", 1)})}));
  map->move(7, {"b", 2});
  EXPECT_EQ(map->owner_of(7)->primary, (ServerAddress{"b", 2}));
  EXPECT_EQ(map->owner_of(8)->primary, (ServerAddress{"a", 1}));
  EXPECT_EQ(map->covered(), 16384U);
}

TEST(ClusterAddresses, AreReplacedByWhatTheSettingsSay) {
  const AddressBook book({{{"10.0.0.1", 6379}, {"localhost", 7001}}});
  EXPECT_EQ(book.find("10.0.0.1", 6379, asked), (ServerAddress{"localhost", 7001}));
  EXPECT_EQ(book.find("10.0.0.1", 6380, asked), (ServerAddress{"10.0.0.1", 6380}));
  const auto map = read(array({range(0, 1, {node("10.0.0.1", 6379)})}), nullptr, book);
  EXPECT_EQ(map->owner_of(0)->primary, (ServerAddress{"localhost", 7001}));
  const auto moved = read_redirection("MOVED 5 10.0.0.1:6379", asked, book);
  EXPECT_EQ(moved->to, (ServerAddress{"localhost", 7001}));
}

TEST(ClusterAddresses, AreWrittenWithBracketsAroundIPv6) {
  EXPECT_EQ(to_text({"h", 1}), "h:1");
  EXPECT_EQ(to_text({"::1", 1}), "[::1]:1");
}

TEST(Redirections, AreReadInEveryFormNodesWrite) {
  const auto read_one = [](std::string_view text) { return read_redirection(text, asked, {}); };
  const auto moved = read_one("MOVED 3300 127.0.0.1:7832");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->is_ask);
  EXPECT_EQ(moved->slot, 3300);
  EXPECT_EQ(moved->to, (ServerAddress{"127.0.0.1", 7832}));
  EXPECT_TRUE(read_one("ASK 3300 127.0.0.1:7832")->is_ask);
  EXPECT_EQ(read_one("MOVED 1 :7832")->to, (ServerAddress{"seed", 7832}));
  EXPECT_EQ(read_one("MOVED 1 ::1:7832")->to, (ServerAddress{"::1", 7832}));
  EXPECT_EQ(read_one("MOVED 1 name.example:7832")->to, (ServerAddress{"name.example", 7832}));
}

TEST(Redirections, WithoutAnAddressThatCanBeDialledNameNone) {
  for (const char* text : {"MOVED 1 ?:7832", "MOVED 99999 a:1", "MOVED -1 a:1", "MOVED 1 a",
                           "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:x", "MOVED x", "MOVED "}) {
    const auto redirection = read_redirection(text, asked, {});
    ASSERT_TRUE(redirection) << text;
    EXPECT_FALSE(redirection->to) << text;
  }
  for (const char* text : {"MOVEDX 1 a:1", "ERR MOVED 1 a:1", "ASKING", "CLUSTERDOWN", ""}) {
    EXPECT_FALSE(read_redirection(text, asked, {})) << text;
  }
}

TEST(ClusterHealth, IsReadFromTheInfo) {
  const auto health = read_health(
      "cluster_enabled:1\r\ncluster_state:ok\r\ncluster_current_epoch:17\r\ncluster_my_epoch:"
      "3\r\n");
  EXPECT_TRUE(health.is_ok);
  EXPECT_EQ(health.epoch, 17U);
  EXPECT_FALSE(read_health("cluster_state:fail\r\n").is_ok);
  EXPECT_EQ(read_health("cluster_current_epoch:x\r\n").epoch, 0U);
}

}  // namespace
}  // namespace dialogstore::redis
