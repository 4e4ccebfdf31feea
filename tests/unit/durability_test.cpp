// What stands behind a save that must be durable, and what the server's answers to it mean.
#include "redis/durability.hpp"

#include <gtest/gtest.h>

#include "redis/reply_reader.hpp"

namespace dialogstore::redis {
namespace {

using std::chrono::milliseconds;

constexpr Durability two_replicas{.replicas = 2, .on_disk = false};
constexpr Durability disk{.replicas = 0, .on_disk = true};
constexpr Durability disks{.replicas = 1, .on_disk = true};

Confirmation confirmed_by(std::string_view bytes) {
  ReplyReader reader;
  std::vector<Reply> replies;
  EXPECT_TRUE(reader.feed(bytes, replies));
  return read_confirmation(replies.at(0).root());
}

std::string shortfall(const Durability& wanted, std::string_view bytes) {
  const auto failure = find_shortfall(wanted, confirmed_by(bytes));
  if (!failure) return "";
  EXPECT_EQ(failure->code, errc::not_replicated);
  EXPECT_TRUE(failure->maybe_applied) << "it was written";
  return failure->detail;
}

TEST(Durability, IsAskedForByTheCommandThatDoesIt) {
  EXPECT_EQ(wait_request(two_replicas, milliseconds(50)),
            "*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$2\r\n50\r\n");
  EXPECT_EQ(wait_request(disks, milliseconds(50)),
            "*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n1\r\n$2\r\n50\r\n");
  EXPECT_FALSE(Durability{}.waits());
  for (const auto& each : {two_replicas, disk, disks}) EXPECT_TRUE(each.waits()) << each.text();
  EXPECT_EQ(Durability{}.text(), "memory");
  EXPECT_EQ(two_replicas.text(), "replicas:2");
  EXPECT_EQ(disk.text(), "aof");
  EXPECT_EQ(disks.text(), "aof:1");
}

TEST(Durability, IsAskedAboutWithoutWaitingForReplicas) {
  EXPECT_EQ(durability_question(two_replicas), "*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n1\r\n");
  EXPECT_EQ(durability_question(disks), "*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n1\r\n");
}

TEST(Durability, IsWhatTheServerConfirms) {
  EXPECT_EQ(shortfall(two_replicas, ":2\r\n"), "");
  EXPECT_EQ(shortfall(disk, "*2\r\n:1\r\n:0\r\n"), "");
  EXPECT_EQ(shortfall(disks, "*2\r\n:1\r\n:3\r\n"), "");
  const auto says = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos ? std::string("yes") : text;
  };
  EXPECT_EQ(says(shortfall(two_replicas, ":1\r\n"), "only 1 of 2 replicas have it (durab"), "yes");
  EXPECT_EQ(says(shortfall(disk, "*2\r\n:0\r\n:0\r\n"), "not synced"), "yes");
  EXPECT_EQ(says(shortfall(disks, "*2\r\n:1\r\n:0\r\n"), "0 of 1 replicas have it on"), "yes");
  EXPECT_EQ(says(shortfall(two_replicas, "-UNBLOCKED role\r\n"), "UNBLOCKED role"), "yes");
  // Answers of no shape that is known confirm nothing.
  for (const char* strange :
       {"$-1\r\n", "*0\r\n", "*1\r\n:1\r\n", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n"}) {
    EXPECT_NE(shortfall(disks, strange), "") << strange;
  }
}

TEST(Durability, ThatAServerCannotGiveIsRefusedWithTheRemedy) {
  struct Refused {
    Durability wanted;
    const char* error;
    errc code;
    const char* part;
  };
  const std::vector<Refused> all = {
      {disk, "ERR unknown command 'WAITAOF', with args beginning with: '1'",
       errc::unsupported_server, "Redis 7.2"},
      {disk, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
       errc::unsupported_server, "appendonly yes"},
      {disk, "NOPERM User bot has no permissions to run the 'waitaof' command",
       errc::permission_denied, "ACL SETUSER bot +waitaof"},
      {two_replicas, "NOPERM this user has no permissions to run the 'wait' command",
       errc::permission_denied, "ACL SETUSER bot +wait"}};
  for (const auto& each : all) {
    const auto failure = read_durability_error(each.wanted, each.error, "bot");
    ASSERT_TRUE(failure) << each.error;
    EXPECT_EQ(failure->code, each.code) << each.error;
    EXPECT_FALSE(failure->maybe_applied);
    for (const auto& part : {std::string(each.part), "durability=" + each.wanted.text(),
                             std::string("nothing was written")}) {
      EXPECT_NE(failure->detail.find(part), std::string::npos) << failure->detail;
    }
  }
  EXPECT_FALSE(read_durability_error(
      disk, "ERR WAITAOF cannot be used with replica instances. Please also note …", "bot"))
      << "of a replica the save will tell";
}

}  // namespace
}  // namespace dialogstore::redis
