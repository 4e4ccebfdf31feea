// export, import, migrate: everything comes back byte for byte, and what is damaged is named.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "cli_program.hpp"

namespace dialogstore::test {
namespace {

// Two conversations written for this test, in the shape of the Schema-Guided Dialogue corpus.
constexpr const char* sgd_line =
    R"({"dialogue_id":"7_00001","services":["Trains_9"],"turns":[)"
    R"({"frames":[{"actions":[],"service":"Trains_9","slots":[],"state":{"active_intent":"FindTrain",)"
    R"("requested_slots":[],"slot_values":{"to":["Oslo"]}}}],"speaker":"USER","utterance":"A train to Oslo"},)"
    R"({"frames":[{"actions":[{"act":"REQUEST"}],"service":"Trains_9","slots":[]}],"speaker":"SYSTEM",)"
    R"("utterance":"When?"},)"
    R"({"frames":[{"actions":[],"service":"Trains_9","slots":[],"state":{"active_intent":"BuyTicket",)"
    R"("requested_slots":[],"slot_values":{"day":["Monday"],"to":["Oslo"]}}}],"speaker":"USER",)"
    R"("utterance":"On Monday"}]})";

class CliBulkTest : public testing::Test {
 protected:
  Cli cli;

  CliResult ok(const Cli::Arguments& arguments, const std::string& input = {}) {
    auto result = cli.run(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << testing::PrintToString(arguments) << result.err;
    return result;
  }

  // Keys (base64 where they are no text) and contexts of a storage.
  std::map<std::string, std::string> content(const std::string& uri) {
    std::map<std::string, std::string> all;
    for (const auto& object : ok({"--store", uri, "--json", "ls"}).json_lines()) {
      const bool text = object.contains("key");
      const std::string key = *object.find(text ? "key" : "key_base64")->as_string();
      Cli::Arguments get{"--store", uri, "get", "--", key};
      if (!text) get.insert(get.begin(), "--base64");
      all[key] = ok(get).out;
    }
    return all;
  }

  void fill(const std::string& uri) {
    std::string lines = sgd_line;
    for (int number = 0; number < 40; ++number) {
      lines += "\n{\"id\":" + std::to_string(number) + ",\"turns\":[";
      for (int turn = 0; turn <= number; ++turn) {
        lines += (turn > 0 ? "," : "") + std::string(R"({"request":"Как дела? )") +
                 std::to_string(turn) + R"(","response":{"text":"\u0007ok","n":1.0}})";
      }
      lines += "]}";
    }
    const std::size_t first_end = lines.find('\n');
    ok({"--store", uri, "import", "-"}, lines.substr(0, first_end));
    ok({"--store", uri, "import", "-"}, lines.substr(first_end));
    ok({"--store", uri, "--base64", "set", "/wA="}, R"({"id":"x","big":1e400,"misc":{"a":1.50}})");
  }
};

TEST_F(CliBulkTest, ExportAndImportGiveBackEveryByte) {
  fill("sqlite:///one.db");
  const auto stored = content("sqlite:///one.db");
  ASSERT_EQ(stored.size(), 42U);
  for (const char* file : {"all.jsonl", "all.jsonl.gz"}) {
    const auto exported = ok({"--store", "sqlite:///one.db", "--json", "export", file});
    EXPECT_EQ(exported.out, "{\"exported\":42,\"damaged\":0}\n");
    const std::string target = std::string("sqlite:///") + file + ".db";
    const auto imported = ok({"--store", target, "--json", "import", file});
    EXPECT_EQ(imported.json().find("imported")->as_int64(), 42);
    EXPECT_EQ(content(target), stored) << file;
    EXPECT_FALSE(std::filesystem::exists(cli.path(std::string(file) + ".part")));
  }
  EXPECT_EQ(cli.read_file("all.jsonl.gz").substr(0, 2), "\x1f\x8b");
  EXPECT_LT(cli.read_file("all.jsonl.gz").size(), cli.read_file("all.jsonl").size() / 4);
  const auto piped = ok({"--store", "sqlite:///one.db", "export"});
  ok({"--store", "sqlite:///piped.db", "import"}, piped.out);
  EXPECT_EQ(content("sqlite:///piped.db"), stored);
}

TEST_F(CliBulkTest, ExportSelectsByPrefix) {
  fill("sqlite:///one.db");
  const auto lines = ok({"--store", "sqlite:///one.db", "export", "--prefix", "3"}).json_lines();
  ASSERT_EQ(lines.size(), 13U);  // header, 3 and 30 … 39, end
  EXPECT_EQ(lines.front().find("dialogstore_export")->as_int64(), 1);
  EXPECT_EQ(lines.back().find("contexts")->as_int64(), 11);
}

TEST_F(CliBulkTest, ExportReportsAFileThatCannotBeWritten) {
  EXPECT_EQ(cli.run({"export", "no/such/folder/x"}).exit_code, 8);
  EXPECT_EQ(cli.run({"export", "/dev/full"}).exit_code, 7);
  EXPECT_EQ(cli.run({"import", "no/such/file"}).exit_code, 8);
}

TEST_F(CliBulkTest, ConversationsBecomeContexts) {
  ok({"import", "--prefix", "c/"},
     "{\"id\":5,\"turns\":[{\"request\":\"Hi\",\"response\":\"Hello\",\"label\":[\"f\",\"n\"],"
     "\"misc\":{\"seen\":1}},{\"request\":{\"text\":\"Bye\",\"x\":[1.0]},\"misc\":{\"seen\":2}}]}"
     "\n\n");
  EXPECT_EQ(
      ok({"get", "c/5"}).out,
      R"({"id":"5","labels":{"0":["f","n"]},"requests":{"0":{"text":"Hi","commands":null,)"
      R"("attachments":null,"annotations":null,"misc":null},"1":{"text":"Bye","commands":null,)"
      R"("attachments":null,"annotations":null,"misc":null,"x":[1.0]}},"responses":{"0":{)"
      R"("text":"Hello","commands":null,"attachments":null,"annotations":null,"misc":null}},)"
      R"("misc":{"seen":2},"validation":false,"framework_states":{}})"
      "\n");
}

TEST_F(CliBulkTest, TheSchemaGuidedCorpusBecomesContexts) {
  ok({"import"}, sgd_line);
  const JsonObject context = ok({"get", "7_00001"}).json();
  EXPECT_EQ(context.find("labels")->text(),
            R"({"0":["Trains_9","FindTrain"],"1":["Trains_9","BuyTicket"]})");
  EXPECT_EQ(context.find("misc")->text(), R"({"Trains_9":{"day":["Monday"],"to":["Oslo"]}})");
  const auto responses = *context.find("responses")->as_object();
  ASSERT_EQ(responses.size(), 1U);
  const auto response = *responses.find("0")->as_object();
  EXPECT_EQ(*response.find("text")->as_string(), "When?");
  EXPECT_EQ(response.find("annotations")->text(),
            R"({"frames":[{"actions":[{"act":"REQUEST"}],"service":"Trains_9","slots":[]}]})");
}

TEST_F(CliBulkTest, ADamagedLineIsNamedAndEndsTheImport) {
  const std::string good = R"({"id":"a","turns":[{"request":"x"}]})";
  const std::map<std::string, std::string> damaged{
      {"{\"id\":\"b\",", "line 2: "},
      {"{\"id\":\"b\",\"turns\":[{\"request\":\"\xff\"}]}", "line 2: "},
      {R"({"id":"b","turns":[{}]})", "line 2: a turn with neither request nor response"},
      {R"({"id":"b","turns":7})", "line 2: the member turns is no array"},
      {R"({"id":1.5,"turns":[]})", "line 2: the member id is neither"},
      {R"({"id":"","turns":[]})", "line 2: "},
      {R"({"id":"b","turns":[{"request":"x","label":["f"]}]})", "line 2: "},
      {good, "line 2: the key \"a\" came before, in line 1"}};
  int number = 0;
  for (const auto& [line, reason] : damaged) {
    const std::string uri = "sqlite:///d" + std::to_string(++number) + ".db";
    const std::string input =
        good + '\n' + line + "\n{\"id\":\"c\",\"turns\":[{\"request\":\"x\"}]}\n";
    const auto stopped = cli.run({"--store", uri, "--json", "import"}, input);
    EXPECT_EQ(stopped.exit_code, 5) << line;
    EXPECT_NE(stopped.err.find(reason), std::string::npos) << line << stopped.err;
    EXPECT_EQ(cli.run({"--store", uri, "has", "c"}).exit_code, 1) << line;
    const auto went_on = cli.run(
        {"--store", uri, "--json", "import", "--keep-going", "--on-existing", "skip"}, input);
    EXPECT_EQ(went_on.exit_code, 5) << line;
    EXPECT_NE(went_on.err.find("line 2: "), std::string::npos) << went_on.err;
    const auto lines = *went_on.json().find("damaged")->as_array();
    ASSERT_EQ(lines.size(), 1U) << went_on.out;
    EXPECT_EQ(lines[0].as_object()->find("line")->as_int64(), 2);
    EXPECT_EQ(cli.run({"--store", uri, "has", "c"}).exit_code, 0) << line;
  }
}

TEST_F(CliBulkTest, UnknownFormatsAreRefused) {
  for (const char* input : {"[1]", "{}", "hello", R"({"dialogstore_export":2})", "\x1f\x8b\x08"}) {
    const auto result = cli.run({"import"}, input);
    EXPECT_EQ(result.exit_code, 5) << input << result.err;
  }
  EXPECT_EQ(cli.run({"len"}).out, "0\n");
}

TEST_F(CliBulkTest, ACutExportIsNoticed) {
  fill("sqlite:///one.db");
  const std::string whole = ok({"--store", "sqlite:///one.db", "export"}).out;
  const std::string cut = whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1);
  const auto result = cli.run({"--store", "sqlite:///two.db", "import"}, cut);
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_NE(result.err.find("the export is cut off"), std::string::npos) << result.err;
  ok({"--store", "sqlite:///one.db", "export", "all.gz"});
  const std::string gz = cli.read_file("all.gz");
  cli.write_file("cut.gz", gz.substr(0, gz.size() / 2));
  EXPECT_EQ(cli.run({"--store", "sqlite:///three.db", "import", "cut.gz"}).exit_code, 5);
}

TEST_F(CliBulkTest, OnExistingDecidesAboutTakenKeys) {
  const auto conversation = [](const std::string& text) {
    return R"({"id":"a","turns":[{"request":")" + text + "\"}]}";
  };
  const auto text = [this] { return ok({"get", "a"}).out; };
  ok({"import"}, conversation("first"));
  EXPECT_EQ(cli.run({"import"}, conversation("second")).exit_code, 4);
  EXPECT_NE(text().find("first"), std::string::npos);
  const auto skipped = ok({"--json", "import", "--on-existing", "skip"}, conversation("third"));
  EXPECT_EQ(skipped.json().find("skipped")->as_int64(), 1);
  EXPECT_NE(text().find("first"), std::string::npos);
  ok({"import", "--on-existing", "overwrite"}, conversation("fourth"));
  EXPECT_NE(text().find("fourth"), std::string::npos);
}

TEST_F(CliBulkTest, MigrateCopiesEverything) {
  fill("sqlite:///one.db");
  const auto dry = ok({"--json", "migrate", "--dry-run", "sqlite:///one.db", "sqlite:///two.db"});
  EXPECT_EQ(dry.json().find("migrated")->as_int64(), 42);
  EXPECT_EQ(ok({"--store", "sqlite:///two.db", "len"}).out, "0\n");
  ok({"migrate", "sqlite:///one.db", "sqlite:///two.db"});
  EXPECT_EQ(content("sqlite:///two.db"), content("sqlite:///one.db"));
  EXPECT_EQ(cli.run({"migrate", "sqlite:///one.db", "sqlite:///two.db"}).exit_code, 4);
  EXPECT_EQ(cli.run({"migrate", "--dry-run", "sqlite:///one.db", "sqlite:///two.db"}).exit_code, 4);
  const auto again =
      ok({"--json", "migrate", "sqlite:///one.db", "sqlite:///two.db", "--on-existing", "skip"});
  EXPECT_EQ(again.json().find("skipped")->as_int64(), 42);
  ok({"migrate", "sqlite:///one.db", "sqlite:///two.db", "--on-existing", "overwrite"});
  EXPECT_EQ(content("sqlite:///two.db"), content("sqlite:///one.db"));
}

}  // namespace
}  // namespace dialogstore::test
