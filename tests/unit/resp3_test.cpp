// What RESP3 adds to the reader: its types, pushes between replies, attributes. And whatever the
// replies are, in whatever pieces they come, they are what was sent.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "redis/reply_reader.hpp"
#include "reply_text.hpp"

namespace dialogstore::redis {
namespace {

ReplyReader& feed_all(ReplyReader& reader, std::string_view bytes) {
  std::vector<Reply> replies;
  EXPECT_FALSE(reader.feed(bytes, replies));
  return reader;
}

std::string detail_of(std::string_view bytes) {
  ReplyReader reader;
  return feed_all(reader, bytes).detail();
}

struct Case {
  const char* bytes;
  const char* text;
};

std::ostream& operator<<(std::ostream& out, const Case& value) {
  return out << value.text;
}

class Resp3Type : public ::testing::TestWithParam<Case> {};

TEST_P(Resp3Type, IsUnderstoodInAnyTwoPieces) {
  // Between two others, so that nothing of a reply is left to the next.
  const std::string bytes = "$1\r\nb\r\n" + std::string(GetParam().bytes) + "+E\r\n";
  const std::string text = "\"b\";" + std::string(GetParam().text) + "+E;";
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    ReplyReader reader;
    std::vector<Reply> replies;
    EXPECT_TRUE(reader.feed(bytes.substr(0, first), replies)) << reader.detail();
    EXPECT_TRUE(reader.feed(bytes.substr(first), replies)) << reader.detail();
    EXPECT_EQ(print(replies), text) << "split at " << first;
  }
}

TEST_P(Resp3Type, IsUnderstoodByteByByte) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (const char byte : std::string(GetParam().bytes)) {
    ASSERT_TRUE(reader.feed({&byte, 1}, replies)) << reader.detail();
  }
  EXPECT_EQ(print(replies), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Reply, Resp3Type,
    ::testing::Values(
        Case{"_\r\n", "nil;"}, Case{",1.5e3\r\n", "\"1.5e3\";"}, Case{",-inf\r\n", "\"-inf\";"},
        Case{"(3492890328409238509324850943850943825024385\r\n",
             "\"3492890328409238509324850943850943825024385\";"},
        Case{"#t\r\n", "1;"}, Case{"#f\r\n", "0;"}, Case{":+5\r\n", "5;"},
        Case{"!9\r\nERR a\r\nb!\r\n", "-ERR a\r\nb!;"}, Case{"!0\r\n\r\n", "-;"},
        Case{"=8\r\ntxt:Some\r\n", "\"Some\";"}, Case{"=4\r\nmkd:\r\n", "\"\";"},
        Case{"~3\r\n:1\r\n+a\r\n$1\r\nb\r\n", "[1 +a \"b\"];"}, Case{"~0\r\n", "[];"},
        Case{"%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n#t\r\n_\r\n", "[+a 1 +b [1 nil]];"},
        Case{"%0\r\n", "[];"},
        Case{">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", ">[\"invalidate\" [\"k\"]];"},
        Case{">2\r\n+invalidate\r\n_\r\n", ">[+invalidate nil];"}, Case{">0\r\n", ">[];"},
        Case{"*2\r\n*1\r\n%1\r\n$1\r\na\r\n~1\r\n$2\r\nbc\r\n$3\r\ndef\r\n",
             "[[[\"a\" [\"bc\"]]] \"def\"];"},
        // Attributes belong to what follows, wherever that is.
        Case{"|1\r\n+ttl\r\n:3600\r\n$1\r\na\r\n", "\"a\";"},
        Case{"|1\r\n+ttl\r\n*2\r\n$1\r\nx\r\n%1\r\n:1\r\n:2\r\n*1\r\n$1\r\na\r\n", "[\"a\"];"},
        Case{"*3\r\n$1\r\na\r\n|1\r\n$3\r\nkey\r\n$5\r\nvalue\r\n$1\r\nb\r\n$1\r\nc\r\n",
             "[\"a\" \"b\" \"c\"];"},
        Case{"|0\r\n:1\r\n", "1;"}, Case{"|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n:3\r\n", "3;"},
        Case{"|1\r\n+a\r\n+b\r\n>1\r\n+p\r\n", ">[+p];"},
        Case{"*1\r\n|1\r\n+a\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n", "[[\"c\"]];"}));

TEST(Resp3, PushesComeBetweenReplies) {
  EXPECT_EQ(print_all(":1\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n*1\r\n:2\r\n>1\r\n+x\r\n"
                      ">1\r\n+y\r\n$1\r\nz\r\n"),
            "1;>[+invalidate [\"k\"]];[2];>[+x];>[+y];\"z\";");
}

TEST(Resp3, ElementsOfAMapCountTwice) {
  ReplyReader reader;
  EXPECT_EQ(
      feed_all(reader, "%" + std::to_string(limits::reply_elements / 2 + 1) + "\r\n").failure(),
      errc::too_large);
}

TEST(Resp3, AttributesCountForTheReplyTheyBelongTo) {
  ReplyReader reader(1000);
  EXPECT_EQ(
      feed_all(reader, "|1\r\n+a\r\n$600\r\n" + std::string(600, 'a') + "\r\n$600\r\n").failure(),
      errc::too_large);
  const std::string most = std::to_string(limits::reply_elements / 2 - 1);
  ReplyReader other;
  EXPECT_EQ(feed_all(other, "|1\r\n:1\r\n:2\r\n%" + most + "\r\n").failure(), errc::too_large);
}

TEST(Resp3, EveryKindOfListIsALevel) {
  for (const char* list : {"*1\r\n", "~1\r\n", "%1\r\n", "|1\r\n"}) {
    std::string bytes;
    for (std::size_t i = 0; i < limits::reply_depth; ++i) bytes += list;
    ReplyReader reader;
    std::vector<Reply> replies;
    EXPECT_TRUE(reader.feed(bytes, replies)) << list;
    EXPECT_FALSE(reader.feed("*1\r\n", replies)) << list;
    EXPECT_EQ(reader.detail(), "the server's reply is nested too deep");
  }
}

TEST(Resp3, TextsOfLinesCount) {
  for (const char* type : {"+", "-", ",", "("}) {
    ReplyReader reader(1000);
    EXPECT_EQ(feed_all(reader, type + std::string(1001, '1') + "\r\n").failure(), errc::too_large);
  }
}

TEST(Resp3, SaysWhatIsWrongWithoutBytesThatDoNotPrint) {
  EXPECT_EQ(detail_of("HTTP/1.1 400\r\n"),
            "the server does not speak the Redis protocol: a reply begins with \"H\"");
  EXPECT_EQ(detail_of("\x16\x03\x01"),
            "the server does not speak the Redis protocol: a reply begins with the byte 0x16");
  EXPECT_EQ(detail_of("$5\r\nabcdefg\r\n"), "the server sent a string longer than announced");
  EXPECT_EQ(detail_of("$x\r\n"), "the server sent a length that is not a number");
  EXPECT_EQ(detail_of("*?\r\n"), "the server sent a length that is not a number");
  EXPECT_EQ(detail_of(":x\r\n"), "the server sent an integer that is not a number");
  EXPECT_EQ(detail_of("*-3\r\n"), "the server sent a count below zero");
  EXPECT_EQ(detail_of("*1\r\n>1\r\n"), "the server sent a push inside another reply");
}

// The longest line, whole or not, is the same in any pieces.
TEST(Resp3, ALineOfTheGreatestLengthIsUnderstood) {
  const std::string longest = "+" + std::string(64U << 10, 'a') + "\r\n";
  EXPECT_EQ(read_all(longest).at(0).root().text.size(), 64U << 10);
  for (const std::size_t piece : {1U, 1000U, 1U << 20}) {
    for (const std::string& bytes : {longest, "+a" + longest.substr(1)}) {
      ReplyReader reader;
      std::vector<Reply> replies;
      bool is_sound = true;
      for (std::size_t at = 0; at < bytes.size() && is_sound; at += piece) {
        is_sound = reader.feed(std::string_view(bytes).substr(at, piece), replies);
      }
      EXPECT_EQ(is_sound, bytes.size() == longest.size()) << piece;
    }
  }
}

// Whoever looks at bytes again with every piece does not come to an end here.
TEST(Resp3, ALargeReplyMayComeInSmallPieces) {
  constexpr std::size_t count = 1'000'000;
  ReplyReader reader;
  std::vector<Reply> replies;
  const auto feed = [&](std::string_view bytes) { return reader.feed(bytes, replies); };
  const auto trickle = [&](std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [&](const char& byte) {
      return feed({&byte, 1});
    });
  };
  ASSERT_TRUE(trickle("*" + std::to_string(count) + "\r\n"));
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_TRUE(trickle(i % 2 == 0 ? ":7\r\n" : "$1\r\na\r\n"));
  ASSERT_EQ(replies.size(), 1U);
  ASSERT_EQ(replies[0].root().elements.size(), count);
  EXPECT_EQ(replies[0].root().elements[count - 2].integer, 7);
  EXPECT_EQ(replies[0].root().elements[count - 1].text, "a");

  const std::string piece(16U << 10, 'x');
  ASSERT_TRUE(feed("$" + std::to_string(4096 * piece.size()) + "\r\n"));
  for (int i = 0; i < 4096; ++i) ASSERT_TRUE(feed(piece));
  ASSERT_TRUE(feed("\r\n"));
  EXPECT_EQ(replies.at(1).root().text.size(), 4096 * piece.size());
}

// With a sanitizer's allocator this says nothing.
std::size_t taken_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(Resp3, WhatAnArrayAnnouncesTakesNothingBeforeItComes) {
  const std::string begin =
      "*" + std::to_string(limits::reply_elements - 1) + "\r\n*1\r\n$1\r\na\r\n:1\r\n$1\r\na\r\n";
  ReplyReader reader;
  std::vector<Reply> replies;
  const std::size_t before = taken_bytes();
  ASSERT_TRUE(reader.feed(begin, replies));
  EXPECT_LT(taken_bytes(), before + (256U << 10));
  EXPECT_TRUE(replies.empty());
}

// A random tree: what is sent of it and what must be read.
class Trees {
 public:
  explicit Trees(unsigned seed) : random_(seed) {}

  void add(std::size_t depth = 0) {
    static constexpr std::string_view scalars = "+-:$_,(#!=0";
    const bool may_nest = depth < limits::reply_depth;
    if (may_nest && number(12) == 0) attribute(depth);
    const std::size_t kind = number(may_nest ? scalars.size() + 3 : scalars.size() - 1);
    if (kind < scalars.size()) {
      scalar(scalars[kind]);
    } else {
      list("*~%>"[depth == 0 ? kind - scalars.size() : (kind - scalars.size()) % 3], depth);
    }
    if (depth == 0) text += ";";
  }
  std::size_t number(std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random_);
  }

  std::string bytes;
  std::string text;

 private:
  std::string random_text(bool is_line) {
    const std::size_t size = number(20) == 0 ? number(3000) : number(12);
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
      out += is_line ? static_cast<char>('a' + number(25)) : static_cast<char>(number(255));
    }
    return out;
  }

  void scalar(char type) {
    const bool is_line = type == '+' || type == '-' || type == ',' || type == '(';
    std::string value = random_text(is_line);
    switch (type) {
      case '+':
      case '-':
        bytes += type + value + "\r\n";
        text += type + value;
        break;
      case ',':
      case '(':
        bytes += type + value + "1\r\n";
        text += "\"" + value + "1\"";
        break;
      case ':':
        value =
            std::to_string(static_cast<std::int64_t>(random_() * (random_() % 2 == 0 ? 1 : -1)));
        bytes += ":" + value + "\r\n";
        text += value;
        break;
      case '#':
        bytes += value.empty() ? "#f\r\n" : "#t\r\n";
        text += value.empty() ? "0" : "1";
        break;
      case '_':
      case '0':
        bytes += type == '_' ? "_\r\n" : number(1) == 0 ? "$-1\r\n" : "*-1\r\n";
        text += "nil";
        break;
      default: {
        const std::string sent = (type == '=' ? "txt:" : "") + value;
        bytes += type + std::to_string(sent.size()) + "\r\n" + sent + "\r\n";
        text += type == '!' ? "-" + value : "\"" + value + "\"";
      }
    }
  }

  void list(char type, std::size_t depth) {
    const std::size_t count = number(5);
    bytes += type + std::to_string(count) + "\r\n";
    text += type == '>' ? ">[" : "[";
    const std::size_t elements = count * (type == '%' ? 2 : 1);
    for (std::size_t i = 0; i < elements; ++i) {
      if (i != 0) text += " ";
      add(depth + 1);
    }
    text += "]";
  }

  // Sent, and no part of what is read.
  void attribute(std::size_t depth) {
    const std::string before = text;
    const std::size_t pairs = number(2);
    bytes += "|" + std::to_string(pairs) + "\r\n";
    for (std::size_t i = 0; i < 2 * pairs; ++i) add(depth + 1);
    text = before;
  }

  std::mt19937_64 random_;
};

class RandomReplies : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomReplies, AreReadAsTheyWereSentInAnyPieces) {
  Trees trees(GetParam());
  for (int i = 0; i < 300; ++i) trees.add();
  for (const std::size_t most : {1U, 3U, 40U, 500U, 20'000U, 1U << 30}) {
    ReplyReader reader;
    std::vector<Reply> replies;
    std::string_view rest = trees.bytes;
    while (!rest.empty()) {
      // A piece of its own, so that a sanitizer sees who looks at it later.
      const std::string piece(rest.substr(0, 1 + trees.number(most - 1)));
      ASSERT_TRUE(reader.feed(piece, replies)) << reader.detail();
      rest.remove_prefix(piece.size());
    }
    ASSERT_EQ(replies.size(), 300U);
    ASSERT_EQ(print(replies), trees.text) << "in pieces of up to " << most;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomReplies, ::testing::Range(0U, 20U));

}  // namespace
}  // namespace dialogstore::redis
