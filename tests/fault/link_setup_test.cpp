// What happens before the first user request: nothing of the user's may reach a server that has not
// accepted user, database and role; and every refusal is told by its own code and cause.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "redis/link.hpp"
#include "support/link_driver.hpp"
#include "support/scripted_peer.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {
namespace {

using redis::ExecResult;
using redis::LinkSettings;
using redis::Sent;

constexpr const char* master_role = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";

LinkSettings full_settings(const ScriptedPeer& peer) {
  LinkSettings settings;
  settings.endpoint.host = "127.0.0.1";
  settings.endpoint.port = static_cast<std::uint16_t>(peer.port());
  settings.user = "alice";
  settings.password = "s3cret";
  settings.database = 3;
  settings.client_name = "test";
  settings.setup_requests = {redis::encode_command({"PROBE"})};
  settings.reconnect_min = std::chrono::milliseconds(1);
  settings.reconnect_max = std::chrono::milliseconds(5);
  return settings;
}

PeerScript full_setup() {
  return {expect("AUTH alice s3cret"),
          answer("+OK\r\n"),
          expect("SELECT 3"),
          answer("+OK\r\n"),
          expect("CLIENT SETNAME test"),
          answer("+OK\r\n"),
          expect("ROLE"),
          answer(master_role),
          expect("PROBE"),
          answer(":1\r\n")};
}

PeerScript operator+(PeerScript first, const PeerScript& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(LinkSetup, TakesEachStepAfterTheOneBeforeSucceeded) {
  ScriptedPeer peer({full_setup() + PeerScript{expect("GET a"), answer(":1\r\n")}});
  LinkDriver driver(full_settings(peer));
  const auto result = driver.exec({"GET", "a"});
  EXPECT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(LinkSetup, AuthenticatesTheDefaultUserWithThePasswordAlone) {
  ScriptedPeer peer(
      {{expect("AUTH s3cret"), answer("+OK\r\n"), expect("GET a"), answer(":1\r\n")}});
  LinkSettings settings;
  settings.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(peer.port()), ""};
  settings.password = "s3cret";
  settings.require_master = false;
  LinkDriver driver(settings);
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(peer.mismatch(), "");
}

TEST(LinkSetup, IsRepeatedOnEveryConnection) {
  ScriptedPeer peer({full_setup() + PeerScript{expect("GET a"), cut()},
                     full_setup() + PeerScript{expect("GET b"), answer(":2\r\n")}});
  LinkDriver driver(full_settings(peer));
  EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::unavailable);
  EXPECT_TRUE(driver.exec({"GET", "b"}).ok());
  EXPECT_EQ(peer.mismatch(), "");
}

// --- refusals: where in the setup, the server's words, what the caller learns ---

struct Refusal {
  const char* name;
  int step;  // of full_setup(): 0 AUTH, 1 SELECT, 2 CLIENT SETNAME, 3 ROLE, 4 a probe
  const char* reply;
  errc code;
  const char* cause;  // part of the text
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.name;
}

PeerScript refused_setup(const Refusal& refusal) {
  PeerScript script = full_setup();
  script.resize(2U * static_cast<std::size_t>(refusal.step) + 1);
  script.push_back(answer(refusal.reply));
  return script;
}

class LinkRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(LinkRefusal, EndsAllThatWaitsAndSendsNoneOfIt) {
  ScriptedPeer peer({refused_setup(GetParam())});
  LinkDriver driver(full_settings(peer));
  const auto first = driver.start({"SET", "user-data", "1"});
  const auto second = driver.start({"SET", "user-data", "2"});
  ASSERT_TRUE(driver.finish(first));
  ASSERT_TRUE(driver.finish(second));
  for (const auto& call : {first, second}) {
    EXPECT_EQ(call->result.failure, GetParam().code) << call->result.detail;
    EXPECT_EQ(call->result.sent, Sent::no);
    EXPECT_NE(call->result.detail.find(GetParam().cause), std::string::npos) << call->result.detail;
    EXPECT_EQ(call->result.detail.find("s3cret"), std::string::npos) << call->result.detail;
  }
  ASSERT_TRUE(driver.run_until([&] { return peer.is_closed(0); }));
  EXPECT_EQ(peer.received(0).find("user-data"), std::string::npos);
  EXPECT_EQ(peer.mismatch(), "");
}

TEST_P(LinkRefusal, OnReconnectEndsAllThatWaitsAndSendsNoneOfIt) {
  ScriptedPeer peer({full_setup() + PeerScript{expect("PING"), cut()}, refused_setup(GetParam())});
  LinkDriver driver(full_settings(peer));
  EXPECT_EQ(driver.exec({"PING"}).failure, errc::unavailable);
  EXPECT_EQ(driver.exec({"SET", "user-data", "1"}).failure, GetParam().code);
  ASSERT_TRUE(driver.run_until([&] { return peer.is_closed(1); }));
  EXPECT_EQ(peer.received(1).find("user-data"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Link, LinkRefusal,
    ::testing::Values(
        Refusal{"wrong_password", 0, "-WRONGPASS invalid username-password pair\r\n",
                errc::auth_failed, "WRONGPASS"},
        Refusal{"password_of_old_server", 0, "-ERR invalid password\r\n", errc::auth_failed,
                "invalid password"},
        Refusal{"auth_unknown", 0,
                "-ERR unknown command 'AUTH', with args beginning with: 'alice' 's3cret'\r\n",
                errc::auth_failed, "unknown command"},
        Refusal{"secret_quoted", 0, "-ERR what is s3cret?\r\n", errc::auth_failed, "***"},
        Refusal{"auth_not_ok", 0, ":1\r\n", errc::protocol_error, "AUTH"},
        Refusal{"protected_mode", 0, "-DENIED Redis is running in protected mode\r\n",
                errc::permission_denied, "protected mode"},
        Refusal{"database_out_of_range", 1, "-ERR DB index is out of range\r\n",
                errc::invalid_argument, "out of range"},
        Refusal{"select_not_permitted", 1, "-NOPERM this user has no permissions\r\n",
                errc::permission_denied, "NOPERM"},
        Refusal{"not_authenticated", 2, "-NOAUTH Authentication required.\r\n", errc::auth_failed,
                "NOAUTH"},
        Refusal{"replica", 3, "*2\r\n$5\r\nslave\r\n$1\r\na\r\n", errc::read_only, "replica"},
        Refusal{"sentinel", 3, "*2\r\n$8\r\nsentinel\r\n*0\r\n", errc::unsupported_server,
                "Sentinel"},
        Refusal{"unknown_role", 3, "*1\r\n$5\r\nother\r\n", errc::unsupported_server, "role"},
        Refusal{"role_unknown", 3, "-ERR unknown command 'ROLE'\r\n", errc::unsupported_server,
                "unknown command"},
        Refusal{"role_shape", 3, "$-1\r\n", errc::protocol_error, "ROLE"},
        Refusal{"role_empty", 3, "*0\r\n", errc::protocol_error, "ROLE"},
        Refusal{"role_shape_inside", 3, "*1\r\n:1\r\n", errc::protocol_error, "ROLE"},
        Refusal{"probe_not_permitted", 4, "-NOPERM no permissions to run 'evalsha'\r\n",
                errc::permission_denied, "evalsha"},
        Refusal{"probe_unknown", 4, "-ERR unknown command 'PROBE'\r\n", errc::unsupported_server,
                "PROBE"},
        Refusal{"probe_read_only", 4, "-READONLY replica\r\n", errc::read_only, "READONLY"},
        Refusal{"probe_fails", 4, "-ERR otherwise\r\n", errc::server_error, "otherwise"},
        Refusal{"two_replies", 4, ":1\r\n:2\r\n", errc::protocol_error, "nothing that was asked"},
        Refusal{"not_redis", 0, "HTTP/1.1 400 Bad Request\r\n\r\n", errc::protocol_error,
                "protocol"},
        Refusal{"endless_reply", 0, "$9000000000\r\n", errc::too_large, "AUTH"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LinkSetup, TheClientNameMayBeRefused) {
  PeerScript script = full_setup();
  script[5] = answer("-ERR unknown subcommand\r\n");
  ScriptedPeer peer({script + PeerScript{expect("GET a"), answer(":1\r\n")}});
  LinkDriver driver(full_settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
}

TEST(LinkSetup, TheRoleMayBeHiddenFromTheUser) {
  PeerScript script = full_setup();
  script[7] = answer("-NOPERM no permissions to run 'role'\r\n");
  ScriptedPeer peer({script + PeerScript{expect("GET a"), answer(":1\r\n")}});
  LinkDriver driver(full_settings(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
}

class LinkPassing : public ::testing::TestWithParam<const char*> {};

// Trouble that passes: the request waits, unsent, for a connection that is accepted.
TEST_P(LinkPassing, TroubleIsTriedAgain) {
  PeerScript refused = full_setup();
  refused.resize(7);
  refused.push_back(answer(GetParam()));
  ScriptedPeer peer(
      {refused, refused, full_setup() + PeerScript{expect("GET a"), answer(":1\r\n")}});
  LinkDriver driver(full_settings(peer));
  const auto result = driver.exec({"GET", "a"});
  EXPECT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(peer.connections(), 3U);
  EXPECT_EQ(peer.received(0).find("GET"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Link, LinkPassing,
                         ::testing::Values("-LOADING Redis is loading the dataset in memory\r\n",
                                           "-BUSY Redis is busy running a script\r\n",
                                           "-MASTERDOWN Link with MASTER is down\r\n",
                                           "-ERR max number of clients reached\r\n"));

TEST(LinkSetup, TheCauseOfPassingTroubleIsToldAtTheDeadline) {
  PeerScript loading = full_setup();
  loading.resize(7);
  loading.push_back(answer("-LOADING Redis is loading the dataset in memory\r\n"));
  ScriptedPeer peer({loading});
  LinkDriver driver(full_settings(peer));
  const auto result = driver.exec({"GET", "a"}, std::chrono::milliseconds(200));
  EXPECT_EQ(result.failure, errc::server_busy);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_NE(result.detail.find("loading the dataset"), std::string::npos) << result.detail;
}

TEST(LinkSetup, ARefusalIsNotRepeatedWithoutPause) {
  ScriptedPeer peer({{expect("AUTH alice s3cret"), answer("-WRONGPASS no\r\n")}});
  LinkSettings settings = full_settings(peer);
  settings.reconnect_min = std::chrono::milliseconds(100);
  settings.reconnect_max = std::chrono::milliseconds(100);
  LinkDriver driver(settings);
  const auto start = redis::Clock::now();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::auth_failed);
  }
  // Three pauses of at least half the configured time.
  EXPECT_GE(redis::Clock::now() - start, std::chrono::milliseconds(150));
  EXPECT_EQ(peer.connections(), 4U);
}

TEST(LinkSetup, PausesGrowUpToTheirLimit) {
  ScriptedPeer peer({{cut()}});
  LinkSettings settings = full_settings(peer);
  settings.reconnect_min = std::chrono::milliseconds(10);
  settings.reconnect_max = std::chrono::milliseconds(80);
  LinkDriver driver(settings);
  EXPECT_EQ(driver.exec({"GET", "a"}, std::chrono::milliseconds(500)).failure, errc::unavailable);
  // 5+10+20+40+40+... at the shortest; without growth it would be fifty and more.
  EXPECT_LE(peer.connections(), 16U);
  EXPECT_GE(peer.connections(), 2U);
}

TEST(LinkSetup, AServerThatHangsUpAtEveryRequestIsNotCalledWithoutPause) {
  ScriptedPeer peer({{expect("GET a"), cut()}});
  LinkSettings settings;
  settings.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(peer.port()), ""};
  settings.require_master = false;
  settings.reconnect_min = std::chrono::milliseconds(100);
  settings.reconnect_max = std::chrono::milliseconds(100);
  LinkDriver driver(settings);
  const auto start = redis::Clock::now();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::unavailable);
  }
  EXPECT_GE(redis::Clock::now() - start, std::chrono::milliseconds(150));
}

// --- no connection at all ---

ExecResult exec_at(const LinkSettings& settings,
                   std::chrono::milliseconds timeout = std::chrono::milliseconds(200)) {
  LinkDriver driver(settings);
  return driver.exec({"GET", "a"}, timeout);
}

LinkSettings settings_without_server() {
  LinkSettings settings;
  settings.endpoint.host = "127.0.0.1";
  {
    const ScriptedPeer gone(std::vector<PeerScript>{{}});
    settings.endpoint.port = static_cast<std::uint16_t>(gone.port());
  }
  settings.reconnect_max = std::chrono::milliseconds(20);
  return settings;
}

TEST(LinkSetup, ARefusedConnectionIsUnavailableWithTheCause) {
  const auto result = exec_at(settings_without_server());
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_NE(result.detail.find("refused"), std::string::npos) << result.detail;
  EXPECT_NE(result.detail.find("127.0.0.1:"), std::string::npos) << result.detail;
}

TEST(LinkSetup, AHostWithoutAddressIsUnavailableWithTheCause) {
  LinkSettings settings;
  settings.endpoint.host = "no-such-host.invalid";
  const auto result = exec_at(settings);
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_NE(result.detail.find("no-such-host.invalid"), std::string::npos) << result.detail;
}

TEST(LinkSetup, AMissingUnixSocketIsUnavailableWithItsPath) {
  const TempDir folder;
  LinkSettings settings;
  settings.endpoint.unix_path = folder / "none.sock";
  const auto result = exec_at(settings);
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_NE(result.detail.find("none.sock"), std::string::npos) << result.detail;
}

TEST(LinkSetup, ATooLongUnixPathIsRefusedAtOnce) {
  LinkSettings settings;
  settings.endpoint.unix_path = "/tmp/" + std::string(103, 'x');
  const auto result = exec_at(settings, patience);
  EXPECT_EQ(result.failure, errc::invalid_argument);
  EXPECT_NE(result.detail.find("107"), std::string::npos) << result.detail;
}

TEST(LinkSetup, AnEndDuringSetupIsUnavailableWithTheStep) {
  ScriptedPeer peer({{expect("AUTH alice s3cret"), cut()}});
  LinkDriver driver(full_settings(peer));
  const auto result = driver.exec({"GET", "a"}, std::chrono::milliseconds(200));
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_NE(result.detail.find("AUTH: the server closed"), std::string::npos) << result.detail;
}

TEST(LinkSetup, ASilentServerIsToldByTheStepItIsSilentAt) {
  ScriptedPeer peer({{expect("AUTH alice s3cret"), stop_reading()}});
  LinkDriver driver(full_settings(peer));
  const auto result = driver.exec({"GET", "a"}, std::chrono::milliseconds(200));
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_EQ(result.sent, Sent::no);
  EXPECT_NE(result.detail.find("AUTH"), std::string::npos) << result.detail;
}

TEST(LinkSetup, ASilentServerIsLeftAfterTheTimeoutOfAnAttempt) {
  ScriptedPeer peer(
      {{stop_reading()}, full_setup() + PeerScript{expect("GET a"), answer(":1\r\n")}});
  LinkSettings settings = full_settings(peer);
  settings.connect_timeout = std::chrono::milliseconds(300);
  LinkDriver driver(settings);
  const auto result = driver.exec({"GET", "a"});
  EXPECT_TRUE(result.ok()) << result.detail;
  EXPECT_GE(peer.connections(), 2U);
}

}  // namespace
}  // namespace dialogstore::test
