// A server that answers nonsense, too much, or what nobody asked: a bounded error for the requests
// in flight, a new connection for the next, never a reply at the wrong request.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dialogstore/limits.hpp"
#include "redis/link.hpp"
#include "support/link_driver.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {
namespace {

using redis::LinkSettings;
using redis::Sent;

LinkSettings settings_for(const ScriptedPeer& peer) {
  LinkSettings settings;
  settings.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(peer.port()), ""};
  settings.require_master = false;
  settings.reconnect_min = std::chrono::milliseconds(1);
  settings.reconnect_max = std::chrono::milliseconds(5);
  return settings;
}

PeerScript sound() {
  return {expect("GET b"), answer("$5\r\nsound\r\n")};
}

struct Hostile {
  const char* name;
  std::string bytes;
  errc code;
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) {
  return out << hostile.name;
}

// As many as a reply may have elements, and more: nothing that they belong to comes.
std::string flood_of_attributes() {
  std::string bytes;
  for (std::size_t i = 0; i <= limits::reply_elements; ++i) bytes += "|0\r\n";
  return bytes;
}

class LinkHostileBytes : public ::testing::TestWithParam<Hostile> {};

TEST_P(LinkHostileBytes, BytesEndTheConnectionAndItsRequests) {
  ScriptedPeer peer({{expect("GET a"), answer(GetParam().bytes)}, sound()});
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"});
  EXPECT_EQ(result.failure, GetParam().code) << result.detail;
  EXPECT_EQ(result.sent, Sent::maybe);
  EXPECT_FALSE(result.detail.empty());
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
  EXPECT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
}

INSTANTIATE_TEST_SUITE_P(
    Link, LinkHostileBytes,
    ::testing::Values(
        Hostile{"empty_length", "$\r\n", errc::protocol_error},
        Hostile{"stray_chunk", ";0\r\n", errc::protocol_error},
        Hostile{"huge_count", "*9999999999\r\n", errc::protocol_error},
        Hostile{"large_count", "*2147483647\r\n", errc::too_large},
        Hostile{"overflowing_length", "$18446744073709551614\r\nabc\r\n", errc::protocol_error},
        Hostile{"huge_length", "$9000000000\r\n", errc::too_large},
        Hostile{"negative_length", "$-2\r\n", errc::protocol_error},
        Hostile{"string_longer_than_announced", "$5\r\nabcdefgh\r\n", errc::protocol_error},
        Hostile{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", errc::protocol_error},
        Hostile{"endless_status", "+" + std::string(200'000, 'a'), errc::protocol_error},
        Hostile{"push_of_resp3", ">2\r\n+a\r\n+b\r\n", errc::protocol_error},
        Hostile{"nested_push", "*1\r\n>2\r\n+a\r\n+b\r\n", errc::protocol_error},
        Hostile{"streamed_string", "$?\r\n;1\r\na\r\n;0\r\n", errc::protocol_error},
        Hostile{"many_attributes", flood_of_attributes(), errc::too_large},
        Hostile{"too_deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
                errc::protocol_error}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LinkHostile, AnEndlessStatusIsCutShort) {
  ScriptedPeer peer({{expect("GET a"), answer("+"), flood(std::string(4096, 'a'))}, sound()});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::protocol_error);
  EXPECT_LE(driver.link().statistics().bytes_received, 1U << 20);
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
}

TEST(LinkHostile, AnEndlessArrayIsCutShort) {
  ScriptedPeer peer({{expect("GET a"), answer("*4000000\r\n"),
                      flood("$100\r\n" + std::string(100, 'a') + "\r\n")},
                     sound()});
  LinkSettings settings = settings_for(peer);
  settings.max_reply_bytes = 100'000;
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::too_large);
  EXPECT_LE(driver.link().statistics().bytes_received, 1U << 20);
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
}

TEST(LinkHostile, AFloodOfRepliesNobodyAskedForIsCutShort) {
  ScriptedPeer peer({{expect("GET a"), flood(":1\r\n")}, sound()});
  LinkDriver driver(settings_for(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
}

TEST(LinkHostile, AReplyNobodyAskedForEndsTheConnection) {
  ScriptedPeer peer({{expect("GET a"), answer(":1\r\n:2\r\n")}, sound()});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().integer, 1);
  EXPECT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
  EXPECT_EQ(peer.connections(), 2U);
}

TEST(LinkHostile, AReplyOnAnIdleConnectionIsNotTakenForTheNext) {
  ScriptedPeer peer(
      {{expect("GET a"), answer(":1\r\n"), wait_for("idle"), answer(":2\r\n")}, sound()});
  LinkDriver driver(settings_for(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().integer, 1);
  peer.open("idle");
  EXPECT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
}

TEST(LinkHostile, AFaultAfterARepliedRequestEndsOnlyThoseBehindIt) {
  ScriptedPeer peer({{expect("GET a"), expect("GET b"), expect("GET c"), answer(":1\r\n?\r\n")}});
  LinkDriver driver(settings_for(peer));
  const auto first = driver.start({"GET", "a"});
  const auto second = driver.start({"GET", "b"});
  const auto third = driver.start({"GET", "c"});
  ASSERT_TRUE(driver.finish(third));
  EXPECT_EQ(first->result.reply.root().integer, 1);
  for (const auto& call : {second, third}) {
    EXPECT_EQ(call->result.failure, errc::protocol_error);
    EXPECT_EQ(call->result.sent, Sent::maybe);
  }
}

// The reply that is too large is a property of its key: only that caller must not try again.
TEST(LinkHostile, OnlyTheRequestOfATooLargeReplyIsTooLarge) {
  ScriptedPeer peer(
      {{expect("GET a"), expect("GET big"), expect("GET c"), answer(":1\r\n$2000\r\n")}, sound()});
  LinkSettings settings = settings_for(peer);
  settings.max_reply_bytes = 1000;
  LinkDriver driver(settings);
  const auto before = driver.start({"GET", "a"});
  const auto poison = driver.start({"GET", "big"});
  const auto behind = driver.start({"GET", "c"});
  ASSERT_TRUE(driver.finish(behind));
  EXPECT_TRUE(before->result.ok());
  EXPECT_EQ(poison->result.failure, errc::too_large);
  EXPECT_EQ(poison->result.sent, Sent::maybe);
  EXPECT_EQ(behind->result.failure, errc::unavailable);
  EXPECT_EQ(behind->result.sent, Sent::maybe);
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "sound");
}

TEST(LinkHostile, ALegalReplyBelowTheLimitIsNotTooLarge) {
  const std::string text(1000, 'x');
  ScriptedPeer peer({{expect("GET a"), answer("$1000\r\n" + text + "\r\n")}});
  LinkSettings settings = settings_for(peer);
  settings.max_reply_bytes = 1000;
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().text, text);
}

}  // namespace
}  // namespace dialogstore::test
