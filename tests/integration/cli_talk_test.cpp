// show, watch, chat, bench: dialogs as people meet them.
#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "cli_program.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

class CliTalkTest : public testing::Test {
 protected:
  Cli cli;

  void import(int turns, const std::string& text = "text") {
    std::string line = "{\"id\":\"talk\",\"turns\":[";
    for (int turn = 0; turn < turns; ++turn) {
      line += (turn > 0 ? "," : "") + std::string("{\"request\":") + Json(text).text() +
              ",\"response\":\"answer " + std::to_string(turn) +
              "\",\"label\":[\"flow\",\"node\"],\"misc\":{\"mood\":\"good\"}}";
    }
    const auto result = cli.run({"import", "--on-existing", "overwrite"}, line + "]}");
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  std::vector<std::int64_t> shown(const Cli::Arguments& more) {
    Cli::Arguments arguments{"--json", "show", "talk"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::int64_t> indices;
    for (const auto& turn : cli.run(arguments).json_lines()) {
      indices.push_back(*turn.find("turn")->as_int64());
    }
    return indices;
  }
};

TEST_F(CliTalkTest, ShowPrintsAConversation) {
  import(2);
  EXPECT_EQ(cli.run({"show", "talk"}).out,
            "talk  2 turns  id \"talk\"\n"
            "turn 0  flow / node\n  user   text\n  bot    answer 0\n"
            "turn 1  flow / node\n  user   text\n  bot    answer 1\n"
            "misc\n  mood  \"good\"\n");
}

TEST_F(CliTalkTest, ShowWrapsAndLetsNothingThroughToTheTerminal) {
  cli.set_environment("COLUMNS", "40");
  import(1, "evil \x1b[2J\x7f text that is longer than a line of forty columns\nand has two lines");
  const std::string out = cli.run({"show", "talk"}).out;
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
  EXPECT_NE(out.find("evil \\x1b[2J\\x7f"), std::string::npos) << out;
  EXPECT_NE(out.find("\n         and has two lines\n"), std::string::npos) << out;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 40U) << line;
}

TEST_F(CliTalkTest, ShowSelectsTurns) {
  import(10);
  using Indices = std::vector<std::int64_t>;
  EXPECT_EQ(shown({"--last", "2"}), (Indices{8, 9}));
  EXPECT_EQ(shown({"--from", "3", "--to", "5"}), (Indices{3, 4}));
  EXPECT_EQ(shown({"--from", "8"}), (Indices{8, 9}));
  EXPECT_EQ(shown({"--from", "-5", "--to", "1"}), (Indices{0}));
  EXPECT_EQ(shown({}).size(), 10U);
}

TEST_F(CliTalkTest, WatchPrintsTurnsAsTheyAreSaved) {
  import(1);
  const auto watch = cli.start({"--json", "watch", "talk", "--from", "0"});
  EXPECT_TRUE(eventually([&] { return watch->out().find("answer 0") != std::string::npos; }));
  import(2);
  EXPECT_TRUE(eventually([&] { return watch->out().find("answer 1") != std::string::npos; }))
      << watch->out() << watch->err();
  watch->signal(SIGINT);
  const auto result = watch->wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(result.json_lines().size(), 2U) << result.out;
}

TEST_F(CliTalkTest, ChatGoesOnAfterARestart) {
  cli.set_environment("COLUMNS", "160");
  const auto first = cli.run({"chat", "--user", "ann"}, "hi\nAnn\npizza\nfunghi\n");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.out.find("Nice to meet you, Ann"), std::string::npos) << first.out;
  const auto second = cli.run({"chat", "--user", "ann"}, "a large one\nyes\nbye\nnot read\n");
  EXPECT_EQ(second.out.rfind("bot  Welcome back, Ann! We stopped at your order.", 0), 0U)
      << second.out;
  EXPECT_NE(second.out.find("What size: small, medium, large?"), std::string::npos);
  EXPECT_NE(second.out.find("Your large funghi is on its way"), std::string::npos) << second.out;
  EXPECT_NE(second.out.find("Bye, Ann!"), std::string::npos);
  const JsonObject context = cli.run({"get", "chat:ann"}).json();
  EXPECT_EQ(context.find("requests")->as_object()->size(), 7U);
  EXPECT_EQ(context.find("misc")->text(), R"({"name":"Ann","pizzas_ordered":1})");
  EXPECT_EQ(*context.find("labels")->as_object()->find("2"),
            Json::parse(R"(["order","ask_kind"])"));
}

TEST_F(CliTalkTest, ChatUsersDoNotMix) {
  cli.run({"chat", "--user", "ann"}, "my name is Ann\n");
  const auto other = cli.run({"chat", "--user", "bob"}, "hi\n");
  EXPECT_EQ(other.out.find("Ann"), std::string::npos) << other.out;
  EXPECT_EQ(cli.run({"len"}).out, "2\n");
}

TEST_F(CliTalkTest, ChatAnswersInJson) {
  const auto lines = cli.run({"--json", "chat", "key"}, "hi\n\nhelp\n").json_lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].find("turn")->as_int64(), 1);
  EXPECT_EQ(lines[1].find("label")->text(), R"(["help","commands"])");
}

TEST_F(CliTalkTest, ChatRefusesWhatIsNoText) {
  const auto result = cli.run({"--json", "chat", "key"}, "\xff\xfe\nhi\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json_lines().size(), 1U);
  EXPECT_NE(result.err.find("not UTF-8"), std::string::npos);
}

TEST_F(CliTalkTest, ChatEndsAtCtrlCWithEveryTurnStored) {
  const auto chat = cli.start({"--json", "chat", "key"});
  chat->write("hi\n");
  EXPECT_TRUE(eventually([&] { return chat->out().find("\"turn\":0") != std::string::npos; }));
  chat->signal(SIGINT);
  EXPECT_EQ(chat->wait().exit_code, 130);
  EXPECT_EQ(cli.run({"--json", "show", "key"}).json_lines().size(), 1U);
}

TEST_F(CliTalkTest, BenchMeasuresAndLeavesNothing) {
  import(1);
  const auto result =
      cli.run({"--json", "bench", "--dialogs", "3", "--turns", "2", "--existing", "0,20"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto rows = result.json_lines();
  ASSERT_EQ(rows.size(), 2U) << result.out;
  EXPECT_EQ(rows[1].find("existing_turns")->as_int64(), 20);
  EXPECT_EQ(rows[1].find("turns")->as_int64(), 6);
  EXPECT_EQ(cli.run({"len"}).out, "1\n");
  EXPECT_EQ(cli.run({"check"}).exit_code, 0);
}

}  // namespace
}  // namespace dialogstore::test
