// A server whose clock jumps, whose certificate expires, and one that takes the place of a newer
// one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

// By how much the clock of a server that looks at it is ahead.
class Clock {
 public:
  Clock() { std::ofstream(path(), std::ios::binary) << std::string(sizeof(std::int64_t), '\0'); }
  void set(std::chrono::microseconds ahead) const {
    const std::int64_t number = ahead.count();
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    file.write(reinterpret_cast<const char*>(&number), sizeof number);
  }
  RedisServerOptions options() const {
    return {
        .environment = {"LD_PRELOAD=" DIALOGSTORE_CLOCK_SHIM, "DIALOGSTORE_TEST_CLOCK=" + path()}};
  }

 private:
  std::string path() const { return folder_ / "clock"; }

  TempDir folder_;
};

std::int64_t seconds_of(RedisServer& server) {
  return std::stoll(server.command({"TIME"}).elements.at(0).text);
}

TEST(Faults, ClockJumps) {
  const Clock clock;
  RedisServer server(clock.options());
  FaultRun run(
      {.name = "clock_jump", .promise = "no call fails and nothing is lost (no ttl)", .told = {}},
      storages_at(server, "timeout=10s"), server);
  run.repeat([&] {
    // A little and much, forward and back, always beyond what a save may be late.
    const auto hours = static_cast<int>(run.random()() % 49) - 24;
    clock.set(std::chrono::hours(hours));
    EXPECT_TRUE(run.workload().goes_on(10));
    EXPECT_NEAR(static_cast<double>(seconds_of(server)),
                static_cast<double>(std::time(nullptr) + hours * 3600), 60);
  });
  run.finish();
}

TEST(Faults, ClockJumpsAndContextsExpire) {
  const Clock clock;
  RedisServer server(clock.options());
  FaultRun run({.name = "clock_jump_ttl",
                .promise = "contexts expire by the server's clock, whole; callers are told gone",
                .told = {},
                .may_lose = true,
                .may_unlist = true},
               storages_at(server, "timeout=10s&ttl=1h"), server);
  std::chrono::hours ahead{0};
  run.repeat([&] {
    const auto from = right_now();
    clock.set(ahead += std::chrono::hours(2));
    EXPECT_TRUE(run.workload().goes_on(10));
    run.allow_loss(What::everything, from);
  });
  EXPECT_GE(std::stoll(server.command({"TIME"}).texts().at(0)), std::time(nullptr) + 3600)
      << "the server has no clock of its own";
  run.finish();
}

// A context that lives on after a jump is listed for as long as it lives, whoever lets it live on
// and however long ago he last looked at the clock.
class ListingAfterAJump : public testing::Test {
 protected:
  std::unique_ptr<DBContextStorage> open(const std::string& more = "") const {
    return context_storage_factory(server_.uri("namespace=jump&ttl=1h" + more));
  }
  void jump(std::chrono::minutes by) { clock_.set(ahead_ += by); }
  // 90 minutes after it was stored; it was used 30 minutes ago.
  void expect_listed() {
    jump(std::chrono::minutes(30));
    const auto fresh = open();
    EXPECT_TRUE(fresh->contains("a"));
    EXPECT_EQ(fresh->len(), 1U);
    EXPECT_EQ(fresh->scan({}, {.order = ScanOrder::newest_first}).keys.size(), 1U);
  }
  static Context dialog() {
    Context context;
    context.add_request("hello");
    return context;
  }

  const Clock clock_;
  std::chrono::minutes ahead_{0};
  RedisServer server_{clock_.options()};
};

TEST_F(ListingAfterAJump, OfASaveThatWasListedJustBefore) {
  const auto storage = open();
  auto context = dialog();
  storage->set_item("a", context);
  jump(std::chrono::minutes(45));
  context.add_request("still there?");
  storage->set_item("a", context);
  jump(std::chrono::minutes(15));
  expect_listed();
}

TEST_F(ListingAfterAJump, OfASaveByWhoListsItForTheFirstTime) {
  auto context = dialog();
  open()->set_item("a", context);
  const auto storage = open();
  EXPECT_EQ(storage->len(), 1U);  // it knows the clock now
  auto loaded = storage->get_item("a");
  jump(std::chrono::minutes(45));
  loaded.add_request("still there?");
  storage->set_item("a", loaded);
  jump(std::chrono::minutes(15));
  expect_listed();
}

TEST_F(ListingAfterAJump, OfALoadThatCountsAsUse) {
  const auto storage = open("&ttl_on_read=yes");
  auto context = dialog();
  storage->set_item("a", context);
  jump(std::chrono::minutes(45));
  EXPECT_TRUE(storage->find("a"));
  jump(std::chrono::minutes(15));
  expect_listed();
}

// Who counts may have looked at the clock before it was set, too; and it may be set back.
TEST_F(ListingAfterAJump, IsCountedByTheClockAsItIs) {
  const auto storage = open();
  EXPECT_EQ(storage->len(), 0U);
  jump(-std::chrono::hours(3));
  auto context = dialog();
  open()->set_item("a", context);
  EXPECT_EQ(storage->len(), 1U);
  EXPECT_EQ(storage->scan({}, {.order = ScanOrder::newest_first}).keys.size(), 1U);
  jump(std::chrono::hours(2));
  EXPECT_EQ(storage->len(), 0U);
}

TEST(Faults, CertificateExpired) {
  RedisServer server({.has_tls = true});
  const auto issued = [&](const std::string& name, bool is_expired) {
    return server.certificates().issue({.name = name, .is_expired = is_expired});
  };
  const auto good = issued("good", false);
  const auto expired = issued("expired", true);
  const auto show = [&](const CertificateFiles& files) {
    const auto reply = server.command(
        {"CONFIG", "SET", "tls-cert-file", files.certificate, "tls-key-file", files.key});
    ASSERT_FALSE(reply.is_error()) << reply.text;
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  };
  const auto authority = "&tls_ca=" + server.certificates().certificate().string();
  FaultRun run({.name = "certificate_expired",
                .promise = "tls_error, nothing written, until the certificate is renewed",
                .told = told_besides(errc::tls_error)},
               storages_at([&](const std::string& all) { return server.tls_uri(all + authority); }),
               server);
  run.repeat([&] {
    show(expired);
    EXPECT_TRUE(run.workload().are_refused(10));
    show(good);
  });
  run.finish();
}

// ---- another server in its place ----------------------------------------------------------------

// What an operator does who goes back: all keys, as they are.
void copy_all(RedisServer& from, RedisServer& to) {
  to.command({"FLUSHALL"});
  for (const auto& name : from.command({"KEYS", "*"}).texts()) {
    const auto type = from.command({"TYPE", name}).text;
    std::vector<std::string> command;
    if (type == "list") {
      command = from.command({"LRANGE", name, "0", "-1"}).texts();
      command.insert(command.begin(), {"RPUSH", name});
    } else if (type == "hash") {
      command = from.command({"HGETALL", name}).texts();
      command.insert(command.begin(), {"HSET", name});
    } else {
      command = {"ZADD", name};
      const auto entries = from.command({"ZRANGE", name, "0", "-1", "WITHSCORES"}).texts();
      for (std::size_t i = 0; i < entries.size(); i += 2) {
        command.insert(command.end(), {entries[i + 1], entries[i]});
      }
    }
    const auto life = from.command({"PTTL", name}).integer;
    EXPECT_FALSE(to.command(command).is_error()) << name;
    if (life > 0) to.command({"PEXPIRE", name, std::to_string(life)});
  }
}

std::string older_program() {
  const char* given = std::getenv("DIALOGSTORE_TEST_OLDER_REDIS_SERVER");
  return given == nullptr || *given == '\0' ? DIALOGSTORE_OLDER_REDIS_SERVER : given;
}

TEST(Faults, ReplacedByAnOlderServer) {
  if (::access(older_program().c_str(), X_OK) != 0) {
    GTEST_SKIP() << "there is no older redis-server: run tools/fetch-other-servers, or set "
                    "DIALOGSTORE_TEST_OLDER_REDIS_SERVER";
  }
  RedisServer newer;
  RedisServer older({.program = older_program()});
  ASSERT_NE(newer.info("redis_version"), older.info("redis_version"));
  std::cout << older.info("redis_version") << " after " << newer.info("redis_version") << '\n';
  TcpProxy proxy(newer.port());
  RedisServer* current = &newer;
  FaultRun run({.name = "older_server",
                .promise = "no call fails, nothing is lost",
                .told = {errc::unavailable, errc::outcome_unknown, errc::timed_out}},
               storages_at([&](const std::string& all) { return proxy.uri(all); }, "timeout=5s"),
               [&] { return std::vector{current}; });
  run.repeat([&] {
    RedisServer* next = current == &newer ? &older : &newer;
    proxy.refuse();
    proxy.cut_all();
    // What had arrived before the cut is done first.
    EXPECT_TRUE(eventually([&] { return current->info("connected_clients") == "1"; }));
    copy_all(*current, *next);
    current = next;
    proxy.set_server_port(next->port());
    proxy.heal();
  });
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
