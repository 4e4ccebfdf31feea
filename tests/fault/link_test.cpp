// A healthy link, a link whose connection breaks, and what is known of the requests then.
#include "redis/link.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "support/link_driver.hpp"
#include "support/scripted_peer.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {
namespace {

using redis::LinkSettings;
using redis::Sent;

TEST(Link, SendsTheRequestAndGivesTheReply) {
  ScriptedPeer peer({{expect("GET a"), answer("$3\r\nabc\r\n")}});
  LinkDriver driver(plain_settings(peer));
  const auto result = driver.exec({"GET", "a"});
  ASSERT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(result.reply.root().text, "abc");
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(Link, AnErrorReplyIsAReply) {
  ScriptedPeer peer({{expect("GET a"), answer("-WRONGTYPE no\r\n")}});
  LinkDriver driver(plain_settings(peer));
  const auto result = driver.exec({"GET", "a"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.reply.root().kind, redis::ReplyKind::error);
  EXPECT_EQ(result.reply.root().text, "WRONGTYPE no");
}

TEST(Link, DoesNotConnectBeforeTheFirstRequest) {
  ScriptedPeer peer({{expect("GET a"), answer("+OK\r\n")}});
  LinkDriver driver(plain_settings(peer));
  driver.context().poll();
  EXPECT_EQ(peer.connections(), 0U);
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(peer.connections(), 1U);
}

TEST(Link, SpeaksOverAUnixSocket) {
  const TempDir folder;
  PeerOptions options;
  options.unix_path = folder / "peer.sock";
  ScriptedPeer peer({{expect("GET a"), answer("+OK\r\n")}}, options);
  LinkSettings settings = plain_settings(peer);
  settings.endpoint.unix_path = options.unix_path;
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().text, "OK");
}

TEST(Link, FindsAHostByItsName) {
  ScriptedPeer peer({{expect("GET a"), answer("+OK\r\n")}});
  LinkSettings settings = plain_settings(peer);
  settings.endpoint.host = "localhost";  // may be ::1 first, where nobody listens
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().text, "OK");
}

TEST(Link, WritesAllThatWaitsAtOnce) {
  ScriptedPeer peer({{wait_for("all"), answer(":1\r\n:2\r\n:3\r\n")}});
  LinkDriver driver(plain_settings(peer));
  std::vector<std::shared_ptr<LinkCall>> calls;
  for (const char* key : {"a", "b", "c"}) {
    calls.push_back(driver.start({"GET", key}));
  }
  peer.open("all");
  for (std::size_t i = 0; i < calls.size(); ++i) {
    ASSERT_TRUE(driver.finish(calls[i]));
    EXPECT_EQ(calls[i]->result.reply.root().integer, static_cast<std::int64_t>(i) + 1);
  }
  EXPECT_EQ(driver.link().statistics().writes, 1U);
  EXPECT_EQ(driver.link().statistics().requests, 3U);
}

TEST(Link, MergesTheRequestsOfOneTurnOfTheLoop) {
  ScriptedPeer peer({{expect("PING"), answer("+PONG\r\n"), expect("GET a"), expect("GET b"),
                      answer(":1\r\n:2\r\n")}});
  LinkDriver driver(plain_settings(peer));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  const auto first = driver.start({"GET", "a"});
  const auto second = driver.start({"GET", "b"});
  ASSERT_TRUE(driver.finish(second));
  EXPECT_EQ(first->result.reply.root().integer, 1);
  EXPECT_EQ(driver.link().statistics().writes, 2U);
}

// The server works on it while other callers still make their requests.
TEST(Link, DoesNotHoldBackWhatFillsASegment) {
  const std::string large(2000, 'x');
  ScriptedPeer peer({{expect("PING"), answer("+PONG\r\n"), expect("GET a"), expect("ECHO " + large),
                      expect("GET b"), answer(":1\r\n:2\r\n:3\r\n")}});
  LinkDriver driver(plain_settings(peer));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  const auto& link = driver.link();
  const auto first = driver.start({"GET", "a"});
  EXPECT_EQ(link.statistics().requests, 1U) << "it may have company";
  const auto second = driver.start({"ECHO", large});
  EXPECT_EQ(link.statistics().requests, 3U);
  EXPECT_EQ(link.statistics().writes, 2U);
  EXPECT_GT(link.statistics().bytes_sent, large.size());
  const auto third = driver.start({"GET", "b"});
  EXPECT_EQ(link.statistics().requests, 3U);
  ASSERT_TRUE(driver.finish(third));
  EXPECT_EQ(link.statistics().writes, 3U);
  EXPECT_EQ(first->result.reply.root().integer, 1);
  EXPECT_EQ(second->result.reply.root().integer, 2);
  EXPECT_EQ(third->result.reply.root().integer, 3);
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(Link, CarriesLargeRequestsAmongSmallOnes) {
  const std::string large(2'000'000, 'x');
  const std::string bytes = resp_command({"SET", "a", large});
  ScriptedPeer peer({{expect("GET a"), expect_bytes(bytes), expect("GET b"), expect_bytes(bytes),
                      answer(":1\r\n:2\r\n:3\r\n:4\r\n")}});
  LinkDriver driver(plain_settings(peer));
  driver.start({"GET", "a"});
  driver.start({"SET", "a", large});
  driver.start({"GET", "b"});
  const auto last = driver.start({"SET", "a", large});
  ASSERT_TRUE(driver.finish(last));
  EXPECT_EQ(last->result.reply.root().integer, 4) << last->result.detail;
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(Link, UnderstandsRepliesThatComeByteByByte) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"),
                      dribble("*3\r\n:1\r\n$5\r\nhello\r\n$-1\r\n+second\r\n")}});
  LinkDriver driver(plain_settings(peer));
  const auto first = driver.start({"GET", "a"});
  const auto second = driver.start({"GET", "b"});
  ASSERT_TRUE(driver.finish(second));
  EXPECT_EQ(first->result.reply.root().elements[1].text, "hello");
  EXPECT_EQ(second->result.reply.root().text, "second");
}

// --- the connection breaks ---

TEST(Link, AWrittenRequestIsNeverWrittenAgain) {
  ScriptedPeer peer({{expect("INCR a"), cut()}, {expect("GET b"), answer(":5\r\n")}});
  LinkDriver driver(plain_settings(peer));
  const auto lost = driver.exec({"INCR", "a"});
  EXPECT_EQ(lost.failure, errc::unavailable);
  EXPECT_EQ(lost.sent, Sent::maybe);
  EXPECT_NE(lost.detail.find("closed the connection"), std::string::npos) << lost.detail;
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().integer, 5);
  EXPECT_EQ(peer.received(1), resp_command({"GET", "b"}));
}

TEST(Link, AResetIsToldFromAnOrderlyEnd) {
  ScriptedPeer peer({{expect("INCR a"), reset()}});
  LinkDriver driver(plain_settings(peer));
  const auto lost = driver.exec({"INCR", "a"});
  EXPECT_EQ(lost.failure, errc::unavailable);
  EXPECT_EQ(lost.sent, Sent::maybe);
  EXPECT_NE(lost.detail.find("reset"), std::string::npos) << lost.detail;
}

// The first of three gets its reply; the reply of none may turn up at another.
TEST(Link, RepliesDoNotShiftWhenAPipelineIsCut) {
  ScriptedPeer peer({{expect("ECHO 1"), expect("ECHO 2"), expect("ECHO 3"),
                      answer("$3\r\none\r\n$3\r\ntw"), cut()},
                     {expect("ECHO 4"), answer("$4\r\nfour\r\n")}});
  LinkDriver driver(plain_settings(peer));
  std::vector<std::shared_ptr<LinkCall>> calls;
  for (const char* text : {"1", "2", "3"}) {
    calls.push_back(driver.start({"ECHO", text}));
  }
  ASSERT_TRUE(driver.finish(calls[2]));
  ASSERT_TRUE(calls[0]->result.ok());
  EXPECT_EQ(calls[0]->result.reply.root().text, "one");
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_EQ(calls[i]->result.failure, errc::unavailable);
    EXPECT_EQ(calls[i]->result.sent, Sent::maybe);
  }
  EXPECT_EQ(driver.exec({"ECHO", "4"}).reply.root().text, "four");
}

TEST(Link, ACutAtAnyByteOfAReplyEndsThatRequestOnly) {
  const std::string reply = "*2\r\n$3\r\nabc\r\n:12\r\n";
  std::vector<PeerScript> scripts;
  for (std::size_t end = 0; end < reply.size(); ++end) {
    scripts.push_back({expect("GET a"), answer(reply.substr(0, end)), cut()});
  }
  scripts.push_back({expect("GET b"), answer(reply)});
  ScriptedPeer peer(scripts);
  LinkDriver driver(plain_settings(peer));
  for (std::size_t end = 0; end < reply.size(); ++end) {
    const auto lost = driver.exec({"GET", "a"});
    EXPECT_EQ(lost.failure, errc::unavailable) << "cut at " << end;
    EXPECT_EQ(lost.sent, Sent::maybe);
  }
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().elements[1].integer, 12);
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(Link, AnUnwrittenRequestOutlivesALostConnection) {
  ScriptedPeer peer({{expect("GET a"), wait_for("second is queued"), cut()},
                     {expect("GET b"), answer(":2\r\n")}});
  LinkSettings settings = plain_settings(peer);
  LinkDriver driver(settings);
  const auto written = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return driver.link().statistics().bytes_sent != 0; }));
  // Too large for the socket's buffers, so that what comes behind stays unwritten.
  const auto stuck = driver.start({"SET", "x", std::string(32'000'000, 'x')});
  ASSERT_TRUE(driver.run_until([&] { return driver.link().statistics().requests == 2; }));
  const auto unwritten = driver.start({"GET", "b"});
  driver.context().poll();
  peer.open("second is queued");
  ASSERT_TRUE(driver.finish(unwritten));
  EXPECT_EQ(written->result.sent, Sent::maybe);
  EXPECT_EQ(stuck->result.sent, Sent::maybe);
  ASSERT_TRUE(unwritten->result.ok()) << unwritten->result.detail;
  EXPECT_EQ(unwritten->result.reply.root().integer, 2);
}

TEST(Link, AnIdleConnectionThatEndsIsReplacedForTheNextRequest) {
  ScriptedPeer peer(
      {{expect("PING"), answer("+PONG\r\n"), cut()}, {expect("PING"), answer("+AGAIN\r\n")}});
  LinkDriver driver(plain_settings(peer));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  ASSERT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
  // Whether the end was noticed before the write or after it, the request runs at most once.
  auto result = driver.exec({"PING"});
  if (!result.ok()) {
    EXPECT_EQ(result.failure, errc::unavailable);
    result = driver.exec({"PING"});
  }
  EXPECT_EQ(result.reply.root().text, "AGAIN");
}

TEST(Link, CausesNoConnectionWhileNobodyWaits) {
  ScriptedPeer peer({{expect("PING"), answer("+PONG\r\n"), cut()}, {}});
  LinkDriver driver(plain_settings(peer));
  ASSERT_TRUE(driver.exec({"PING"}).ok());
  // Without a connection, a wait or an attempt nothing is left to run.
  ASSERT_TRUE(driver.run_until([&] { return driver.context().stopped(); }));
  EXPECT_EQ(peer.connections(), 1U);
}

// --- the end ---

TEST(Link, CloseEndsEveryRequest) {
  ScriptedPeer peer({{expect("GET a")}});
  LinkDriver driver(plain_settings(peer));
  const auto written = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  const auto unwritten = driver.start({"GET", "b"});  // before its flush
  driver.link().close();
  ASSERT_TRUE(driver.finish(written));
  ASSERT_TRUE(driver.finish(unwritten));
  EXPECT_EQ(written->result.failure, errc::closed);
  EXPECT_EQ(written->result.sent, Sent::maybe);
  EXPECT_EQ(unwritten->result.failure, errc::closed);
  EXPECT_EQ(unwritten->result.sent, Sent::no);
}

TEST(Link, AfterCloseNothingIsAccepted) {
  ScriptedPeer peer(std::vector<PeerScript>{{}});
  LinkDriver driver(plain_settings(peer));
  driver.link().close();
  driver.link().close();
  const auto result = driver.exec({"GET", "a"});
  EXPECT_EQ(result.failure, errc::closed);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_EQ(peer.connections(), 0U);
}

TEST(Link, CloseWhileConnectingEndsTheRequest) {
  ScriptedPeer peer({{expect("ROLE")}});
  LinkSettings settings = plain_settings(peer);
  settings.require_master = true;
  LinkDriver driver(settings);
  const auto call = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  driver.link().close();
  ASSERT_TRUE(driver.finish(call));
  EXPECT_EQ(call->result.failure, errc::closed);
}

TEST(Link, CloseLeavesNothingToRun) {
  ScriptedPeer peer({{expect("GET a")}});
  LinkDriver driver(plain_settings(peer));
  const auto call = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  driver.link().close();
  EXPECT_TRUE(driver.run_until([&] { return driver.context().stopped(); }));
  EXPECT_TRUE(call->is_done);
}

TEST(Link, DroppingTheLinkClosesIt) {
  ScriptedPeer peer({{expect("GET a")}});
  LinkDriver driver(plain_settings(peer));
  const auto call = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return !peer.received(0).empty(); }));
  driver.drop_link();
  ASSERT_TRUE(driver.finish(call));
  EXPECT_EQ(call->result.failure, errc::closed);
  EXPECT_TRUE(driver.run_until([&] { return driver.context().stopped(); }));
}

Task<void> ask_holding_the_link(std::shared_ptr<redis::RedisLink> link,
                                std::vector<std::string> words) {
  std::vector<std::string_view> views(words.begin(), words.end());
  co_await link->exec(redis::encode_command(views), redis::Clock::now() + patience);
}

// The callers' coroutines hold the link, and the link holds them: a leak checker must find nothing.
TEST(Link, AContextDestroyedWithCallsInFlightLeavesNothingBehind) {
  ScriptedPeer peer({{expect("GET a")}});
  boost::asio::io_context context;
  auto link = redis::RedisLink::create(context.get_executor(), plain_settings(peer));
  spawn(context.get_executor(), ask_holding_the_link(link, {"GET", "a"}));
  while (peer.received(0).empty()) {
    context.run_one_for(std::chrono::milliseconds(2));
  }
  spawn(context.get_executor(), ask_holding_the_link(link, {"GET", "b"}));
  context.run_one();
  link.reset();
}

TEST(Link, AContextDestroyedWhileConnectingLeavesNothingBehind) {
  ScriptedPeer peer(std::vector<PeerScript>{{}});
  LinkSettings settings = plain_settings(peer);
  settings.require_master = true;
  boost::asio::io_context context;
  auto link = redis::RedisLink::create(context.get_executor(), settings);
  spawn(context.get_executor(), ask_holding_the_link(link, {"GET", "a"}));
  while (peer.received(0).empty()) {
    context.run_one_for(std::chrono::milliseconds(2));
  }
  link.reset();
}

Task<void> ask_in_turn(redis::RedisLink& link, int count, int& answered) {
  // Not inside the expression that waits: gcc 12 cannot keep an initializer list over it.
  const std::string ping = redis::encode_command({"PING"});
  for (int i = 0; i < count; ++i) {
    const auto result = co_await link.exec(ping, redis::Clock::now() + patience);
    answered += result.ok() ? 1 : 0;
  }
}

TEST(Link, ACallerMayAskAgainAsSoonAsItIsAnswered) {
  PeerScript script;
  for (int i = 0; i < 50; ++i) {
    script.push_back(expect("PING"));
    script.push_back(answer("+PONG\r\n"));
  }
  ScriptedPeer peer({script});
  LinkDriver driver(plain_settings(peer));
  int answered = 0;
  spawn(driver.context().get_executor(), ask_in_turn(driver.link(), 50, answered));
  EXPECT_TRUE(driver.run_until([&] { return answered == 50; }));
}

TEST(Link, ACallerMayCloseTheLinkWhileOthersWaitForTheirReply) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"), answer(":1\r\n:2\r\n")}});
  LinkDriver driver(plain_settings(peer));
  Flow::start(make_flow(
      driver.context().get_executor(),
      driver.link().exec(redis::encode_command({"GET", "a"}), redis::Clock::now() + patience),
      [&](const std::exception_ptr&, const redis::ExecResult&) { driver.link().close(); }));
  const auto other = driver.start({"GET", "b"});
  ASSERT_TRUE(driver.finish(other));
  EXPECT_EQ(other->result.reply.root().integer, 2);  // it had come already
}

TEST(Link, AnExceptionOfOneCallerReachesTheContextAndHarmsNoOther) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"), answer(":1\r\n:2\r\n")}});
  LinkDriver driver(plain_settings(peer));
  Flow::start(make_flow(
      driver.context().get_executor(),
      driver.link().exec(redis::encode_command({"GET", "a"}), redis::Clock::now() + patience),
      [](const std::exception_ptr&, const redis::ExecResult&) {
        throw std::runtime_error("of the caller");
      }));
  const auto other = driver.start({"GET", "b"});
  EXPECT_THROW((void)driver.finish(other), std::runtime_error);
  ASSERT_TRUE(driver.finish(other));
  EXPECT_EQ(other->result.reply.root().integer, 2);
}

}  // namespace
}  // namespace dialogstore::test
