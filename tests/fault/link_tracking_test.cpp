// A link whose server is asked to tell of changes: what it hears, when, and what it makes of a
// server that cannot.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/link_driver.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {
namespace {

using redis::Clock;
using redis::KeyTracking;
using redis::LinkSettings;

const std::string ok = "+OK\r\n";
const std::string greeting = "%1\r\n+server\r\n+redis\r\n";

std::string told(const std::string& name) {
  return ">2\r\n$10\r\ninvalidate\r\n*1\r\n$" + std::to_string(name.size()) + "\r\n" + name +
         "\r\n";
}

/// A setup that succeeds, and then this.
PeerScript after_setup(PeerScript steps) {
  PeerScript script{expect("HELLO 3"), answer(greeting), expect("CLIENT TRACKING ON NOLOOP"),
                    answer(ok)};
  script.insert(script.end(), steps.begin(), steps.end());
  return script;
}

class LinkTracking : public testing::Test {
 protected:
  LinkSettings settings(const ScriptedPeer& peer) {
    LinkSettings settings = plain_settings(peer);
    settings.tracking = tracking_;
    tracking_->listen([this](std::string_view name) { heard_.emplace_back(name); },
                      [this] { heard_.emplace_back("everything"); });
    return settings;
  }

  std::shared_ptr<KeyTracking> tracking_ = std::make_shared<KeyTracking>();
  std::vector<std::string> heard_;
};

using Names = std::vector<std::string>;

TEST_F(LinkTracking, HearsBetweenReplies) {
  ScriptedPeer peer({after_setup({expect("GET a"), answer(told("x") + "$1\r\n1\r\n" + told("y")),
                                  expect("GET b"), answer("$1\r\n2\r\n")})});
  LinkDriver driver(settings(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}).reply.root().text, "1");
  EXPECT_EQ(driver.exec({"GET", "b"}).reply.root().text, "2");
  EXPECT_EQ(heard_, (Names{"x", "y"}));
  EXPECT_EQ(peer.mismatch(), "");
}

TEST_F(LinkTracking, HearsBeforeTheCallerGetsWhatCameBehind) {
  ScriptedPeer peer({after_setup({expect("GET a"), answer(told("a") + "$3\r\nnew\r\n")})});
  LinkDriver driver(settings(peer));
  const auto call = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return !heard_.empty() || call->is_done; }));
  EXPECT_EQ(heard_, Names{"a"});
  ASSERT_TRUE(driver.finish(call));
}

TEST_F(LinkTracking, HearsOfSeveralKeysAndOfAll) {
  ScriptedPeer peer({after_setup(
      {expect("GET a"),
       answer("$-1\r\n>2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nx\r\n$2\r\nyy\r\n"
              ">2\r\n$10\r\ninvalidate\r\n_\r\n>3\r\n+message\r\n+of another\r\n+kind\r\n"),
       expect("GET b"), answer(":1\r\n")})});
  LinkDriver driver(settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_TRUE(driver.exec({"GET", "b"}).ok());
  EXPECT_EQ(heard_, (Names{"x", "yy", "everything"}));
}

TEST_F(LinkTracking, HearsWhileItIsIdle) {
  ScriptedPeer peer(
      {after_setup({expect("GET a"), answer(":1\r\n"), wait_for("told"), answer(told("x"))})});
  LinkDriver driver(settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(heard_, Names{});
  peer.open("told");
  EXPECT_TRUE(driver.run_until([&] { return heard_ == Names{"x"}; }));
}

TEST_F(LinkTracking, AConnectionThatEndsLeavesEverythingUntold) {
  ScriptedPeer peer({after_setup({expect("GET a"), answer(":1\r\n"), wait_for("end"), cut()}),
                     after_setup({expect("GET b"), answer(":2\r\n")})});
  LinkDriver driver(settings(peer));
  const auto before = Clock::now();
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_GE(driver.link().heard(), before);
  peer.open("end");
  EXPECT_TRUE(driver.run_until([&] { return heard_ == Names{"everything"}; }));
  EXPECT_LT(driver.link().heard(), before);
  const auto again = Clock::now();
  EXPECT_TRUE(driver.exec({"GET", "b"}).ok());
  EXPECT_GE(driver.link().heard(), again);
  EXPECT_LE(driver.link().heard(), Clock::now());
  EXPECT_EQ(heard_, Names{"everything"});
}

TEST_F(LinkTracking, WasHeardWhenTheAnsweredRequestWasHandedOver) {
  ScriptedPeer peer({after_setup({expect("GET a"), wait_for("answer"), answer(":1\r\n")})});
  LinkDriver driver(settings(peer));
  const auto call = driver.start({"GET", "a"});
  ASSERT_TRUE(driver.run_until([&] { return peer.received(0).ends_with("a\r\n"); }));
  const auto handed_over = Clock::now();
  peer.open("answer");
  ASSERT_TRUE(driver.finish(call));
  EXPECT_LE(driver.link().heard(), handed_over);
}

TEST_F(LinkTracking, ClosingLeavesEverythingUntold) {
  ScriptedPeer peer({after_setup({expect("GET a"), answer(":1\r\n")})});
  LinkDriver driver(settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  driver.link().close();
  EXPECT_EQ(heard_, Names{"everything"});
}

TEST_F(LinkTracking, WhatIsToldDuringSetupIsPassedOver) {
  ScriptedPeer peer(
      {{expect("HELLO 3"), answer(greeting), expect("CLIENT TRACKING ON NOLOOP"),
        answer(">2\r\n$10\r\ninvalidate\r\n_\r\n" + ok), expect("GET a"), answer(":1\r\n")}});
  LinkDriver driver(settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(peer.mismatch(), "");
}

TEST_F(LinkTracking, AServerThatCannotTellIsRefusedWithTheRemedy) {
  const std::vector<std::pair<PeerScript, errc>> servers{
      {{expect("HELLO 3"),
        answer("-ERR unknown command `HELLO`, with args beginning with: `3`\r\n")},
       errc::unsupported_server},
      {{expect("HELLO 3"), answer("-NOPROTO unsupported protocol version\r\n")},
       errc::server_error},
      {{expect("HELLO 3"), answer("-NOPERM no permissions to run 'hello'\r\n")},
       errc::permission_denied},
      {{expect("HELLO 3"), answer(greeting), expect("CLIENT TRACKING ON NOLOOP"),
        answer("-NOPERM no permissions to run 'client|tracking'\r\n")},
       errc::permission_denied}};
  for (const auto& [script, code] : servers) {
    ScriptedPeer peer({script});
    LinkDriver driver(settings(peer));
    const auto result = driver.exec({"GET", "a"});
    EXPECT_EQ(result.failure, code) << result.detail;
    EXPECT_EQ(result.sent, redis::Sent::no);
    EXPECT_NE(result.detail.find("cache_max_staleness"), std::string::npos) << result.detail;
  }
}

TEST_F(LinkTracking, WhoDidNotAskToBeToldHangsUp) {
  ScriptedPeer peer(
      {{expect("GET a"), answer(told("x") + ":1\r\n")}, {expect("GET b"), answer(":2\r\n")}});
  auto plain = settings(peer);
  plain.tracking = nullptr;
  LinkDriver driver(plain);
  const auto result = driver.exec({"GET", "a"});
  EXPECT_EQ(result.failure, errc::protocol_error) << result.detail;
  EXPECT_TRUE(driver.exec({"GET", "b"}).ok());
  EXPECT_EQ(heard_, Names{});
}

}  // namespace
}  // namespace dialogstore::test
