// A Redis full of another application's keys: none is counted, listed, changed or removed, also
// where one stands in our place.
#include <algorithm>
#include <map>

#include "contract/contract.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

class ForeignKeys : public ContractTest {
 protected:
  RedisReply redis(const std::vector<std::string>& command) {
    RedisReply reply = shared_redis().command(command);
    EXPECT_FALSE(reply.is_error()) << command[0] << ' ' << reply.text;
    return reply;
  }

  // One key of each type for each name.
  void fill(const std::vector<std::string>& names) {
    std::size_t type = 0;
    for (const std::string& name : names) {
      const std::vector<std::vector<std::string>> commands = {
          {"SET", name, "value"},
          {"RPUSH", name, "one", "two"},
          {"HSET", name, "field", "value"},
          {"ZADD", name, "1", "member"},
          {"SADD", name, "member"},
          {"XADD", name, "1-1", "field", "value"},
          {"PFADD", name, "a", "b"},
          {"GEOADD", name, "1", "2", "place"},
          {"SETEX", name, "100000", "value"},
          {"RPUSH", name, "P1" + std::string(22, '\0')}};
      redis(commands[type++ % commands.size()]);
    }
  }

  // All keys but our own listing.
  std::map<std::string, std::string> dump() {
    std::map<std::string, std::string> all;
    for (const std::string& key : redis({"KEYS", "*"}).texts()) {
      if (key != store.name_space() + ":index:0" && key != store.name_space() + ":meta") {
        all[key] = redis({"DUMP", key}).text;
      }
    }
    return all;
  }
  // What is in `before` is there unchanged.
  void expect_kept(const std::map<std::string, std::string>& before) {
    auto now = dump();
    for (const auto& [key, value] : before) {
      EXPECT_EQ(now[key], value) << key;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(All, ForeignKeys,
                         testing::Values(Setup{.kind = StoreKind::redis_tcp,
                                               .face = Face::blocking},
                                         Setup{.kind = StoreKind::redis_unix, .face = Face::async}),
                         setup_name);

TEST_P(ForeignKeys, AreLeftAlone) {
  const std::string ours = store.name_space();
  std::vector<std::string> names = {// Beside ours: what a careless pattern or prefix would take.
                                    ours,
                                    ours + ":",
                                    ours + "x:{k}",
                                    "x" + ours + ":{k}",
                                    ours + ":k",
                                    ours + ":{k",
                                    ours + ":k}",
                                    ours + ":{k}x",
                                    ours + ":{k}:{k}",
                                    ours + ":{}",
                                    ours + ":{{k}}",
                                    ours + ":{%zz}",
                                    ours + ":{%7b}",
                                    ours + "{k}",
                                    ours + ":meta2",
                                    ours + ":index",
                                    ours + ":index:",
                                    ours + ":index:x",
                                    ours + ":index:0x",
                                    ours + ":index:00",
                                    "{" + ours + ":k}",
                                    "meta",
                                    "index:0",
                                    "{k}",
                                    "k"};
  for (int i = 0; i < 200; ++i) {
    names.push_back("foreign:" + store.name_space() + ":" + std::to_string(i));
  }
  fill(names);
  const auto before = dump();
  Client client = open();
  EXPECT_EQ(client.len(), 0U);
  EXPECT_EQ(client.keys(), std::vector<std::string>{});
  for (int i = 0; i < 30; ++i) {
    Context context = dialog(static_cast<std::size_t>(i));
    client.set_item(i, context);
    add_turn(context, "more");
    client.set_item(i, context);
  }
  client.set_item("k", dialog(2));
  EXPECT_EQ(client.len(), 31U);
  EXPECT_EQ(client.keys().size(), 31U);
  EXPECT_EQ(client.check(true).contexts, 31U);
  EXPECT_TRUE(client.check(false).sound());
  EXPECT_TRUE(client.del_item(3));
  EXPECT_EQ(client.clear(), 30U);
  EXPECT_EQ(client.len(), 0U);
  expect_kept(before);
}

TEST_P(ForeignKeys, InOurPlaceAreWrongTypeAndKept) {
  Client client = open();
  client.set_item("good", dialog(1));
  Context loaded = client.get_item("good");
  const std::vector<std::vector<std::string>> foreign = {{"SET", "", "value"},
                                                         {"HSET", "", "f", "v"},
                                                         {"ZADD", "", "1", "m"},
                                                         {"SADD", "", "m"},
                                                         {"XADD", "", "1-1", "f", "v"}};
  for (std::vector<std::string> command : foreign) {
    const std::string key = command[0];
    command[1] = store.name_space() + ":{" + key + "}";
    redis(command);
    const auto before = dump();
    EXPECT_EQ(error_of([&] { return client.contains(key); }), errc::wrong_type) << key;
    EXPECT_EQ(error_of([&] { return client.find(key); }), errc::wrong_type) << key;
    EXPECT_EQ(error_of([&] { return client.get(key, Context()); }), errc::wrong_type) << key;
    EXPECT_EQ(error_of([&] { return client.load_turns(key, 0, 9); }), errc::wrong_type) << key;
    EXPECT_EQ(error_of([&] { return client.append(key, turn_of("x")); }), errc::wrong_type) << key;
    EXPECT_EQ(error_of([&] { return client.set_item(key, dialog(2)), 0; }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { return client.del_item(key); }), errc::wrong_type) << key;
    expect_kept(before);
  }
  EXPECT_EQ(client.get_item("good"), loaded);
}

TEST_P(ForeignKeys, AListThatIsNotOursIsDamageAndKept) {
  Client client = open();
  int number = 0;
  using namespace std::string_literals;
  const std::vector<std::string> rows = {"x",
                                         "",
                                         "{\"json\":1}",
                                         std::string(24, '\0'),
                                         std::string(100, 'D'),
                                         "D1"s + std::string(30, '\0'),
                                         "K1"s + std::string(30, 'x'),
                                         "P1"s + std::string(22, '\0'),
                                         "T1"s + std::string(30, 'x'),
                                         "Z1"s + std::string(30, 'x'),
                                         "D0"s + std::string(30, 'x')};
  for (const std::string& row : rows) {
    const std::string key = "list " + std::to_string(number++);
    redis({"RPUSH", store.name_space() + ":{" + key + "}", "first", row});
    const auto before = dump();
    const errc find = error_of([&] { return client.find(key); });
    EXPECT_TRUE(find == errc::corrupt || find == errc::unsupported_format) << to_string(find);
    const errc append = error_of([&] { return client.append(key, turn_of("x")); });
    EXPECT_NE(append, errc{}) << key;
    EXPECT_NE(append, errc::outcome_unknown) << key;
    expect_kept(before);
  }
}

TEST_P(ForeignKeys, ANewerFormatIsLeftAlone) {
  Client client = open();
  const std::string row = "D3" + std::string(40, 'x');
  redis({"RPUSH", store.name_space() + ":{k}", row});
  const auto before = dump();
  EXPECT_EQ(error_of([&] { return client.find("k"); }), errc::unsupported_format);
  EXPECT_EQ(error_of([&] { return client.append("k", turn_of("x")); }), errc::unsupported_format);
  EXPECT_EQ(error_of([&] { return client.set_item("k", dialog(1)), 0; }), errc::unsupported_format);
  EXPECT_EQ(error_of([&] { return client.del_item("k"); }), errc::unsupported_format);
  expect_kept(before);
}

}  // namespace
}  // namespace dialogstore::test
