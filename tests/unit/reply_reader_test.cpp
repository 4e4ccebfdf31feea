// The reader's promises: what it understands, in whatever pieces it comes, and that a hostile peer
// gets a bounded error.
#include "redis/reply_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "reply_text.hpp"

namespace dialogstore::redis {
namespace {

errc failure_of(std::string_view bytes, std::size_t max_bytes = limits::reply_bytes) {
  ReplyReader reader(max_bytes);
  std::vector<Reply> replies;
  EXPECT_FALSE(reader.feed(bytes, replies));
  EXPECT_FALSE(reader.detail().empty());
  return reader.failure();
}

constexpr std::string_view mixed =
    "*5\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n+OK\r\n$0\r\n\r\n*0\r\n"
    "-NOSCRIPT no\r\n"
    "*-1\r\n"
    "$5\r\nhello\r\n";
constexpr std::string_view mixed_text =
    "[-7 \"a\r\n\" nil [+OK \"\"] []];-NOSCRIPT no;nil;\"hello\";";

TEST(ReplyReader, UnderstandsEveryKindOfReply) {
  EXPECT_EQ(print_all(mixed), mixed_text);
}

TEST(ReplyReader, KeepsAnyByteOfAString) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all.push_back(static_cast<char>(byte));
  }
  const auto replies = read_all("$256\r\n" + all + "\r\n");
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].root().text, all);
}

TEST(ReplyReader, KeepsTheWholeRangeOfIntegers) {
  EXPECT_EQ(print_all(":9223372036854775807\r\n:-9223372036854775808\r\n"),
            "9223372036854775807;-9223372036854775808;");
}

TEST(ReplyReader, GivesTheSameRepliesByteByByte) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (const char byte : mixed) {
    ASSERT_TRUE(reader.feed({&byte, 1}, replies)) << reader.detail();
  }
  EXPECT_EQ(print(replies), mixed_text);
}

TEST(ReplyReader, GivesTheSameRepliesForEverySplit) {
  for (std::size_t split = 0; split <= mixed.size(); ++split) {
    ReplyReader reader;
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed(mixed.substr(0, split), replies));
    ASSERT_TRUE(reader.feed(mixed.substr(split), replies));
    EXPECT_EQ(print(replies), mixed_text) << "split at " << split;
  }
}

TEST(ReplyReader, GivesNothingForAnUnfinishedReply) {
  for (std::size_t end = 0; end < 36; ++end) {
    EXPECT_EQ(print_all(mixed.substr(0, end)), "") << end;
  }
}

TEST(ReplyReader, ReadsManyRepliesOfOneFeed) {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) {
    bytes += ":" + std::to_string(i) + "\r\n";
  }
  const auto replies = read_all(bytes);
  ASSERT_EQ(replies.size(), 10'000U);
  EXPECT_EQ(replies[9'999].root().integer, 9'999);
}

TEST(ReplyReader, ReadsAStringLargerThanItsPieces) {
  const std::string large(3'000'000, 'x');
  const auto replies = read_all("*2\r\n$3000000\r\n" + large + "\r\n:1\r\n");
  ASSERT_EQ(replies.size(), 1U);
  ASSERT_EQ(replies[0].root().elements.size(), 2U);
  EXPECT_EQ(replies[0].root().elements[0].text, large);
}

TEST(ReplyReader, AReplyOutlivesItsReader) {
  std::vector<Reply> replies;
  {
    ReplyReader reader;
    ASSERT_TRUE(reader.feed(mixed, replies));
  }
  const Reply moved = std::move(replies[0]);
  replies.clear();
  EXPECT_EQ(print(moved.root()), "[-7 \"a\r\n\" nil [+OK \"\"] []]");
}

TEST(ReplyReader, APartOfAReplyLivesAsLongAsItsArena) {
  std::shared_ptr<const void> arena;
  std::string_view text;
  {
    const auto replies = read_all("*1\r\n$300\r\n" + std::string(300, 'y') + "\r\n");
    arena = replies[0].arena();
    text = replies[0].root().elements[0].text;
  }
  EXPECT_EQ(text, std::string(300, 'y'));
}

// Room is taken when an array begins, by what its elements announce.
TEST(ReplyReader, ReadsArraysLargerThanTheRoomTakenForThem) {
  std::string bytes = "*40\r\n";
  for (int i = 0; i < 40; ++i) {
    const std::string text(i == 1 ? 0 : 5000, static_cast<char>('a' + i % 26));
    bytes += i == 20 ? "*2\r\n:7\r\n$-1\r\n"
                     : "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }
  const auto replies = read_all(bytes + bytes);
  ASSERT_EQ(replies.size(), 2U);
  for (const auto& reply : replies) {
    const auto& elements = reply.root().elements;
    ASSERT_EQ(elements.size(), 40U);
    EXPECT_EQ(elements[0].text, std::string(5000, 'a'));
    EXPECT_EQ(elements[1].text, "");
    EXPECT_EQ(print(elements[20]), "[7 nil]");
    EXPECT_EQ(elements[39].text, std::string(5000, static_cast<char>('a' + 39 % 26)));
  }
}

TEST(ReplyReader, AnEmptyReplyIsNil) {
  EXPECT_EQ(Reply().root().kind, ReplyKind::nil);
}

class HostileBytes : public ::testing::TestWithParam<const char*> {};

TEST_P(HostileBytes, AreAProtocolError) {
  EXPECT_EQ(failure_of(GetParam()), errc::protocol_error);
}

TEST_P(HostileBytes, AreAProtocolErrorByteByByte) {
  ReplyReader reader;
  std::vector<Reply> replies;
  bool is_sound = true;
  for (const char byte : std::string(GetParam())) {
    is_sound = is_sound && reader.feed({&byte, 1}, replies);
  }
  EXPECT_FALSE(is_sound);
  EXPECT_EQ(reader.failure(), errc::protocol_error);
}

INSTANTIATE_TEST_SUITE_P(
    ReplyReader, HostileBytes,
    ::testing::Values("$\r\n", ";0\r\n", "$18446744073709551614\r\nabc\r\n", "$-2\r\n", "*-2\r\n",
                      "*9999999999\r\n", "*\r\n", "*?\r\n", "$?\r\n", "$x\r\n", ":12a\r\n", ":\r\n",
                      ":-\r\n", ":1\n", ":1\rx\n", ":9223372036854775808\r\n",
                      ":-9223372036854775809\r\n", ":99999999999999999999\r\n",
                      ":0000000000000000000000000000000000001", "$5\r\nabcdefgh\r\n",
                      "$5\r\nabcde\n\n", "$5\r\nabcde\r\r", "$-1x\r\n", "*1 \r\n",
                      "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\x80",
                      "$00000000000000000000000000000000001\r\n", "*111111111111111111111111111111",
                      "+OK\n", "+\n", "-ERR\n", ".\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "|-1\r\n",
                      "!-1\r\n", "=-1\r\n", "%?\r\n", "~?\r\n", "_x\r\n", "#\r\n", "#x\r\n",
                      "#tt\r\n", ",\r\n", "(\r\n", "=3\r\ntxt\r\n", "=4\r\ntxt;\r\n",
                      "*1\r\n>1\r\n:1\r\n", "|1\r\n+a\r\n>1\r\n:1\r\n", "%1\r\n>1\r\n:1\r\n",
                      "*2\r\n:1\r\nx\r\n"));

TEST(ReplyReader, RefusesACountAboveTheLimitBeforeTakingMemory) {
  EXPECT_EQ(failure_of("*" + std::to_string(limits::reply_elements + 1) + "\r\n"), errc::too_large);
}

TEST(ReplyReader, CountsTheElementsOfAllLevels) {
  const std::string half = std::to_string(limits::reply_elements - 1);
  EXPECT_EQ(failure_of("*" + half + "\r\n*2\r\n"), errc::too_large);
}

TEST(ReplyReader, RefusesALengthAboveTheLimitBeforeTheBytesCome) {
  EXPECT_EQ(failure_of("$9000000000\r\n"), errc::too_large);
  EXPECT_EQ(failure_of("$1001\r\n", 1000), errc::too_large);
}

TEST(ReplyReader, CountsTheBytesOfAllStringsOfAReply) {
  const std::string element = "$400\r\n" + std::string(400, 'a') + "\r\n";
  EXPECT_EQ(failure_of("*3\r\n" + element + element + element, 1000), errc::too_large);
}

TEST(ReplyReader, CountsTheBytesOfEachReplyAnew) {
  ReplyReader reader(1000);
  std::vector<Reply> replies;
  const std::string one = "$600\r\n" + std::string(600, 'a') + "\r\n";
  EXPECT_TRUE(reader.feed(one + one + one, replies)) << reader.detail();
  EXPECT_EQ(replies.size(), 3U);
}

TEST(ReplyReader, RefusesALineWithoutEnd) {
  ReplyReader reader;
  std::vector<Reply> replies;
  std::size_t fed = 0;
  const std::string piece(4096, 'a');
  bool is_sound = reader.feed("+", replies);
  while (is_sound && fed < (1U << 20)) {
    is_sound = reader.feed(piece, replies);
    fed += piece.size();
  }
  EXPECT_EQ(reader.failure(), errc::protocol_error);
  EXPECT_LE(fed, 128U << 10);
}

TEST(ReplyReader, AcceptsTheDeepestNestingAndRefusesOneMore) {
  std::string bytes;
  for (std::size_t i = 0; i < limits::reply_depth; ++i) {
    bytes += "*1\r\n";
  }
  EXPECT_EQ(print_all(bytes + ":1\r\n"), "[[[[[[1]]]]]];");
  EXPECT_EQ(failure_of(bytes + "*1\r\n:1\r\n"), errc::protocol_error);
}

TEST(ReplyReader, GivesTheRepliesBeforeAFault) {
  ReplyReader reader;
  std::vector<Reply> replies;
  EXPECT_FALSE(reader.feed(":1\r\n+two\r\n$x\r\n", replies));
  EXPECT_EQ(print(replies), "1;+two;");
}

TEST(ReplyReader, AcceptsNothingAfterAFault) {
  ReplyReader reader;
  std::vector<Reply> replies;
  EXPECT_FALSE(reader.feed("?", replies));
  EXPECT_FALSE(reader.feed(":1\r\n", replies));
  EXPECT_TRUE(replies.empty());
  EXPECT_EQ(reader.failure(), errc::protocol_error);
}

}  // namespace
}  // namespace dialogstore::redis
