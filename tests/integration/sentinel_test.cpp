// The storage on a primary that real Sentinels watch over.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/eventually.hpp"
#include "support/redis_sentinels.hpp"
#include "support/scripted_peer.hpp"

namespace dialogstore::test {
namespace {

Context dialog(const std::string& text) {
  Context context(Json("id"));
  context.add_request(text);
  return context;
}

template <class Call>
std::pair<errc, std::string> error_of(Call&& call) {
  try {
    static_cast<void>(call());
    return {};
  } catch (const StorageError& error) {
    return {error.reason(), error.what()};
  }
}

TEST(Sentinel, AFailoverIsFollowedWhileADialogGoesOn) {
  RedisSentinels watched;
  const auto uri = watched.uri("durability=replicas:1&timeout=20s&namespace=" + unique_name());
  const auto storage = context_storage_factory(uri);
  std::atomic<bool> is_stopping = false;
  std::atomic<std::size_t> saved = 0;
  std::string failure;
  std::thread talk([&] {
    Context context(Json("id"));
    try {
      while (!is_stopping) {
        context.add_request(std::to_string(saved));
        storage->set_item("dialog", context);
        ++saved;
        // After the first failover there is no replica left to wait for.
        if (saved == 60) break;
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
  });
  EXPECT_TRUE(eventually([&] { return saved >= 60; }));
  talk.join();
  ASSERT_EQ(failure, "");

  // One that is wrong or gone is outvoted.
  watched.sentinel(0).kill9();
  const auto plain =
      context_storage_factory(watched.uri("timeout=20s&" + uri.substr(uri.find("namespace="))));
  auto context = plain->get_item("dialog");
  EXPECT_EQ(context.turn_count(), 60U);

  // It hangs: the replica takes over, and a save that waits in the old one goes on in the new one.
  watched.server(0).stop_process();
  watched.watch_closely();
  context.add_request("while it hangs");
  plain->set_item("dialog", context);
  EXPECT_TRUE(watched.wait_for_takeover(1));
  EXPECT_EQ(plain->get_item("dialog").turn_count(), 61U);

  // It wakes up, believes for a while that it is the primary, and gets no request.
  watched.server(0).continue_process();
  EXPECT_TRUE(eventually([&] { return !watched.is_primary(0); }));
  EXPECT_EQ(plain->get_item("dialog").last_request()->text, "while it hangs");
  EXPECT_TRUE(eventually([&] { return watched.server(0).info("master_link_status") == "up"; }));

  // A storage opened now finds the new one; and the way back, by a crash.
  EXPECT_EQ(context_storage_factory(uri)->len(), 1U);
  watched.server(1).kill9();
  watched.watch_closely();
  context.add_request("after the crash");
  plain->set_item("dialog", context);
  EXPECT_TRUE(eventually([&] { return watched.is_primary(0); }));
  EXPECT_EQ(plain->get_item("dialog").turn_count(), 62U);
}

TEST(Sentinel, APrimaryThatWasDeposedBehindOurBackIsLeft) {
  RedisSentinels watched({.may_be_cut_off = true});
  const auto space = unique_name();
  const auto storage = context_storage_factory(watched.uri("timeout=20s&namespace=" + space));
  auto context = dialog("before");
  storage->set_item("k", context);
  watched.cut_off(0);
  ASSERT_TRUE(watched.wait_for_takeover(1));
  // Nothing tells us: the connection stands, and the server calls itself the primary.
  ASSERT_TRUE(watched.is_primary(0));
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(storage->contains("k"));
    const auto clients = watched.server(0).command({"CLIENT", "LIST"});
    return !clients.is_error() && clients.text.find("name=dialogstore") == std::string::npos;
  }));
  EXPECT_TRUE(watched.is_primary(0));
  context = storage->get_item("k");
  context.add_request("after");
  storage->set_item("k", context);
  // A server that was made the primary has closed its connections.
  EXPECT_TRUE(eventually([&] {
    return watched.server(1).command({"LLEN", space + ":{k}"}).integer == 2;
  }));
  EXPECT_EQ(watched.server(0).command({"LLEN", space + ":{k}"}).integer, 1);
}

// What a Sentinel says when it is asked for the primary.
PeerScript names(const RedisServer& server, int epoch) {
  const auto bulk = [](const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  const auto address = "*2\r\n" + bulk(RedisServer::host()) + bulk(std::to_string(server.port()));
  const auto fields = "*2\r\n" + bulk("config-epoch") + bulk(std::to_string(epoch));
  return {expect("SENTINEL GET-MASTER-ADDR-BY-NAME svc"), expect("SENTINEL MASTER svc"),
          answer(address + fields)};
}

// It calls itself the primary, as one does that was started again with what it had long ago.
TEST(Sentinel, AServerThatIsDeposedWhileItIsConnectedToGetsNoRequest) {
  constexpr int questions = 50;
  RedisServer deposed;
  RedisServer primary;
  PeerScript script{expect("CLIENT SETNAME dialogstore"), answer("+OK\r\n")};
  for (int i = 0; i < questions; ++i) {
    const auto answers = i == 0 ? names(deposed, 1) : names(primary, 2);
    script.insert(script.end(), answers.begin(), answers.end());
  }
  ScriptedPeer sentinel({script});
  const auto storage = context_storage_factory(
      "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/svc");
  EXPECT_FALSE(storage->contains("k"));
  EXPECT_GE(primary.info("cmdstat_lrange"), "calls=1");
  EXPECT_EQ(deposed.info("cmdstat_lrange"), "");
  EXPECT_NE(deposed.info("cmdstat_role"), "") << "it was connected to";
  EXPECT_EQ(sentinel.mismatch(), "");
}

TEST(Sentinel, SaysWhatIsWrong) {
  RedisSentinels watched({.sentinels = 2, .password = "data", .sentinel_password = "watch"});
  const auto storage = context_storage_factory(watched.uri("namespace=" + unique_name()));
  storage->set_item("k", dialog("x"));
  EXPECT_EQ(storage->len(), 1U);

  const auto at = "127.0.0.1:" + std::to_string(watched.sentinel(0).port());
  const auto error_with = [&](const std::string& uri) {
    const auto broken = context_storage_factory(uri);
    return error_of([&] { return broken->len(); });
  };
  const auto unknown =
      error_with("redis+sentinel://:data@" + at + "/other?sentinel_password=watch");
  EXPECT_EQ(unknown.first, errc::invalid_argument);
  EXPECT_NE(unknown.second.find("\"other\""), std::string::npos) << unknown.second;
  const auto no_sentinel_password = error_with("redis+sentinel://:data@" + at + "/svc");
  EXPECT_EQ(no_sentinel_password.first, errc::auth_failed) << no_sentinel_password.second;
  const auto wrong = error_with("redis+sentinel://:secret@" + at + "/svc?sentinel_password=watch");
  EXPECT_EQ(wrong.first, errc::auth_failed);
  EXPECT_EQ(wrong.second.find("secret"), std::string::npos) << wrong.second;
  const auto away = error_with("redis+sentinel://127.0.0.1:" + std::to_string(free_port()) +
                               "/svc?timeout=300ms");
  EXPECT_EQ(away.first, errc::unavailable) << away.second;
  // A server that is no Sentinel.
  RedisServer server;
  const auto no_sentinel =
      error_with("redis+sentinel://127.0.0.1:" + std::to_string(server.port()) + "/svc");
  EXPECT_EQ(no_sentinel.first, errc::unsupported_server) << no_sentinel.second;
}

}  // namespace
}  // namespace dialogstore::test
