// The way of a request through a cluster, as scripted exchanges: what a node answers, and what the
// router does about it.
#include "redis/cluster_router.hpp"

#include <gtest/gtest.h>

#include "support/faulty_client.hpp"

namespace dialogstore::redis {
namespace {

using test::RedisReply;

const ServerAddress a{"a", 1};
const ServerAddress b{"b", 2};
const ServerAddress replica_of_a{"ra", 11};
constexpr std::uint16_t slot = 100;         // of a
constexpr std::uint16_t other_slot = 9000;  // of b
constexpr std::uint16_t nobodys_slot = 16383;

MapReport report(std::uint64_t epoch = 1, bool is_ok = true) {
  MapReport made;
  EXPECT_TRUE(made.map.add(0, 8191, a, {replica_of_a}));
  EXPECT_TRUE(made.map.add(8192, 16382, b, {}));
  made.health = {is_ok, epoch};
  return made;
}

ExecResult error(const std::string& text) {
  return test::to_result({.kind = RedisReply::Kind::error, .text = text});
}
ExecResult ok() {
  return test::to_result({.kind = RedisReply::Kind::status, .text = "OK"});
}

class Routing : public ::testing::Test {
 protected:
  Routing() : router_(AddressBook()) {
    EXPECT_TRUE(router_.take({report()}));
    router_.on_question(Clock::now());
  }
  RouteStep start(std::uint16_t to, bool wants_replica = false) {
    route_ = Route();
    route_.slot = to;
    route_.wants_replica = wants_replica;
    return router_.start(route_, end_);
  }
  RouteStep answer(ExecResult end) {
    end_ = std::move(end);
    return router_.on_end(route_, end_);
  }
  bool wants_map() const { return router_.wants_map(Clock::now()); }

  ClusterRouter router_;
  Route route_;
  ExecResult end_;
};

TEST_F(Routing, GoesToTheOwnerAndPassesItsAnswerOn) {
  EXPECT_EQ(start(slot), RouteStep::send);
  EXPECT_EQ(route_.to, a);
  EXPECT_FALSE(route_.asking);
  EXPECT_EQ(answer(ok()), RouteStep::finish);
  EXPECT_EQ(end_.reply.root().text, "OK");
  EXPECT_FALSE(wants_map());
}

TEST_F(Routing, MovedIsFollowedAtOnceAndRemembered) {
  start(slot);
  EXPECT_EQ(answer(error("MOVED 100 b:2")), RouteStep::send);
  EXPECT_EQ(route_.to, b);
  EXPECT_FALSE(route_.asking);
  EXPECT_TRUE(wants_map());
  EXPECT_EQ(answer(ok()), RouteStep::finish);
  EXPECT_TRUE(end_.ok());
  EXPECT_EQ(start(slot), RouteStep::send);
  EXPECT_EQ(route_.to, b) << "the next request goes there directly";
  start(slot + 1);
  EXPECT_EQ(route_.to, a) << "the other slots have not moved";
}

TEST_F(Routing, AskIsFollowedForThisRequestOnly) {
  start(slot);
  EXPECT_EQ(answer(error("ASK 100 b:2")), RouteStep::send);
  EXPECT_EQ(route_.to, b);
  EXPECT_TRUE(route_.asking);
  EXPECT_EQ(answer(ok()), RouteStep::finish);
  EXPECT_FALSE(wants_map()) << "a slot on its way is no change of the map";
  start(slot);
  EXPECT_EQ(route_.to, a);
  EXPECT_FALSE(route_.asking) << "ASKING without a fresh ASK would make a second copy";
}

TEST_F(Routing, AfterAskAMovedIsFollowedWithoutAsking) {
  start(slot);
  answer(error("ASK 100 b:2"));
  EXPECT_EQ(answer(error("MOVED 100 a:1")), RouteStep::send);
  EXPECT_EQ(route_.to, a);
  EXPECT_FALSE(route_.asking);
}

TEST_F(Routing, ALoopOfRedirectionsEndsUnsent) {
  start(slot);
  for (int i = 0; i < ClusterRouter::max_redirections; ++i) {
    ASSERT_EQ(answer(error(i % 2 == 0 ? "MOVED 100 b:2" : "MOVED 100 a:1")), RouteStep::send) << i;
  }
  EXPECT_EQ(answer(error("MOVED 100 b:2")), RouteStep::finish);
  EXPECT_EQ(end_.failure, errc::unavailable);
  EXPECT_EQ(end_.sent, Sent::no) << "whoever redirects executes nothing";
  EXPECT_NE(end_.detail.find("b:2"), std::string::npos) << end_.detail;
}

TEST_F(Routing, WhatSaysThatTheClusterChangesIsPassedOnAndTheMapAskedFor) {
  for (const char* text : {"CLUSTERDOWN The cluster is down", "CLUSTERDOWN Hash slot not served",
                           "LOADING Redis is loading", "MASTERDOWN Link with MASTER is down"}) {
    router_.on_question(Clock::now());
    start(slot);
    EXPECT_EQ(answer(error(text)), RouteStep::finish);
    EXPECT_EQ(end_.reply.root().text, text);
    EXPECT_TRUE(wants_map()) << text;
  }
}

TEST_F(Routing, TryAgainAndErrorsOfTheCommandAreTheAnswer) {
  for (const char* text : {"TRYAGAIN Multiple keys request during rehashing of slot",
                           "OOM command not allowed", "WRONGTYPE Operation", "NOSCRIPT No matching",
                           "CROSSSLOT Keys in request", "ERR MOVED 1 a:1"}) {
    start(slot);
    EXPECT_EQ(answer(error(text)), RouteStep::finish);
    EXPECT_EQ(end_.reply.root().text, text);
    EXPECT_FALSE(wants_map()) << text;
  }
}

TEST_F(Routing, AReplicaThatSaysSoHasNotExecutedIt) {
  start(slot);
  EXPECT_EQ(answer(error("READONLY You can't write against a read only replica.")),
            RouteStep::finish);
  EXPECT_EQ(end_.failure, errc::unavailable);
  EXPECT_EQ(end_.sent, Sent::no);
  EXPECT_TRUE(wants_map());
}

TEST_F(Routing, ALostConnectionIsTheAnswerAsItIs) {
  for (const Sent sent : {Sent::no, Sent::maybe}) {
    router_.on_question(Clock::now());
    start(slot);
    EXPECT_EQ(answer(test::no_reply(sent)), RouteStep::finish);
    EXPECT_EQ(end_.failure, errc::unavailable);
    EXPECT_EQ(end_.sent, sent) << "whether it may be sent again is not for the router to say";
    EXPECT_TRUE(wants_map());
  }
}

TEST_F(Routing, ASlotOfNobodyIsLookedUpOnce) {
  EXPECT_EQ(start(nobodys_slot), RouteStep::look_up);
  EXPECT_TRUE(wants_map());
  EXPECT_EQ(router_.start(route_, end_), RouteStep::finish);
  EXPECT_EQ(end_.failure, errc::unavailable);
  EXPECT_EQ(end_.sent, Sent::no);
  EXPECT_NE(end_.detail.find("16383"), std::string::npos) << end_.detail;
}

TEST_F(Routing, AnAddressThatNobodyKnowsIsLookedUp) {
  start(slot);
  EXPECT_EQ(answer(error("MOVED 100 ?:7000")), RouteStep::look_up);
  EXPECT_EQ(router_.start(route_, end_), RouteStep::send);
  EXPECT_EQ(answer(error("MOVED 100 ?:7000")), RouteStep::finish);
  EXPECT_EQ(end_.failure, errc::unavailable);
  EXPECT_EQ(end_.sent, Sent::no);
}

TEST_F(Routing, AReadMayGoToAReplicaAndComesBackToThePrimary) {
  EXPECT_EQ(start(slot, true), RouteStep::send);
  EXPECT_EQ(route_.to, replica_of_a);
  EXPECT_TRUE(route_.at_replica);
  EXPECT_EQ(answer(test::no_reply(Sent::maybe)), RouteStep::send);
  EXPECT_EQ(route_.to, a);
  EXPECT_FALSE(route_.at_replica);
  start(slot, true);
  EXPECT_EQ(answer(error("MOVED 100 b:2")), RouteStep::send);
  EXPECT_EQ(route_.to, a) << "a replica's word does not change the map";
  EXPECT_EQ(start(other_slot, true), RouteStep::send);
  EXPECT_EQ(route_.to, b) << "a shard without replicas";
  EXPECT_FALSE(route_.at_replica);
}

TEST_F(Routing, AThousandMovedWantOneMap) {
  for (int i = 0; i < 1000; ++i) {
    start(slot);
    answer(error("MOVED 100 b:2"));
  }
  const auto now = Clock::now();
  EXPECT_TRUE(router_.wants_map(now));
  router_.on_question(now);
  EXPECT_FALSE(router_.wants_map(now));
  EXPECT_GE(router_.next_question(), now + ClusterRouter::refresh_gap);
}

TEST_F(Routing, AnOldMapIsAskedForAgain) {
  EXPECT_FALSE(wants_map());
  EXPECT_TRUE(router_.wants_map(Clock::now() + ClusterRouter::map_life + std::chrono::seconds(1)));
}

TEST_F(Routing, TheNewestMapOfASoundNodeIsTaken) {
  MapReport newer;
  ASSERT_TRUE(newer.map.add(0, 16383, b, {}));
  newer.health = {true, 7};
  EXPECT_TRUE(router_.take({report(3), newer, report(9, false)}));
  start(slot);
  EXPECT_EQ(route_.to, b) << "the one of epoch 9 was cut off: it says that the cluster is down";
}

TEST_F(Routing, AWorkingMapIsNotGivenUpForAWorseOne) {
  MapReport newer;
  ASSERT_TRUE(newer.map.add(0, 16383, b, {}));
  newer.health = {true, 7};
  ASSERT_TRUE(router_.take({newer}));
  EXPECT_FALSE(router_.take({}));
  EXPECT_FALSE(router_.take({MapReport{}}));
  EXPECT_FALSE(router_.take({report(6)}));
  EXPECT_FALSE(router_.take({report(8, false)}));
  EXPECT_TRUE(wants_map());
  start(slot);
  EXPECT_EQ(route_.to, b);
}

TEST_F(Routing, ManyOlderMapsInARowAreAnotherCluster) {
  ASSERT_TRUE(router_.take({report(50)}));
  MapReport other;
  ASSERT_TRUE(other.map.add(0, 16383, b, {}));
  other.health = {true, 2};
  int refused = 0;
  while (!router_.take({other})) ASSERT_LT(++refused, ClusterRouter::refused_maps_max);
  EXPECT_EQ(refused, ClusterRouter::refused_maps_max - 1);
  start(slot);
  EXPECT_EQ(route_.to, b);
}

TEST(FirstMap, IsTakenEvenWhenTheClusterIsDown) {
  ClusterRouter router{AddressBook()};
  EXPECT_TRUE(router.wants_map(Clock::now()));
  EXPECT_TRUE(router.take({report(1, false)}));
  Route route;
  ExecResult end;
  route.slot = slot;
  EXPECT_EQ(router.start(route, end), RouteStep::send);
}

}  // namespace
}  // namespace dialogstore::redis
