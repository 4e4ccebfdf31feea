// Encryption at rest, seen from outside: every byte that the server and the file hold is searched
// for what a dialog says.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli_program.hpp"
#include "dialogstore/encryption.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "dialogstore/sqlite_context_storage.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {
namespace {

// In every place where a dialog can say something. Short enough that zstd would not cut it.
const std::string marker = "QuetzalcoatlMarker";

std::string key_line(const std::string& id, char digit) {
  return id + " " + std::string(64, digit) + "\n";
}

Message message() {
  return Message::from_json(R"({"text":")" + marker + R"(","misc":{")" + marker + R"(":")" +
                            marker + R"("},"commands":[{"data":{"x":")" + marker +
                            R"("}}],"annotations":{"a":")" + marker + R"("},"more":")" + marker +
                            R"("})");
}

Turn turn() {
  return {
      .label = Label{.flow = marker, .node = marker}, .request = message(), .response = message()};
}

void add_turn(Context& context) {
  const auto index = context.add_request(message());
  context.set_response(index, message());
  context.set_label(index, {.flow = marker, .node = marker});
}

/// Every kind of save, on the keys k0 … k3.
void live(DBContextStorage& storage) {
  constexpr CallOptions merge{.on_conflict = ConflictPolicy::merge};
  Context context = Context::from_json(R"({"id":")" + marker + R"(","misc":{"m":")" + marker +
                                       R"("},"framework_states":{"s":")" + marker +
                                       R"("},"unknown":")" + marker + R"("})");
  for (int i = 0; i < 20; ++i) add_turn(context);
  storage.set_item("k0", context);
  Context theirs = storage.get_item("k0");
  for (int i = 0; i < 25; ++i) {
    add_turn(context);
    context.set_misc(marker + std::to_string(i), marker);
    storage.set_item("k0", context, merge);
    if (i % 5 == 0) {
      theirs.set_request(i % 3, message());
      storage.set_item("k0", theirs, merge);
      storage.append("k0", turn());
    }
  }
  EXPECT_EQ(storage.get_item("k0").misc().find("m")->as_string(), marker);
  Context one = storage.get_item("k0");
  one.clear(5);
  storage.set_item("k0", one, merge);
  Context second(Json("b"));
  add_turn(second);
  Context third(second);
  storage.create("k1", second);
  for (const auto& error : storage.set_items({{"k2", &second}, {"k3", &third}})) {
    EXPECT_FALSE(error) << message_of(error);
  }
  EXPECT_TRUE(storage.del_item("k1"));
  EXPECT_TRUE(storage.check(false).sound());
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// The names of the files that hold the marker.
std::vector<std::string> readable_files(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (read_bytes(entry.path()).find(marker) != std::string::npos) {
      found.push_back(entry.path().filename());
    }
  }
  return found;
}

/// Of one Redis key: its values as they are.
std::string content(RedisServer& server, const std::string& key) {
  const std::string type = server.command({"TYPE", key}).text;
  RedisReply reply;
  if (type == "list") reply = server.command({"LRANGE", key, "0", "-1"});
  if (type == "zset") reply = server.command({"ZRANGE", key, "0", "-1"});
  if (type == "hash") reply = server.command({"HGETALL", key});
  EXPECT_EQ(reply.kind, RedisReply::Kind::array) << key << " is a " << type;
  std::string all = key;
  for (const std::string& text : reply.texts()) all += "\n" + text;
  return all;
}

TEST(Encryption, RedisHoldsNothingReadable) {
  for (const bool is_encrypted : {false, true}) {
    // Snapshots are not compressed, so that they can be searched.
    RedisServer server({.config = {"rdbcompression no"}, .is_append_only = true});
    RedisOptions redis;
    redis.unix_path = server.unix_path();
    StorageOptions options;
    options.seal_after = 3;
    if (is_encrypted) options.encryption = EncryptionKeys::from_text(key_line("a", '7'));
    RedisContextStorage storage(redis, options);
    live(storage);
    std::string all;
    const auto keys = server.command({"KEYS", "*"}).texts();
    EXPECT_GE(keys.size(), 5U);
    for (const std::string& key : keys) {
      all += content(server, key) + server.command({"DUMP", key}).text;
    }
    EXPECT_EQ(server.command({"SAVE"}).text, "OK");
    // The search finds what is there, else it would prove nothing.
    EXPECT_EQ(all.find(marker) == std::string::npos, is_encrypted);
    EXPECT_EQ(readable_files(server.folder()).empty(), is_encrypted)
        << testing::PrintToString(readable_files(server.folder()));
    EXPECT_NE(all.find("k0"), std::string::npos) << "keys stay readable, as the documents say";
  }
}

TEST(Encryption, AnSQLiteFileAndItsLogHoldNothingReadable) {
  for (const bool is_encrypted : {false, true}) {
    const TempDir folder;
    StorageOptions options;
    options.seal_after = 3;
    if (is_encrypted) options.encryption = EncryptionKeys::from_text(key_line("a", '7'));
    {
      SQLiteContextStorage storage(folder / "a.db", {.durable = false}, options);
      live(storage);
      EXPECT_TRUE(std::filesystem::exists(folder / "a.db-wal"));
      EXPECT_EQ(readable_files(folder.path()).empty(), is_encrypted);
    }
    EXPECT_EQ(readable_files(folder.path()).empty(), is_encrypted) << "after it was closed";
  }
}

class EncryptionCli : public testing::Test {
 protected:
  Cli cli;
  std::string store(const std::string& keys) {
    return "sqlite:///" + cli.path("a.db").string() + "?encrypt=file:" + cli.path(keys).string();
  }
  CliResult run(const std::string& keys, Cli::Arguments arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {"--store", store(keys)});
    return cli.run(arguments, input);
  }
};

TEST_F(EncryptionCli, KeysAreChangedByReencrypt) {
  cli.write_file("old", key_line("old", '1'));
  cli.write_file("both", key_line("new", '2') + key_line("old", '1'));
  cli.write_file("new", key_line("new", '2'));
  const std::string json = R"({"id":"x","requests":{"0":{"text":"hello"}}})";
  for (const char* key : {"a", "b", "c"}) ASSERT_EQ(run("old", {"set", key}, json).exit_code, 0);
  EXPECT_EQ(run("new", {"get", "a"}).exit_code, 6);
  const CliResult check = run("new", {"check"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_NE(check.out.find("\"old\""), std::string::npos) << check.out;
  const CliResult done = run("both", {"--json", "reencrypt"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.json().find("contexts")->as_int64(), 3);
  EXPECT_EQ(run("new", {"check"}).exit_code, 0);
  EXPECT_NE(run("new", {"get", "a"}).out.find("hello"), std::string::npos);
  const CliResult exported = run("new", {"export"});
  EXPECT_NE(exported.out.find("hello"), std::string::npos) << "an export is clear text";
}

TEST_F(EncryptionCli, MistakesAreNamedAndNoKeyIsShown) {
  const std::string secret(64, 'a');
  const CliResult missing = run("none", {"len"});
  EXPECT_EQ(missing.exit_code, 8);
  EXPECT_NE(missing.err.find("none"), std::string::npos) << missing.err;
  cli.write_file("bad", "# keys\nfirst " + secret + "b\n");
  const CliResult bad = run("bad", {"len"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_NE(bad.err.find("line 2"), std::string::npos) << bad.err;
  const CliResult in_uri =
      cli.run({"--store", "sqlite:///" + cli.path("b.db").string() + "?encrypt=" + secret, "len"});
  EXPECT_EQ(in_uri.exit_code, 2);
  const CliResult dff =
      cli.run({"--store", "redis://localhost:1?layout=dff&encrypt=env:KEYS", "len"});
  EXPECT_EQ(dff.exit_code, 2);
  EXPECT_NE(dff.err.find("layout"), std::string::npos) << dff.err;
  const CliResult without =
      cli.run({"--store", "sqlite:///" + cli.path("c.db").string(), "reencrypt"});
  EXPECT_EQ(without.exit_code, 2);
  for (const CliResult& result : {missing, bad, in_uri, dff, without}) {
    EXPECT_EQ((result.err + result.out).find(secret.substr(0, 16)), std::string::npos);
  }
}

}  // namespace
}  // namespace dialogstore::test
