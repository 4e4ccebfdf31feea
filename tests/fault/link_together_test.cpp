// Several commands that belong together on one connection, and links that give up at once.
#include <gtest/gtest.h>

#include "support/link_driver.hpp"
#include "support/redis_server.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {
namespace {

redis::LinkSettings settings_for(int port) {
  redis::LinkSettings settings;
  settings.endpoint.host = "127.0.0.1";
  settings.endpoint.port = static_cast<std::uint16_t>(port);
  settings.client_name = "";
  settings.require_master = false;
  return settings;
}

// Two commands that belong together.
std::shared_ptr<LinkCall> start_pair(LinkDriver& driver) {
  auto requests = redis::encode_command({"ASKING"}) + redis::encode_command({"GET", "k"});
  return driver.start(
      driver.link().exec_together(std::move(requests), 2, redis::Clock::now() + patience));
}

TEST(LinkTogether, EachCommandHasItsReplyAndNeighboursKeepTheirs) {
  ScriptedPeer peer(
      {{expect("PING"), expect("ASKING"), expect("GET k"), expect("ECHO x"),
        answer("+PONG\r\n+OK\r\n"), wait_for("go"), answer("$1\r\nv\r\n$1\r\nx\r\n")}});
  LinkDriver driver(settings_for(peer.port()));
  const auto before = driver.start({"PING"});
  const auto pair = start_pair(driver);
  const auto after = driver.start({"ECHO", "x"});
  ASSERT_TRUE(driver.finish(before));
  EXPECT_FALSE(pair->is_done) << "one reply of two";
  peer.open("go");
  ASSERT_TRUE(driver.finish(after));
  ASSERT_TRUE(pair->is_done);
  EXPECT_EQ(before->result.reply.root().text, "PONG");
  EXPECT_EQ(pair->result.reply.root().text, "v");
  ASSERT_EQ(pair->result.earlier.size(), 1U);
  EXPECT_EQ(pair->result.earlier.front().root().text, "OK");
  EXPECT_EQ(after->result.reply.root().text, "x");
  EXPECT_TRUE(after->result.earlier.empty());
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(LinkTogether, HalfOfTheRepliesIsNoReply) {
  ScriptedPeer peer({{expect("ASKING"), expect("GET k"), answer("+OK\r\n"), cut()},
                     {expect("PING"), answer("+PONG\r\n")}});
  LinkDriver driver(settings_for(peer.port()));
  const auto pair = start_pair(driver);
  ASSERT_TRUE(driver.finish(pair));
  EXPECT_EQ(pair->result.failure, errc::unavailable);
  EXPECT_EQ(pair->result.sent, redis::Sent::maybe);
  EXPECT_EQ(driver.exec({"PING"}).reply.root().text, "PONG") << "the next one is not mixed up";
}

TEST(LinkTogether, ACancelledPairKeepsItsPlaceForBothReplies) {
  ScriptedPeer peer({{expect("ASKING"), expect("GET k"), answer("+OK\r\n"), wait_for("go"),
                      answer("$1\r\nv\r\n"), expect("PING"), answer("+PONG\r\n")}});
  LinkDriver driver(settings_for(peer.port()));
  const auto pair = start_pair(driver);
  ASSERT_TRUE(driver.run_until([&] { return driver.link().statistics().bytes_received == 5; }));
  pair->cancel();
  ASSERT_TRUE(driver.finish(pair));
  EXPECT_EQ(pair->result.failure, errc::canceled);
  EXPECT_EQ(pair->result.sent, redis::Sent::maybe);
  peer.open("go");
  EXPECT_EQ(driver.exec({"PING"}).reply.root().text, "PONG");
}

TEST(LinkThatFailsFast, EndsWhatWaitsWhenNobodyIsThere) {
  auto settings = settings_for(free_port());
  settings.fails_fast = true;
  LinkDriver driver(settings);
  const auto begun = std::chrono::steady_clock::now();
  const auto result = driver.exec({"PING"});
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_EQ(result.sent, redis::Sent::no);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, patience / 2) << "it waited for its deadline";
}

}  // namespace
}  // namespace dialogstore::test
