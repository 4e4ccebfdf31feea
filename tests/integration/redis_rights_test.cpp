// The rights that docs/operations.md asks for, taken from the page itself: they are enough, and
// none is asked for in vain.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "support/documents.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

const std::set<std::string> optional_commands{"info", "memory|usage", "client|setname", "role"};

/// The words of the page's ACL SETUSER line, which may be broken into several.
std::vector<std::string> line_of_the_page() {
  const std::string page = read_document("docs/operations.md");
  const std::string fence = "```\n";
  const auto begin = page.find(fence, page.find("### Rights")) + fence.size();
  std::istringstream text(page.substr(begin, page.find(fence, begin) - begin));
  return {std::istream_iterator<std::string>(text), {}};
}

std::vector<std::string> commands_of(const std::vector<std::string>& line) {
  std::vector<std::string> commands;
  for (const auto& word : line) {
    if (word.starts_with('+')) commands.push_back(word.substr(1));
  }
  return commands;
}

class RedisRights : public ::testing::Test {
 protected:
  /// Lets the page's user be one without `command`.
  void set_user_without(const std::string& command) {
    auto words = line_of_the_page();
    words.insert(words.begin() + 3, "reset");
    words.push_back("-" + command);
    ASSERT_EQ(server_.command(words).text, "OK");
  }
  void set_user() {
    auto words = line_of_the_page();
    words.insert(words.begin() + 3, "reset");
    ASSERT_EQ(server_.command(words).text, "OK");
  }
  /// In a namespace that is not used yet.
  std::string uri(const std::string& options) {
    return "redis://bot:secret@127.0.0.1:" + std::to_string(server_.port()) +
           "/1?timeout=10s&namespace=dialogstore:" + std::to_string(++namespaces_) + options;
  }
  /// All that a storage can do. Throws StorageError.
  void use_everything(const std::string& options) {
    server_.command({"SCRIPT", "FLUSH"});
    RedisContextStorage storage(uri(options));
    Context context;
    storage.set_item("k", context);
    for (int i = 0; i < 40; ++i) {
      context.add_request(Message("turn " + std::to_string(i)));
      storage.set_item("k", context);
    }
    context = storage.get_item("k");
    context.set_request(0, Message("edited"));
    storage.set_item("k", context);
    context.clear(2);
    storage.set_item("k", context);
    storage.append("k", {.label = {}, .request = Message("appended"), .response = {}});
    EXPECT_TRUE(storage.contains("k"));
    EXPECT_EQ(storage.load_turns("k", 40, 41).size(), 1U);
    storage.set_item("deleted", Context());
    EXPECT_TRUE(storage.del_item("deleted"));
    EXPECT_EQ(storage.len(), 1U);
    for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
      EXPECT_EQ(storage.scan({}, {.order = order}).keys.size(), 1U);
    }
    EXPECT_TRUE(storage.check(true).sound());
    EXPECT_FALSE(storage.statistics().empty());
    EXPECT_EQ(storage.clear(), 1U);
  }
  void use_everything_in_every_mode() {
    use_everything("");
    use_everything("&ttl=1h&ttl_on_read=yes");
  }

  RedisServer server_;
  int namespaces_ = 0;
};

TEST_F(RedisRights, OfThePageAreEnough) {
  set_user();
  EXPECT_NO_THROW(use_everything_in_every_mode());
  for (const auto& command : optional_commands) {
    set_user_without(command);
    EXPECT_NO_THROW(use_everything_in_every_mode()) << command;
  }
}

TEST_F(RedisRights, EachIsMissedByItsName) {
  const auto commands = commands_of(line_of_the_page());
  ASSERT_GT(commands.size(), 20U);
  for (const auto& command : commands) {
    if (optional_commands.contains(command)) continue;
    set_user_without(command);
    try {
      use_everything_in_every_mode();
      ADD_FAILURE() << command << " is asked for in vain, or missed silently";
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), errc::permission_denied) << command << ": " << error.what();
      std::string text = error.what();
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      EXPECT_NE(text.find(command), std::string::npos) << command << ": " << text;
    }
  }
}

// What a script would be refused in its middle, or what would fail silently behind a save that took
// effect, is found before the first save.
TEST_F(RedisRights, WhatASaveNeedsIsMissedBeforeTheFirst) {
  for (const std::string command :
       {"lindex", "lrange", "rpush", "lset", "ltrim", "unlink", "persist", "pexpire", "zscore",
        "zrem", "zadd", "zrangebyscore"}) {
    set_user_without(command);
    RedisContextStorage storage(uri(""));
    try {
      storage.set_item("k", Context());
      ADD_FAILURE() << command;
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), errc::permission_denied) << command;
      EXPECT_NE(std::string(error.what()).find("ACL SETUSER bot +" + command), std::string::npos)
          << error.what();
    }
    EXPECT_EQ(server_.command({"DBSIZE"}).integer, 0) << command;
  }
}

}  // namespace
}  // namespace dialogstore::test
