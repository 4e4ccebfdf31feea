// TLS: only a server with the right certificate for the right name is spoken to, and never in the
// clear.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

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

class LinkTls : public ::testing::Test {
 protected:
  PeerOptions server(const CertificateRequest& request = {}) {
    PeerOptions options;
    options.tls = authority_.issue(request);
    return options;
  }

  LinkSettings settings_for(const ScriptedPeer& peer) const {
    LinkSettings settings;
    settings.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(peer.port()), ""};
    settings.password = "s3cret";
    settings.require_master = false;
    settings.tls.enabled = true;
    settings.tls.ca_file = authority_.certificate();
    return settings;
  }

  static PeerScript usual() {
    return {expect("AUTH s3cret"), answer("+OK\r\n"), expect("GET a"), answer("$1\r\nx\r\n")};
  }

  static void expect_refused(const ScriptedPeer& peer, const LinkSettings& settings,
                             const std::string& cause) {
    LinkDriver driver(settings);
    const ExecResult result = driver.exec({"GET", "a"});
    EXPECT_EQ(result.failure, errc::tls_error) << result.detail;
    EXPECT_EQ(result.sent, Sent::no);
    EXPECT_NE(result.detail.find(cause), std::string::npos) << result.detail;
    EXPECT_EQ(peer.received(0), "");
  }

  TempDir folder_;
  CertificateAuthority authority_{folder_.path()};
};

TEST_F(LinkTls, SpeaksToAServerWithTheRightCertificate) {
  ScriptedPeer peer({usual()}, server());
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"});
  ASSERT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(result.reply.root().text, "x");
}

TEST_F(LinkTls, SpeaksTls12Too) {
  PeerOptions options = server();
  options.max_tls_version = TLS1_2_VERSION;
  ScriptedPeer peer({usual()}, options);
  LinkDriver driver(settings_for(peer));
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
}

TEST_F(LinkTls, CarriesLargeRequestsAndReplies) {
  const std::string large(1'000'000, 'x');
  ScriptedPeer peer(
      {{expect("AUTH s3cret"), answer("+OK\r\n"), expect_bytes(resp_command({"SET", "a", large})),
        answer("$1000000\r\n" + large + "\r\n")}},
      server());
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"SET", "a", large});
  ASSERT_TRUE(result.ok()) << result.detail;
  EXPECT_EQ(result.reply.root().text, large);
}

TEST_F(LinkTls, AsksForTheServerByName) {
  ScriptedPeer peer({usual()}, server({"named", "DNS:redis.example", false}));
  LinkSettings settings = settings_for(peer);
  settings.tls.server_name = "redis.example";
  LinkDriver driver(settings);
  ASSERT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(peer.server_name(0), "redis.example");
}

TEST_F(LinkTls, DoesNotAskForAnAddressByName) {
  ScriptedPeer peer({usual()}, server());
  LinkDriver driver(settings_for(peer));
  ASSERT_TRUE(driver.exec({"GET", "a"}).ok());
  EXPECT_EQ(peer.server_name(0), "");
}

TEST_F(LinkTls, RefusesACertificateForAnotherName) {
  ScriptedPeer peer({usual()}, server({"other", "DNS:other.example", false}));
  LinkSettings settings = settings_for(peer);
  settings.tls.server_name = "redis.example";
  expect_refused(peer, settings, "hostname mismatch");
}

TEST_F(LinkTls, RefusesACertificateForAnotherAddress) {
  ScriptedPeer peer({usual()}, server({"other", "DNS:localhost,IP:127.0.0.2", false}));
  expect_refused(peer, settings_for(peer), "IP address mismatch");
}

TEST_F(LinkTls, RefusesAnExpiredCertificate) {
  CertificateRequest request;
  request.is_expired = true;
  ScriptedPeer peer({usual()}, server(request));
  expect_refused(peer, settings_for(peer), "expired");
}

TEST_F(LinkTls, RefusesACertificateOfAnUnknownAuthority) {
  const CertificateAuthority other(folder_.path(), "other-ca");
  ScriptedPeer peer({usual()}, server());
  LinkSettings settings = settings_for(peer);
  settings.tls.ca_file = other.certificate();
  expect_refused(peer, settings, "certificate");
}

TEST_F(LinkTls, TrustsTheSystemsAuthoritiesAloneWhenNoneIsNamed) {
  ScriptedPeer peer({usual()}, server());
  LinkSettings settings = settings_for(peer);
  settings.tls.ca_file.clear();
  expect_refused(peer, settings, "certificate");
}

TEST_F(LinkTls, ChecksNothingOnlyWhenToldSo) {
  ScriptedPeer peer({usual()}, server({"other", "DNS:other.example", true}));
  LinkSettings settings = settings_for(peer);
  settings.tls.verify = false;
  settings.tls.ca_file.clear();
  LinkDriver driver(settings);
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
}

TEST_F(LinkTls, RefusesTls11) {
  PeerOptions options = server();
  options.max_tls_version = TLS1_1_VERSION;
  ScriptedPeer peer({usual()}, options);
  expect_refused(peer, settings_for(peer), "TLS");
}

TEST_F(LinkTls, NeverFallsBackToAPlainServer) {
  // Answers as a plain server does, whatever comes.
  ScriptedPeer peer({{answer("-ERR Protocol error: unauthenticated\r\n")}});
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"});
  EXPECT_EQ(result.failure, errc::tls_error) << result.detail;
  EXPECT_EQ(peer.received(0).find("s3cret"), std::string::npos);
}

TEST_F(LinkTls, AnEndDuringTheHandshakeIsAnUnavailableServer) {
  ScriptedPeer peer({{cut()}});
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"}, std::chrono::seconds(2));
  EXPECT_EQ(result.failure, errc::unavailable) << result.detail;
  EXPECT_NE(result.detail.find("TLS"), std::string::npos) << result.detail;
}

TEST_F(LinkTls, ShowsTheClientsCertificate) {
  PeerOptions options = server();
  options.client_authority = authority_.certificate();
  ScriptedPeer peer({usual()}, options);
  const CertificateFiles own = authority_.issue({"client", "DNS:client", false});
  LinkSettings settings = settings_for(peer);
  settings.tls.certificate_file = own.certificate;
  settings.tls.private_key_file = own.key;
  LinkDriver driver(settings);
  EXPECT_TRUE(driver.exec({"GET", "a"}).ok());
}

TEST_F(LinkTls, AMissingClientCertificateIsATlsError) {
  PeerOptions options = server();
  options.client_authority = authority_.certificate();
  ScriptedPeer peer({usual()}, options);
  expect_refused(peer, settings_for(peer), "certificate required");
}

TEST_F(LinkTls, AMissingClientCertificateIsATlsErrorInTls12Too) {
  PeerOptions options = server();
  options.client_authority = authority_.certificate();
  options.max_tls_version = TLS1_2_VERSION;
  ScriptedPeer peer({usual()}, options);
  expect_refused(peer, settings_for(peer), "handshake failure");
}

TEST_F(LinkTls, AFileThatCannotBeReadIsNamed) {
  ScriptedPeer peer({usual()}, server());
  LinkSettings settings = settings_for(peer);
  settings.tls.ca_file = folder_ / "none.crt";
  expect_refused(peer, settings, "none.crt");
}

TEST_F(LinkTls, AnEndlessHandshakeIsBoundedByTheDeadline) {
  ScriptedPeer peer({{stop_reading()}});
  LinkDriver driver(settings_for(peer));
  const auto result = driver.exec({"GET", "a"}, std::chrono::milliseconds(100));
  EXPECT_EQ(result.failure, errc::unavailable);
  EXPECT_EQ(result.sent, Sent::no);
}

TEST_F(LinkTls, AFailureIsNotRepeatedWithoutPause) {
  ScriptedPeer peer({usual()}, server({"other", "DNS:other.example", false}));
  LinkSettings settings = settings_for(peer);
  settings.reconnect_min = std::chrono::milliseconds(100);
  settings.reconnect_max = std::chrono::milliseconds(100);
  LinkDriver driver(settings);
  const auto start = redis::Clock::now();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(driver.exec({"GET", "a"}).failure, errc::tls_error);
  }
  EXPECT_GE(redis::Clock::now() - start, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace dialogstore::test
