#include "redis/command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace dialogstore::redis {
namespace {

TEST(Command, IsAnArrayOfBulkStrings) {
  EXPECT_EQ(encode_command({"GET", "key"}), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}

TEST(Command, KeepsEmptyArguments) {
  EXPECT_EQ(encode_command({"SET", ""}), "*2\r\n$3\r\nSET\r\n$0\r\n\r\n");
}

TEST(Command, KeepsAnyByteOfAnArgument) {
  const std::string argument("\0\r\n$1\xFF", 6);
  EXPECT_EQ(encode_command({argument}), "*1\r\n$6\r\n" + argument + "\r\n");
}

TEST(Command, EncodesASpanAsAList) {
  const std::vector<std::string_view> words(1000, "word");
  const std::string bytes = encode_command(words);
  EXPECT_EQ(bytes.substr(0, 17), "*1000\r\n$4\r\nword\r\n");
  EXPECT_EQ(bytes.size(), 7U + 1000U * 10U);
}

}  // namespace
}  // namespace dialogstore::redis
