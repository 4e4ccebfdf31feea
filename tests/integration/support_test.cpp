// The test support itself: a fixture that lies would make every test above it worthless.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

RedisClient client_of(int port) {
  return RedisClient({.port = port, .timeout = 5s});
}

// What a client gets that sends a request and reads until the line ends.
std::string read_all(int port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string all;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return all;
}

TEST(TempDir, RemovesItselfWithItsContent) {
  std::filesystem::path path;
  {
    const TempDir folder;
    path = folder.path();
    std::filesystem::create_directories(folder / "a/b");
    EXPECT_TRUE(std::filesystem::is_directory(path / "a/b"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Eventually, WaitsForTheConditionAndGivesUpAtTheDeadline) {
  int asked = 0;
  EXPECT_TRUE(eventually([&] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
  EXPECT_FALSE(eventually([] { return false; }, 20ms));
}

TEST(RedisServerFixture, AnswersOverTcpAndUnixSocket) {
  RedisServer server;
  EXPECT_EQ(server.command({"SET", "k", std::string("a\0b", 3)}).text, "OK");
  EXPECT_EQ(client_of(server.port()).command({"GET", "k"}).text, std::string("a\0b", 3));
  EXPECT_TRUE(server.command({"GET", "absent"}).is_nil());
  EXPECT_EQ(server.command({"INCR", "n"}).integer, 1);
  EXPECT_EQ(server.command({"NOSUCH"}).kind, RedisReply::Kind::error);
  EXPECT_EQ(server.command({"MGET", "n", "absent"}).texts(), (std::vector<std::string>{"1", ""}));
  EXPECT_EQ(server.info("process_id"), std::to_string(server.pid()));
  EXPECT_NE(server.port(), 6379);
}

TEST(RedisServerFixture, EndsWithTheObjectAndLeavesNothing) {
  pid_t pid = 0;
  std::filesystem::path folder;
  {
    const RedisServer server;
    pid = server.pid();
    folder = server.folder();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(RedisServerFixture, SaysWhyItCannotStart) {
  try {
    const RedisServer server({.config = {"no-such-setting 1"}});
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-setting"), std::string::npos) << error.what();
  }
}

TEST(RedisServerFixture, RestartKeepsOnlyWhatIsOnTheDisk) {
  RedisServer volatile_server;
  const int port = volatile_server.port();
  volatile_server.command({"SET", "k", "v"});
  volatile_server.kill9();
  EXPECT_EQ(volatile_server.command({"PING"}).kind, RedisReply::Kind::lost);
  volatile_server.restart();
  EXPECT_EQ(volatile_server.port(), port);
  EXPECT_TRUE(volatile_server.command({"GET", "k"}).is_nil());

  RedisServer durable({.is_append_only = true});
  durable.command({"SET", "k", "v"});
  durable.restart();
  EXPECT_EQ(durable.command({"GET", "k"}).text, "v");
  durable.shutdown();
  durable.restart();
  EXPECT_EQ(durable.command({"GET", "k"}).text, "v");
}

TEST(RedisServerFixture, AsksForThePassword) {
  RedisServer server({.password = "s3cret"});
  EXPECT_EQ(server.command({"PING"}).text, "PONG");
  const auto refused = client_of(server.port()).command({"PING"});
  EXPECT_TRUE(refused.text.starts_with("NOAUTH")) << refused.text;
  RedisClient known({.port = server.port(), .user = "default", .password = "s3cret"});
  EXPECT_EQ(known.command({"PING"}).text, "PONG");
  EXPECT_EQ(server.uri("timeout=1s"),
            "redis://:s3cret@127.0.0.1:" + std::to_string(server.port()) + "/0?timeout=1s");
}

TEST(RedisServerFixture, StoppedProcessAcceptsButDoesNotAnswer) {
  RedisServer server;
  server.stop_process();
  RedisClient impatient({.port = server.port(), .timeout = 50ms});
  EXPECT_EQ(impatient.command({"PING"}).kind, RedisReply::Kind::lost);
  server.continue_process();
  EXPECT_EQ(client_of(server.port()).command({"PING"}).text, "PONG");
}

TEST(RedisServerFixture, SharedServerIsOne) {
  EXPECT_EQ(shared_redis().pid(), shared_redis().pid());
  EXPECT_NE(unique_name(), unique_name());
}

TEST(RedisServerFixture, RunsAsSentinel) {
  RedisServer sentinel({.arguments = {"--sentinel"}});
  EXPECT_EQ(client_of(sentinel.port()).command({"SENTINEL", "MASTERS"}).kind,
            RedisReply::Kind::array);
}

TEST(RedisServerFixture, RunsAsClusterNode) {
  RedisServer node({.config = {"cluster-enabled yes"}});
  EXPECT_EQ(node.command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"}).text, "OK");
  EXPECT_TRUE(eventually([&] { return node.command({"SET", "k", "v"}).text == "OK"; }));
}

// Handshakes with the server and asks whether it trusts the other side.
long verify_result(const RedisServer& server, const std::filesystem::path& authority) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  EXPECT_EQ(SSL_CTX_load_verify_locations(context.get(), authority.c_str(), nullptr), 1);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> line(BIO_new_ssl_connect(context.get()),
                                                           &BIO_free_all);
  SSL* tls = nullptr;
  BIO_get_ssl(line.get(), &tls);
  SSL_set1_host(tls, "localhost");
  BIO_set_conn_hostname(line.get(), ("127.0.0.1:" + std::to_string(server.tls_port())).c_str());
  EXPECT_EQ(BIO_do_handshake(line.get()), 1);
  return SSL_get_verify_result(tls);
}

TEST(RedisServerFixture, SpeaksTlsWithItsOwnAuthority) {
  const RedisServer server({.has_tls = true});
  EXPECT_EQ(verify_result(server, server.certificates().certificate()), X509_V_OK);
  const CertificateAuthority other(server.folder(), "other");
  EXPECT_NE(verify_result(server, other.certificate()), X509_V_OK);
}

class Proxy : public ::testing::Test {
 protected:
  RedisServer& server_ = shared_redis();
  TcpProxy proxy_{server_.port()};
  RedisClient client_ = client_of(proxy_.port());
};

TEST_F(Proxy, PassesBytesBothWays) {
  const std::string large(3 << 20, 'x');
  const auto key = unique_name();
  EXPECT_EQ(client_.command({"SET", key, large}).text, "OK");
  EXPECT_EQ(client_.command({"GET", key}).text, large);
  const auto stats = proxy_.stats();
  EXPECT_EQ(stats.accepted, 1U);
  EXPECT_GT(stats.forwarded_in(Direction::to_server), large.size());
  EXPECT_GT(stats.forwarded_in(Direction::to_client), large.size());
  client_.disconnect();
  EXPECT_TRUE(proxy_.wait_for([](const ProxyStats& s) { return s.open == 0; }));
  EXPECT_EQ(proxy_.stats().cut, 0U);
}

TEST_F(Proxy, CutsAfterExactlySoManyBytes) {
  for (const auto kind : {CutKind::close, CutKind::reset}) {
    for (std::uint64_t bytes = 1; bytes <= 7; ++bytes) {
      proxy_.cut_after(Direction::to_client, bytes, kind);
      EXPECT_EQ(read_all(proxy_.port(), "PING\r\n"), std::string("+PONG\r\n").substr(0, bytes));
    }
  }
  EXPECT_EQ(proxy_.stats().cut, 14U);
  proxy_.cut_after(Direction::to_server, 0);
  EXPECT_EQ(client_.command({"PING"}).kind, RedisReply::Kind::lost);
  EXPECT_EQ(client_.command({"PING"}).text, "PONG");
}

TEST_F(Proxy, LosesTheReplyOfWhatWasDone) {
  const auto key = unique_name();
  proxy_.lose_next(Direction::to_client);
  EXPECT_EQ(client_.command({"INCR", key}).kind, RedisReply::Kind::lost);
  EXPECT_EQ(server_.command({"GET", key}).text, "1");
  EXPECT_EQ(client_.command({"INCR", key}).integer, 2);
}

TEST_F(Proxy, LosesTheRequestBeforeItIsDone) {
  const auto key = unique_name();
  proxy_.lose_next(Direction::to_server);
  EXPECT_EQ(client_.command({"INCR", key}).kind, RedisReply::Kind::lost);
  EXPECT_TRUE(server_.command({"GET", key}).is_nil());
}

TEST_F(Proxy, DribblesOneByteAtATime) {
  proxy_.dribble(Direction::to_server);
  proxy_.dribble(Direction::to_client);
  EXPECT_EQ(client_.command({"ECHO", "slowly but surely"}).text, "slowly but surely");
}

TEST_F(Proxy, HoldsBackWhileStalledAndGoesOnAfter) {
  ASSERT_EQ(client_.command({"PING"}).text, "PONG");
  proxy_.stall(Direction::to_client);
  RedisReply reply;
  std::thread waiting([&] { reply = client_.command({"ECHO", "late"}); });
  EXPECT_TRUE(eventually([&] { return proxy_.stats().forwarded_in(Direction::to_server) > 30; }));
  proxy_.heal();
  waiting.join();
  EXPECT_EQ(reply.text, "late");
}

TEST_F(Proxy, SwallowsUntilHealed) {
  ASSERT_EQ(client_.command({"PING"}).text, "PONG");
  RedisClient impatient({.port = proxy_.port(), .timeout = 100ms});
  proxy_.swallow(Direction::to_client);
  EXPECT_EQ(impatient.command({"PING"}).kind, RedisReply::Kind::lost);
  EXPECT_TRUE(proxy_.wait_for(
      [](const ProxyStats& stats) { return stats.swallowed_in(Direction::to_client) == 7; }));
  proxy_.heal();
  EXPECT_EQ(impatient.command({"PING"}).text, "PONG");
}

TEST_F(Proxy, DelaysEveryChunk) {
  proxy_.delay(Direction::to_client, 50ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client_.command({"PING"}).text, "PONG");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
}

TEST_F(Proxy, RefusesNewConnectionsAndCutsOldOnes) {
  ASSERT_EQ(client_.command({"PING"}).text, "PONG");
  proxy_.refuse();
  EXPECT_EQ(client_.command({"PING"}).text, "PONG");
  proxy_.cut_all();
  EXPECT_EQ(proxy_.stats().open, 0U);
  EXPECT_EQ(client_.command({"PING"}).kind, RedisReply::Kind::lost);
  EXPECT_EQ(client_.command({"PING"}).kind, RedisReply::Kind::lost);
  proxy_.heal();
  EXPECT_EQ(client_.command({"PING"}).text, "PONG");
}

TEST_F(Proxy, FollowsTheServerPort) {
  RedisServer other;
  ASSERT_EQ(client_.command({"PING"}).text, "PONG");
  proxy_.set_server_port(other.port());
  proxy_.cut_all(CutKind::close);
  EXPECT_EQ(client_.command({"PING"}).kind, RedisReply::Kind::lost);
  const auto info = client_.command({"INFO", "server"}).text;
  EXPECT_NE(info.find("process_id:" + std::to_string(other.pid())), std::string::npos);
}

TEST_F(Proxy, ServesManyConnectionsWhileRulesChange) {
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  std::atomic<bool> stops{false};
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      auto client = client_of(proxy_.port());
      while (!stops) {
        const auto reply = client.command({"PING"});
        EXPECT_TRUE(reply.kind == RedisReply::Kind::lost || reply.text == "PONG") << reply.text;
        answered += reply.text == "PONG" ? 1 : 0;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const int before = answered;
    EXPECT_TRUE(eventually([&] { return answered > before + 5; }));
    proxy_.cut_all(i % 2 == 0 ? CutKind::close : CutKind::reset);
    proxy_.lose_next(i % 3 == 0 ? Direction::to_server : Direction::to_client);
  }
  stops = true;
  for (auto& client : clients) {
    client.join();
  }
}

}  // namespace
}  // namespace dialogstore::test
