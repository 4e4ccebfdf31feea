// replay: what a bot lives through is stored once, found again, and whole after an interruption.
#include <gtest/gtest.h>
#include <signal.h>

#include "cli_program.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

std::string conversations(int dialogs, int turns) {
  std::string lines;
  for (int dialog = 0; dialog < dialogs; ++dialog) {
    lines += "{\"id\":\"d" + std::to_string(dialog) + "\",\"turns\":[";
    for (int turn = 0; turn < turns; ++turn) {
      const std::string name = std::to_string(dialog) + '.' + std::to_string(turn);
      lines += (turn > 0 ? ",{\"request\":\"ask " : "{\"request\":\"ask ") + name +
               "\",\"response\":\"answer " + name +
               "\",\"label\":[\"f\",\"n\"],\"misc\":{\"at\":" + std::to_string(turn) + "}}";
    }
    lines += "]}\n";
  }
  return lines;
}

class CliReplayTest : public testing::Test {
 protected:
  Cli cli;

  CliResult replay(const std::string& file, Cli::Arguments more = {}) {
    more.insert(more.begin(), {"--json", "replay", file});
    return cli.run(more);
  }
  static std::int64_t number(const CliResult& result, const char* name) {
    const auto object = result.json();
    return object.find(name)->as_int64().value_or(-1);
  }
};

TEST_F(CliReplayTest, StoresEveryTurnAsImportDoes) {
  cli.write_file("c.jsonl", conversations(20, 7));
  const auto result = replay("c.jsonl", {"--concurrency", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(number(result, "dialogs"), 20);
  EXPECT_EQ(number(result, "turns"), 140);
  EXPECT_EQ(number(result, "found"), 0);
  ASSERT_EQ(cli.run({"--store", "sqlite:///import.db", "import", "c.jsonl"}).exit_code, 0);
  for (const char* key : {"d0", "d19"}) {
    EXPECT_EQ(cli.run({"get", key}).out,
              cli.run({"--store", "sqlite:///import.db", "get", key}).out);
  }
}

TEST_F(CliReplayTest, ASecondRunFindsTheFirst) {
  cli.write_file("c.jsonl", conversations(20, 7));
  ASSERT_EQ(replay("c.jsonl").exit_code, 0);
  const std::string before = cli.run({"get", "d3"}).out;
  const auto second = replay("c.jsonl");
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(number(second, "turns"), 0);
  EXPECT_EQ(number(second, "found"), 20);
  EXPECT_EQ(number(second, "verified_turns"), 140);
  EXPECT_EQ(cli.run({"get", "d3"}).out, before);
  const auto text = cli.run({"replay", "c.jsonl"}).out;
  EXPECT_NE(text.find("20 dialogs found from an earlier run: all their 140 stored turns equal"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("user   ask 0.0\n"), std::string::npos) << text;
}

TEST_F(CliReplayTest, AgainGoesOnWithTheSameTurns) {
  cli.write_file("c.jsonl", conversations(3, 4));
  ASSERT_EQ(replay("c.jsonl").exit_code, 0);
  for (const int stored : {8, 12}) {
    const auto again = replay("c.jsonl", {"--again", "--history", "recent"});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(number(again, "turns"), 12);
    EXPECT_EQ(cli.run({"--json", "show", "d1"}).json_lines().size(),
              static_cast<std::size_t>(stored));
  }
  EXPECT_EQ(number(replay("c.jsonl"), "verified_turns"), 36);
}

TEST_F(CliReplayTest, AnUnfinishedDialogGoesOn) {
  cli.write_file("half.jsonl", conversations(5, 3));
  cli.write_file("whole.jsonl", conversations(5, 8));
  ASSERT_EQ(replay("half.jsonl").exit_code, 0);
  const auto rest = replay("whole.jsonl");
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(number(rest, "resumed"), 5);
  EXPECT_EQ(number(rest, "turns"), 25);
  EXPECT_EQ(number(replay("whole.jsonl"), "verified_turns"), 40);
}

TEST_F(CliReplayTest, OtherTurnsUnderAKeyAreReportedAndLeftAlone) {
  cli.write_file("c.jsonl", conversations(4, 3));
  cli.write_file("other.jsonl", R"({"id":"d2","turns":[{"request":"something else"}]})");
  ASSERT_EQ(cli.run({"import", "other.jsonl"}).exit_code, 0);
  const auto result = replay("c.jsonl");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(result.json().find("different")->text(), R"(["d2"])");
  EXPECT_EQ(number(result, "turns"), 9);
  EXPECT_NE(cli.run({"get", "d2"}).out.find("something else"), std::string::npos);
}

TEST_F(CliReplayTest, LimitsAndPrefixes) {
  cli.write_file("c.jsonl", conversations(9, 2));
  const auto result = replay("c.jsonl", {"--dialogs", "2", "--prefix", "p/"});
  EXPECT_EQ(number(result, "dialogs"), 2);
  EXPECT_EQ(cli.run({"ls", "--newest", "--prefix", "p/d"}).out.size(), 10U);
  EXPECT_EQ(cli.run({"len"}).out, "2\n");
}

TEST_F(CliReplayTest, ADamagedFileIsNoticedBeforeAnythingIsWritten) {
  cli.write_file("c.jsonl", conversations(3, 2) + "{\"id\":");
  const auto result = replay("c.jsonl");
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_NE(result.err.find("line 4: "), std::string::npos) << result.err;
  EXPECT_EQ(cli.run({"len"}).out, "0\n");
  const auto kept_going = replay("c.jsonl", {"--keep-going"});
  EXPECT_EQ(kept_going.exit_code, 5);
  EXPECT_EQ(number(kept_going, "dialogs"), 3);
}

TEST_F(CliReplayTest, CtrlCLeavesASoundStoreAndTheNextRunFinishes) {
  cli.write_file("c.jsonl", conversations(400, 30));
  const Cli::Arguments arguments{"--json", "replay", "c.jsonl", "--concurrency", "8"};
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto before = cli.run({"stats"}).out;
    const auto running = cli.start(arguments);
    EXPECT_TRUE(eventually([&] { return cli.run({"stats"}).out != before; }));
    running->signal(signal);
    const auto stopped = running->wait();
    ASSERT_EQ(stopped.exit_code, 130) << stopped.err;
    EXPECT_EQ(stopped.json().find("interrupted")->as_bool(), true);
    EXPECT_LT(number(stopped, "turns"), 12'000);
    EXPECT_EQ(cli.run({"check"}).exit_code, 0);
  }
  // The dialogs that were in hand are among the first; finishing all would only take longer.
  const auto finished = replay("c.jsonl", {"--dialogs", "10"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(number(finished, "dialogs"), 10);
  const auto verified = replay("c.jsonl", {"--dialogs", "10"});
  EXPECT_EQ(number(verified, "verified_turns"), 300);
  EXPECT_EQ(number(verified, "turns"), 0);
}

}  // namespace
}  // namespace dialogstore::test
