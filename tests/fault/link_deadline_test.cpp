// Deadlines, cancellation and bounds: a caller is answered in time, and the connection stays right
// for the others.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "redis/link.hpp"
#include "support/link_driver.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {
namespace {

using redis::LinkSettings;
using redis::Sent;
using std::chrono::milliseconds;

LinkSettings settings_for(const ScriptedPeer& peer) {
  LinkSettings settings;
  settings.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(peer.port()), ""};
  settings.require_master = false;
  settings.reconnect_min = milliseconds(1);
  settings.reconnect_max = milliseconds(5);
  return settings;
}

TEST(LinkDeadline, AWrittenRequestTimesOutWithItsFateUnknown) {
  ScriptedPeer peer({{expect("GET a")}});
  LinkDriver driver(settings_for(peer));
  const auto start = redis::Clock::now();
  const auto result = driver.exec({"GET", "a"}, milliseconds(50));
  EXPECT_EQ(result.failure, errc::timed_out);
  EXPECT_EQ(result.sent, Sent::maybe);
  EXPECT_GE(redis::Clock::now() - start, milliseconds(50));
}

TEST(LinkDeadline, AReplyAfterTheDeadlineIsDroppedInItsTurn) {
  ScriptedPeer peer({{expect("GET a"), wait_for("late"), answer("$4\r\nlate\r\n"), expect("GET b"),
                      answer("$5\r\nright\r\n")}});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}, milliseconds(50)).failure, errc::timed_out);
  const auto next = driver.start({"GET", "b"});
  peer.open("late");
  ASSERT_TRUE(driver.finish(next));
  EXPECT_EQ(next->result.reply.root().text, "right");
  EXPECT_EQ(peer.connections(), 1U);
}

TEST(LinkDeadline, EachRequestHasItsOwn) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"), expect("GET c"), wait_for("timed out"),
                      answer(":1\r\n:2\r\n:3\r\n")}});
  LinkDriver driver(settings_for(peer));
  const auto patient = driver.start({"GET", "a"});
  const auto hasty = driver.start({"GET", "b"}, milliseconds(30));
  const auto last = driver.start({"GET", "c"});
  ASSERT_TRUE(driver.finish(hasty));
  EXPECT_EQ(hasty->result.failure, errc::timed_out);
  EXPECT_FALSE(patient->is_done);
  peer.open("timed out");
  ASSERT_TRUE(driver.finish(last));
  EXPECT_EQ(patient->result.reply.root().integer, 1);
  EXPECT_EQ(last->result.reply.root().integer, 3);
}

TEST(LinkDeadline, AnUnwrittenRequestTimesOutUnsent) {
  ScriptedPeer peer({{stop_reading()}});
  LinkDriver driver(settings_for(peer));
  // Fills the socket's buffers, so that what comes behind cannot be written.
  const auto stuck = driver.start({"SET", "x", std::string(32'000'000, 'x')});
  ASSERT_TRUE(driver.run_until([&] { return driver.link().statistics().requests == 1; }));
  const auto behind = driver.exec({"GET", "b"}, milliseconds(50));
  EXPECT_EQ(behind.failure, errc::timed_out);
  EXPECT_EQ(behind.sent, Sent::no);
  EXPECT_FALSE(stuck->is_done);
}

TEST(LinkDeadline, APassedDeadlineSendsNothing) {
  ScriptedPeer peer(std::vector<PeerScript>{{}});
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"}, milliseconds(-1));
  EXPECT_EQ(result.failure, errc::timed_out);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_EQ(peer.connections(), 0U);
}

TEST(LinkDeadline, ASilentConnectionIsReplacedAfterTwoMissedDeadlines) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b")}, {expect("GET c"), answer(":3\r\n")}});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}, milliseconds(300)).failure, errc::timed_out);
  EXPECT_EQ(driver.exec({"GET", "b"}, milliseconds(300)).failure, errc::timed_out);
  EXPECT_EQ(driver.exec({"GET", "c"}).reply.root().integer, 3);
  EXPECT_EQ(peer.connections(), 2U);
}

TEST(LinkDeadline, ReplacingASilentConnectionTellsTheOthersTheCause) {
  ScriptedPeer peer({{expect("GET x")}});
  LinkDriver driver(settings_for(peer));
  const auto patient = driver.start({"GET", "x"});
  EXPECT_EQ(driver.exec({"GET", "a"}, milliseconds(300)).failure, errc::timed_out);
  EXPECT_EQ(driver.exec({"GET", "b"}, milliseconds(300)).failure, errc::timed_out);
  ASSERT_TRUE(driver.finish(patient));
  EXPECT_EQ(patient->result.failure, errc::unavailable);
  EXPECT_EQ(patient->result.sent, Sent::maybe);
  EXPECT_NE(patient->result.detail.find("stopped answering"), std::string::npos);
}

TEST(LinkDeadline, ASlowServerThatAnswersKeepsItsConnection) {
  ScriptedPeer peer({{expect("GET a"), wait_for("first"), answer(":1\r\n"), expect("GET b"),
                      wait_for("second"), answer(":2\r\n"), expect("GET c"), answer(":3\r\n")}});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}, milliseconds(300)).failure, errc::timed_out);
  const auto received = driver.link().statistics().bytes_received;
  peer.open("first");
  ASSERT_TRUE(
      driver.run_until([&] { return driver.link().statistics().bytes_received > received; }));
  EXPECT_EQ(driver.exec({"GET", "b"}, milliseconds(300)).failure, errc::timed_out);
  peer.open("second");
  EXPECT_EQ(driver.exec({"GET", "c"}).reply.root().integer, 3);
  EXPECT_EQ(peer.connections(), 1U);
}

// --- cancellation ---

TEST(LinkCancel, AWrittenRequestIsGivenUpAndItsReplyDropped) {
  ScriptedPeer peer(
      {{expect("GET a"), expect("GET b"), wait_for("cancelled"), answer(":1\r\n:2\r\n")}});
  LinkDriver driver(settings_for(peer));
  const auto given_up = driver.start({"GET", "a"});
  const auto other = driver.start({"GET", "b"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  given_up->cancel();
  ASSERT_TRUE(driver.finish(given_up));
  EXPECT_EQ(given_up->result.failure, errc::canceled);
  EXPECT_EQ(given_up->result.sent, Sent::maybe);
  peer.open("cancelled");
  ASSERT_TRUE(driver.finish(other));
  EXPECT_EQ(other->result.reply.root().integer, 2);
  EXPECT_EQ(peer.connections(), 1U);
}

TEST(LinkCancel, AnUnwrittenRequestIsNeverWritten) {
  ScriptedPeer peer({{expect("ROLE"), wait_for("cancelled"), answer("*1\r\n$6\r\nmaster\r\n"),
                      expect("GET b"), answer(":2\r\n")}});
  LinkSettings settings = settings_for(peer);
  settings.require_master = true;
  LinkDriver driver(settings);
  const auto given_up = driver.start({"GET", "a"});
  const auto other = driver.start({"GET", "b"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  given_up->cancel();
  ASSERT_TRUE(driver.finish(given_up));
  EXPECT_EQ(given_up->result.failure, errc::canceled);
  EXPECT_EQ(given_up->result.sent, Sent::no);
  peer.open("cancelled");
  ASSERT_TRUE(driver.finish(other));
  EXPECT_EQ(other->result.reply.root().integer, 2);
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(LinkCancel, TwiceOrAfterTheReplyDoesNoHarm) {
  ScriptedPeer peer({{expect("GET a"), answer(":1\r\n"), expect("GET b"), expect("GET c"),
                      wait_for("cancelled"), answer(":2\r\n:3\r\n")}});
  LinkDriver driver(settings_for(peer));
  const auto answered = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.finish(answered));
  answered->cancel();
  const auto twice = driver.start({"GET", "b"});
  const auto other = driver.start({"GET", "c"});
  ASSERT_TRUE(driver.run_until([&] { return peer.received(0).find("c") != std::string::npos; }));
  twice->cancel();
  twice->cancel();
  ASSERT_TRUE(driver.finish(twice));
  peer.open("cancelled");
  ASSERT_TRUE(driver.finish(other));
  EXPECT_EQ(other->result.reply.root().integer, 3);
}

// --- bounds ---

TEST(LinkBounds, MoreRequestsThanAllowedAreRefusedAtOnce) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"), wait_for("refused"), answer(":1\r\n:2\r\n"),
                      expect("GET d"), answer(":4\r\n")}});
  LinkSettings settings = settings_for(peer);
  settings.max_queued_requests = 2;
  LinkDriver driver(settings);
  const auto first = driver.start({"GET", "a"});
  const auto second = driver.start({"GET", "b"});
  const auto refused = driver.exec({"GET", "c"});
  EXPECT_EQ(refused.failure, errc::overloaded);
  EXPECT_EQ(refused.sent, Sent::no);
  peer.open("refused");
  ASSERT_TRUE(driver.finish(first));
  ASSERT_TRUE(driver.finish(second));
  EXPECT_EQ(driver.exec({"GET", "d"}).reply.root().integer, 4);
}

TEST(LinkBounds, MoreBytesThanAllowedAreRefusedAtOnce) {
  ScriptedPeer peer({{expect("ROLE")}});
  LinkSettings settings = settings_for(peer);
  settings.require_master = true;
  settings.max_queued_bytes = 1000;
  LinkDriver driver(settings);
  const auto first = driver.start({"SET", "a", std::string(600, 'x')});
  const auto refused = driver.exec({"SET", "b", std::string(600, 'x')});
  EXPECT_EQ(refused.failure, errc::overloaded);
  EXPECT_EQ(refused.sent, Sent::no);
  EXPECT_FALSE(first->is_done);
}

TEST(LinkBounds, ARequestThatCanNeverBeQueuedIsTooLarge) {
  ScriptedPeer peer(std::vector<PeerScript>{{}});
  LinkSettings settings = settings_for(peer);
  settings.max_queued_bytes = 1000;
  LinkDriver driver(settings);
  const auto refused = driver.exec({"SET", "b", std::string(2000, 'x')});
  EXPECT_EQ(refused.failure, errc::too_large);
  EXPECT_EQ(refused.sent, Sent::no);
}

// A place in the queue and its bytes come back however a request ends.
TEST(LinkBounds, WhatTimedOutUnsentTakesNoPlace) {
  ScriptedPeer peer({{expect("ROLE"), wait_for("go"), answer("*1\r\n$6\r\nmaster\r\n"),
                      expect("GET b"), answer(":2\r\n")}});
  LinkSettings settings = settings_for(peer);
  settings.require_master = true;
  settings.max_queued_requests = 1;
  settings.max_queued_bytes = 50;
  LinkDriver driver(settings);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(driver.exec({"GET", "a"}, milliseconds(5)).failure, errc::unavailable);
  }
  const auto next = driver.start({"GET", "b"});
  peer.open("go");
  ASSERT_TRUE(driver.finish(next));
  EXPECT_EQ(next->result.reply.root().integer, 2) << next->result.detail;
}

}  // namespace
}  // namespace dialogstore::test
