// The command line: arguments, single contexts, the storage as a whole, exit codes.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli_program.hpp"
#include "dialogstore/context.hpp"

namespace dialogstore::test {
namespace {

using testing::Test;

constexpr const char* edge_context =
    R"({"id":42,"labels":{"0":["f","n"]},"requests":{"0":{"text":"Привет\t\u000b/😀","commands":null,)"
    R"("attachments":null,"annotations":null,"misc":null,"ui":{"kb":[1]}}},"responses":{"0":{"text":null,)"
    R"("commands":null,"attachments":{"files":[{"source":"https://e.com/a%20b.png","id":null,)"
    R"("title":null}]},"annotations":null,"misc":{"1":[1,2],"f":1.0,"n":null,"e":1e+20}}},"misc":)"
    R"({"big":123456789012345678901234567890,"dec":"1.50"},"validation":false,"framework_states":{}})";

class CliTest : public Test {
 protected:
  Cli cli;

  void store(const std::string& key, const std::string& json = edge_context) {
    const auto result = cli.run({"set", "--", key}, json);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
};

TEST_F(CliTest, EveryCommandHasHelpWithExamples) {
  for (const char* command :
       {"get", "set", "del", "has", "ls", "len", "clear", "show", "stats", "export", "import",
        "migrate", "check", "watch", "chat", "bench", "replay"}) {
    const auto result = cli.run({command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_NE(result.out.find("Examples:\n  "), std::string::npos) << command;
    EXPECT_EQ(result.err, "") << command;
  }
  EXPECT_NE(cli.run({"--help"}).out.find("Exit codes:"), std::string::npos);
  EXPECT_EQ(cli.run({"--version"}).out.rfind("dialogstore 0.", 0), 0U);
}

TEST_F(CliTest, WrongArgumentsAreUsageErrors) {
  const std::vector<Cli::Arguments> wrong{{},
                                          {"nonsense"},
                                          {"get"},
                                          {"get", "a", "b"},
                                          {"ls", "--limit", "many"},
                                          {"--bogus", "len"},
                                          {"import", "--format", "xml", "file"},
                                          {"replay", "file", "--concurrency", "0"},
                                          {"migrate", "memory://", "memory://"},
                                          {"--base64", "get", "***"},
                                          {"get", ""},
                                          {"get", std::string(600, 'k')}};
  for (const auto& arguments : wrong) {
    const auto result = cli.run(arguments);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments) << result.err;
    EXPECT_EQ(result.err.rfind("dialogstore: ", 0), 0U) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliTest, AContextComesBackByteForByte) {
  store("user-1");
  const auto result = cli.run({"get", "user-1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, std::string(edge_context) + '\n');
}

TEST_F(CliTest, AKeyMayLookLikeACommandOrAnOption) {
  for (const char* key : {"ls", "get", "--help", "-x"}) {
    store(key);
    EXPECT_EQ(cli.run({"has", "--", key}).exit_code, 0) << key;
  }
  EXPECT_EQ(cli.run({"len"}).out, "4\n");
}

TEST_F(CliTest, TheDefaultStorageIsAPrivateFileInTheDataFolder) {
  store("a");
  EXPECT_TRUE(std::filesystem::exists(cli.path("data/dialogstore/dialogs.db")));
  const auto mode = std::filesystem::status(cli.path("data/dialogstore")).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::mask, std::filesystem::perms::owner_all);
  cli.set_environment("XDG_DATA_HOME", "relative/is/ignored");
  EXPECT_EQ(cli.run({"has", "a"}).exit_code, 1);
  EXPECT_TRUE(std::filesystem::exists(cli.path(".local/share/dialogstore/dialogs.db")));
}

TEST_F(CliTest, TheStorageComesFromTheOptionThenFromTheEnvironment) {
  cli.set_environment("DIALOGSTORE_URI", "sqlite:///environment.db");
  store("a");
  EXPECT_TRUE(std::filesystem::exists(cli.path("environment.db")));
  EXPECT_EQ(cli.run({"--store", "sqlite:///option.db", "has", "a"}).exit_code, 1);
  EXPECT_EQ(cli.run({"has", "a", "--store", "sqlite:///environment.db"}).exit_code, 0);
}

TEST_F(CliTest, AbsentIsExitCodeOne) {
  for (const auto& arguments :
       std::vector<Cli::Arguments>{{"get", "x"}, {"show", "x"}, {"del", "x"}, {"has", "x"}}) {
    EXPECT_EQ(cli.run(arguments).exit_code, 1) << arguments[0];
  }
  EXPECT_EQ(cli.run({"has", "x"}).out, "no\n");
  EXPECT_EQ(cli.run({"--quiet", "has", "x"}).out, "");
  EXPECT_NE(cli.run({"get", "x"}).err.find("key_not_found"), std::string::npos);
}

TEST_F(CliTest, CreateRefusesATakenKey) {
  EXPECT_EQ(cli.run({"set", "a", "--create"}, edge_context).exit_code, 0);
  const auto result = cli.run({"set", "a", "--create"}, edge_context);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("already_exists"), std::string::npos) << result.err;
}

TEST_F(CliTest, SetReadsAFileAndAnswersInJson) {
  cli.write_file("context.json", edge_context);
  const auto result = cli.run({"--json", "set", "a", "context.json"});
  EXPECT_EQ(result.out, "{\"key\":\"a\",\"turns\":1}\n");
  EXPECT_EQ(cli.run({"set", "a", "missing.json"}).exit_code, 8);
  const auto damaged = cli.run({"set", "a"}, "{\"id\":");
  EXPECT_EQ(damaged.exit_code, 5);
  EXPECT_NE(damaged.err.find("invalid_json"), std::string::npos) << damaged.err;
  EXPECT_EQ(cli.run({"set", "a"}, "\"\xff\"").exit_code, 5);
  EXPECT_EQ(cli.run({"get", "a"}).out, std::string(edge_context) + '\n');
}

TEST_F(CliTest, DelTakesSeveralKeysAndNamesTheAbsent) {
  store("a");
  store("b");
  const auto result = cli.run({"--json", "del", "a", "nobody", "b"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "{\"deleted\":2,\"absent\":[{\"key\":\"nobody\"}]}\n");
  EXPECT_EQ(cli.run({"len"}).out, "0\n");
}

TEST_F(CliTest, LsListsKeysUnambiguously) {
  store("plain");
  store("tab\there\x1b[31m");
  store("back\\slash");
  ASSERT_EQ(cli.run({"--base64", "set", "/wA="}, edge_context).exit_code, 0);  // ff 00
  const auto lines = cli.run({"ls"}).out;
  EXPECT_NE(lines.find("plain\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("tab\\x09here\\x1b[31m\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("back\\\\slash\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("\\xff\\x00\n"), std::string::npos) << lines;
  std::size_t exact = 0;
  for (const auto& object : cli.run({"ls", "--json"}).json_lines()) {
    if (const Json* key = object.find("key")) exact += *key->as_string() == "tab\there\x1b[31m";
    if (const Json* key = object.find("key_base64")) exact += *key->as_string() == "/wA=";
  }
  EXPECT_EQ(exact, 2U);
  EXPECT_EQ(cli.run({"--base64", "get", "/wA="}).out, std::string(edge_context) + '\n');
}

TEST_F(CliTest, LsSelectsAndOrders) {
  for (const char* key : {"user-1", "user-2", "bot-1"}) store(key);
  EXPECT_EQ(cli.run({"ls", "--prefix", "bot"}).out, "bot-1\n");
  EXPECT_EQ(cli.run({"ls", "--newest", "--limit", "1"}).out, "bot-1\n");
  EXPECT_EQ(cli.run({"ls", "--newest"}).out, "bot-1\nuser-2\nuser-1\n");
}

TEST_F(CliTest, ClearWantsToBeToldTwice) {
  store("a");
  const auto refused = cli.run({"clear"}, "y\n");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--yes"), std::string::npos);
  EXPECT_EQ(cli.run({"len"}).out, "1\n");
  EXPECT_EQ(cli.run({"--json", "clear", "--yes"}).out, "{\"removed\":1}\n");
  EXPECT_EQ(cli.run({"--json", "len"}).out, "{\"contexts\":0}\n");
}

TEST_F(CliTest, ClearLeavesOtherNamespacesAlone) {
  for (const char* name : {"one", "two"}) {
    const std::string uri = std::string("sqlite:///shared.db?namespace=") + name;
    ASSERT_EQ(cli.run({"--store", uri, "set", "a"}, edge_context).exit_code, 0);
  }
  EXPECT_EQ(cli.run({"--store", "sqlite:///shared.db?namespace=one", "clear", "--yes"}).exit_code,
            0);
  EXPECT_EQ(cli.run({"--store", "sqlite:///shared.db?namespace=two", "len"}).out, "1\n");
}

TEST_F(CliTest, StatsAndCheckAnswerInJson) {
  store("a");
  EXPECT_FALSE(cli.run({"--json", "stats"}).json().empty());
  const auto check = cli.run({"--json", "check"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_EQ(check.json().find("sound")->as_bool(), true);
  EXPECT_EQ(check.json().find("contexts")->as_int64(), 1);
  EXPECT_EQ(cli.run({"check", "--repair"}).exit_code, 0);
}

TEST_F(CliTest, AMisspeltCommandIsNamedBesideThoseThereAre) {
  const auto misspelt = cli.run({"gett", "a"});
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_NE(misspelt.err.find("there is no command \"gett\""), std::string::npos) << misspelt.err;
  EXPECT_NE(misspelt.err.find(" get "), std::string::npos) << misspelt.err;
  const auto without_value = cli.run({"--store"});
  EXPECT_EQ(without_value.exit_code, 2);
  EXPECT_NE(without_value.err.find("--store"), std::string::npos) << without_value.err;
  const auto missing = cli.run({"--json"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_NE(missing.err.find("a command is missing"), std::string::npos) << missing.err;
}

TEST_F(CliTest, NoPasswordIsEverPrinted) {
  const std::vector<std::string> uris{
      "redis://user:hunter2@127.0.0.1:1/0?timeout=300ms",
      "redis://user:hunter2@127.0.0.1:1/0?bogus=1", "redis://user:hunter2@127.0.0.1:port/0",
      "rediss//user:hunter2@127.0.0.1", "redis+unix:///none.sock?password=hunter2&timeout=300ms"};
  for (const auto& uri : uris) {
    for (const auto& arguments : std::vector<Cli::Arguments>{{"--store", uri, "len"},
                                                             {"--store", uri, "bench"},
                                                             {"--store", uri, "clear"},
                                                             {"get", "a", uri},
                                                             {uri, "len"},
                                                             {uri},
                                                             {"--storage=" + uri, "len"},
                                                             {"migrate", uri, "memory://"},
                                                             {"migrate", uri, uri}}) {
      const auto result = cli.run(arguments);
      EXPECT_TRUE(result.exit_code == 2 || result.exit_code == 3)
          << testing::PrintToString(arguments) << result.exit_code << result.err;
      EXPECT_EQ((result.out + result.err).find("hunter2"), std::string::npos) << result.err;
    }
  }
}

TEST_F(CliTest, AServerThatIsNotThereIsUnavailable) {
  const auto result = cli.run({"--store", "redis://127.0.0.1:1?timeout=300ms", "get", "a"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
}

TEST_F(CliTest, AFileThatIsNoDatabaseIsLeftAlone) {
  cli.write_file("notes.txt", std::string(5000, 'n'));
  const auto result = cli.run({"--store", "sqlite:///notes.txt", "len"});
  EXPECT_TRUE(result.exit_code == 5 || result.exit_code == 8) << result.exit_code << result.err;
  EXPECT_EQ(cli.read_file("notes.txt"), std::string(5000, 'n'));
}

}  // namespace
}  // namespace dialogstore::test
