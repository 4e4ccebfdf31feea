// The command line on a real server: every command, the errors of servers, dialogs that DFF wrote,
// and Ctrl-C in the middle of long work.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli_program.hpp"
#include "support/eventually.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

// As DFF 0.7 writes it.
std::string dff_value(int number) {
  return R"({"id":")" + std::to_string(number) +
         R"(","labels":{"0":["greeting","hello"]},"requests":{"0":{"text":"Привет )" +
         std::to_string(number) +
         R"(","commands":null,"attachments":null,"annotations":null,"misc":null}},)"
         R"("responses":{},"misc":{"big":123456789012345678901234567890},"validation":false,)"
         R"("framework_states":{}})";
}

std::string conversations(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    lines += R"({"id":"c)" + std::to_string(i) +
             R"(","turns":[{"request":"Hi","response":"Hello"}]})" + "\n";
  }
  return lines;
}

class CliRedisTest : public testing::Test {
 protected:
  CliResult ok(const Cli::Arguments& arguments, const std::string& input = {}) {
    auto result = cli.run(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << testing::PrintToString(arguments) << result.err;
    return result;
  }
  CliResult on(const std::string& uri, Cli::Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {"--store", uri});
    return cli.run(arguments, input);
  }
  std::set<std::string> keys(const std::string& uri) {
    std::set<std::string> all;
    for (const auto& line : ok({"--store", uri, "--json", "ls"}).json_lines()) {
      all.insert(*line.find("key")->as_string());
    }
    return all;
  }
  std::map<std::string, std::string> content(const std::string& uri) {
    std::map<std::string, std::string> all;
    for (const auto& line : ok({"--store", uri, "export"}).json_lines()) {
      if (line.contains("key")) {
        all[*line.find("key")->as_string()] = line.find("context")->text();
      }
    }
    return all;
  }
  static std::string database(const RedisServer& server, int number) {
    return "redis://127.0.0.1:" + std::to_string(server.port()) + "/" + std::to_string(number);
  }

  Cli cli;
};

TEST_F(CliRedisTest, EveryCommandOfOneContextWorks) {
  const auto uri = shared_redis().uri("namespace=" + unique_name());
  cli.set_environment("DIALOGSTORE_URI", uri);
  EXPECT_EQ(cli.run({"has", "k"}).exit_code, 1);
  ok({"set", "k"}, dff_value(7));
  EXPECT_EQ(cli.run({"set", "--create", "k"}, dff_value(8)).exit_code, 4);
  EXPECT_EQ(ok({"get", "k"}).out, dff_value(7) + "\n");
  EXPECT_EQ(ok({"has", "k"}).out, "yes\n");
  EXPECT_EQ(ok({"len"}).out, "1\n");
  EXPECT_EQ(ok({"ls"}).out, "k\n");
  EXPECT_NE(ok({"show", "k"}).out.find("Привет 7"), std::string::npos);
  EXPECT_TRUE(ok({"--json", "check"}).json().find("sound")->as_bool());
  EXPECT_GT(ok({"--json", "stats"}).json().size(), 3U);
  EXPECT_EQ(ok({"del", "k"}).exit_code, 0);
  EXPECT_EQ(cli.run({"del", "k"}).exit_code, 1);
  ok({"import"}, conversations(3));
  EXPECT_EQ(cli.run({"clear"}).exit_code, 2) << "nobody to ask";
  EXPECT_EQ(ok({"--json", "clear", "--yes"}).out, "{\"removed\":3}\n");
  EXPECT_EQ(ok({"len"}).out, "0\n");
}

TEST_F(CliRedisTest, ADialogGoesOnAndIsWatched) {
  cli.set_environment("DIALOGSTORE_URI", shared_redis().uri("namespace=" + unique_name()));
  ok({"chat", "talk"}, "hi\nAnn\n");
  const auto watch = cli.start({"--json", "watch", "talk"});
  const auto second = ok({"chat", "talk"}, "pizza\n");
  EXPECT_NE(second.out.find("Welcome back, Ann"), std::string::npos) << second.out;
  // The watcher may have begun after that turn.
  EXPECT_TRUE(eventually([&] {
    ok({"chat", "talk"}, "hi\n");
    return watch->out().find("\"turn\":") != std::string::npos;
  }));
  watch->signal(SIGTERM);
  EXPECT_EQ(watch->wait().exit_code, 130);
}

TEST_F(CliRedisTest, WhatServersRefuseHasItsExitCodeAndNoPassword) {
  RedisServer server({.password = "right-horse"});
  const auto wrong = on("redis://:wrong-horse@127.0.0.1:" + std::to_string(server.port()), {"len"});
  EXPECT_EQ(wrong.exit_code, 6) << wrong.err;
  EXPECT_EQ(wrong.err.find("horse"), std::string::npos) << wrong.err;
  const auto nobody =
      on("redis://127.0.0.1:" + std::to_string(free_port()) + "/?timeout=300ms", {"get", "k"});
  EXPECT_EQ(nobody.exit_code, 3) << nobody.err;
  EXPECT_EQ(on("redis://127.0.0.1/x", {"len"}).exit_code, 2);
  RedisServer replica({.config = {"replicaof 127.0.0.1 " + std::to_string(server.port())}});
  const auto read_only = on(replica.uri("timeout=1s"), {"set", "k"}, dff_value(1));
  EXPECT_EQ(read_only.exit_code, 6) << read_only.err;
}

TEST_F(CliRedisTest, ExportAndImportMoveDialogsBetweenServersAndFiles) {
  const auto source = shared_redis().uri("namespace=" + unique_name());
  const auto target = shared_redis().uri("namespace=" + unique_name());
  ok({"--store", source, "import"}, conversations(30));
  ok({"--store", source, "set", "dff"}, dff_value(1));
  const auto exported = ok({"--store", source, "export"}).out;
  ok({"--store", target, "import"}, exported);
  ok({"--store", "sqlite:///file.db", "import"}, exported);
  EXPECT_EQ(content(source).size(), 31U);
  EXPECT_EQ(content(target), content(source));
  EXPECT_EQ(content("sqlite:///file.db"), content(source));
}

TEST_F(CliRedisTest, MigrateTakesOverWhatDffStored) {
  RedisServer server;  // of its own: layout=dff sees every key of the database
  std::map<std::string, std::string> stored;
  for (int i = 0; i < 50; ++i) {
    const auto key = "user " + std::to_string(i);
    stored[key] = dff_value(i);
    server.command({"SET", key, stored[key]});
  }
  const auto source = server.uri("layout=dff");
  const auto target = database(server, 1);
  const auto tried = ok({"--json", "migrate", "--dry-run", source, target});
  EXPECT_EQ(tried.json().find("migrated")->as_int64(), 50);
  EXPECT_EQ(ok({"--store", target, "len"}).out, "0\n");
  const auto done = ok({"--json", "migrate", source, target});
  EXPECT_EQ(done.json().find("migrated")->as_int64(), 50);
  EXPECT_EQ(content(target), stored);
  for (const auto& [key, value] : stored) {
    EXPECT_EQ(server.command({"GET", key}).text, value) << "the source is only read";
  }
  EXPECT_EQ(cli.run({"migrate", source, target}).exit_code, 4);
  const auto again = ok({"--json", "migrate", "--on-existing", "skip", source, target});
  EXPECT_EQ(again.json().find("skipped")->as_int64(), 50);
}

TEST_F(CliRedisTest, MigrateLeavesAloneWhatIsNotDffsAndNamesWhatIsDamaged) {
  RedisServer server;
  const auto source = server.uri("layout=dff");
  server.command({"SET", "good", dff_value(1)});
  server.command({"SET", "session:9", "no JSON of DFF"});
  server.command({"LPUSH", "queue", "job"});
  const auto sound = ok({"--json", "migrate", source, "sqlite:///new.db"});
  EXPECT_EQ(sound.json().find("migrated")->as_int64(), 1);
  EXPECT_EQ(keys("sqlite:///new.db"), std::set<std::string>{"good"});
  const auto cut = dff_value(2).substr(0, dff_value(2).size() - 5);
  server.command({"SET", "cut", cut});
  const auto damaged = cli.run({"migrate", source, "sqlite:///other.db"});
  EXPECT_EQ(damaged.exit_code, 5);
  EXPECT_NE(damaged.err.find("cut"), std::string::npos) << damaged.err;
  EXPECT_EQ(server.command({"GET", "cut"}).text, cut);
  EXPECT_EQ(server.command({"GET", "session:9"}).text, "no JSON of DFF");
}

// Long work on a slow line, stopped when it is well under way.
class CliInterruptTest : public CliRedisTest {
 protected:
  static constexpr int many = 2'000;

  CliResult interrupt(const Cli::Arguments& arguments, std::uint64_t after_bytes) {
    const auto begun = proxy.stats().forwarded_in(Direction::to_client);
    proxy.delay(Direction::to_client, 10ms);
    const auto running = cli.start(arguments);
    EXPECT_TRUE(proxy.wait_for(
        [&](const ProxyStats& stats) {
          return stats.forwarded_in(Direction::to_client) > begun + after_bytes;
        },
        30s))
        << running->err();
    proxy.stall(Direction::to_client);
    running->signal(SIGINT);
    proxy.heal();
    return running->wait();
  }

  RedisServer server;
  TcpProxy proxy{server.port()};
};

TEST_F(CliInterruptTest, AnExportLeavesNoFile) {
  ok({"--store", server.uri(), "import"}, conversations(many));
  cli.write_file("all.jsonl", "the one of yesterday");
  const auto result = interrupt({"--store", proxy.uri(), "export", "all.jsonl"}, 100'000);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_NE(result.err.find("interrupted after"), std::string::npos) << result.err;
  EXPECT_EQ(cli.read_file("all.jsonl"), "the one of yesterday");
  EXPECT_FALSE(std::filesystem::exists(cli.path("all.jsonl.part")));
}

TEST_F(CliInterruptTest, AnImportSaysWhatIsStoredAndGoesOn) {
  cli.write_file("all.jsonl", conversations(many));
  const auto result = interrupt({"--store", proxy.uri(), "--json", "import", "all.jsonl"}, 10'000);
  ASSERT_EQ(result.exit_code, 130) << result.err;
  const auto imported = result.json().find("imported")->as_int64().value_or(-1);
  EXPECT_EQ(result.json().find("interrupted")->as_bool(), true);
  EXPECT_LT(imported, many);
  EXPECT_EQ(ok({"--store", server.uri(), "len"}).out, std::to_string(imported) + "\n");
  const auto rest =
      ok({"--store", server.uri(), "--json", "import", "--on-existing", "skip", "all.jsonl"});
  EXPECT_EQ(rest.json().find("skipped")->as_int64(), imported);
  EXPECT_EQ(rest.json().find("imported")->as_int64(), many - imported);
  EXPECT_EQ(ok({"--store", server.uri(), "check"}).exit_code, 0);
}

TEST_F(CliInterruptTest, AnImportThatWaitsForAPipeEndsToo) {
  const auto running = cli.start({"--store", server.uri(), "--json", "import"});
  // More than the program reads at a time, and no end.
  running->write(conversations(4'000));
  EXPECT_TRUE(eventually([&] {
    return ok({"--store", server.uri(), "len"}).out != "0\n";
  })) << running->err();
  running->signal(SIGINT);
  const auto result = running->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  const auto imported = result.json().find("imported")->as_int64().value_or(-1);
  EXPECT_EQ(ok({"--store", server.uri(), "len"}).out, std::to_string(imported) + "\n");
}

TEST_F(CliInterruptTest, WhatWasStartedIgnoringItGoesOn) {
  const auto running =
      cli.start({"--store", server.uri(), "--json", "import"}, Cli::Interrupts::ignored);
  constexpr int more_than_is_read_at_a_time = 4'000;
  running->write(conversations(more_than_is_read_at_a_time));
  EXPECT_TRUE(eventually([&] {
    return ok({"--store", server.uri(), "len"}).out != "0\n";
  })) << running->err();
  running->signal(SIGINT);
  running->close_input();
  const auto result = running->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json().find("imported")->as_int64(), more_than_is_read_at_a_time);
}

TEST_F(CliInterruptTest, AMigrationSaysWhatIsThereAndGoesOn) {
  ok({"--store", "sqlite:///source.db", "import"}, conversations(many));
  const auto result = interrupt({"--json", "migrate", "sqlite:///source.db", proxy.uri()}, 10'000);
  ASSERT_EQ(result.exit_code, 130) << result.err;
  const auto migrated = result.json().find("migrated")->as_int64().value_or(-1);
  EXPECT_LT(migrated, many);
  EXPECT_EQ(ok({"--store", server.uri(), "len"}).out, std::to_string(migrated) + "\n");
  ok({"migrate", "--on-existing", "skip", "sqlite:///source.db", server.uri()});
  EXPECT_EQ(content(server.uri()), content("sqlite:///source.db"));
}

TEST_F(CliInterruptTest, ABenchClearsWhatItMade) {
  ok({"--store", server.uri(), "set", "mine"}, dff_value(1));
  const auto result =
      interrupt({"--store", proxy.uri(), "bench", "--dialogs", "50", "--turns", "1000"}, 20'000);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(ok({"--store", server.uri("namespace=dialogstore-bench"), "len"}).out, "0\n");
  EXPECT_EQ(ok({"--store", server.uri(), "len"}).out, "1\n");
}

}  // namespace
}  // namespace dialogstore::test
