// What rediss:// does when nothing is said about certificates: it verifies chain and host name.
#include <gtest/gtest.h>

#include "dialogstore/redis_context_storage.hpp"
#include "integration/sqlite_fixture.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

class TlsDefault : public testing::Test {
 protected:
  static errc outcome(const std::string& uri) {
    return error_code_of([&] { static_cast<void>(context_storage_factory(uri)->len()); });
  }

  std::string ca() const { return "tls_ca=" + server_.certificates().certificate().string(); }

  RedisServer server_{{.has_tls = true}};
};

TEST_F(TlsDefault, AChainThatIsNotKnownIsRefused) {
  EXPECT_EQ(outcome(server_.tls_uri("timeout=5s")), errc::tls_error);
  EXPECT_EQ(outcome(server_.tls_uri("timeout=5s&" + ca())), errc{});
}

TEST_F(TlsDefault, ACertificateForAnotherNameIsRefused) {
  EXPECT_EQ(outcome(server_.tls_uri("timeout=5s&tls_server_name=example.org&" + ca())),
            errc::tls_error);
  EXPECT_EQ(outcome(server_.tls_uri("timeout=5s&tls_server_name=localhost&" + ca())), errc{});
}

TEST_F(TlsDefault, OnlyWhoAsksForItGoesUnverified) {
  EXPECT_EQ(outcome(server_.tls_uri("timeout=5s&tls_insecure=yes")), errc{});
}

TEST_F(TlsDefault, SettingsMadeInCodeVerifyToo) {
  RedisOptions redis;
  redis.host = "localhost";
  redis.port = static_cast<std::uint16_t>(server_.tls_port());
  redis.tls = true;
  StorageOptions options;
  options.timeout = std::chrono::seconds(5);
  const auto length = [&] {
    return error_code_of([&] { static_cast<void>(RedisContextStorage(redis, options).len()); });
  };
  EXPECT_EQ(length(), errc::tls_error);
  redis.tls_ca_file = server_.certificates().certificate();
  EXPECT_EQ(length(), errc{});
  redis.tls_server_name = "example.org";
  EXPECT_EQ(length(), errc::tls_error);
}

}  // namespace
}  // namespace dialogstore::test
