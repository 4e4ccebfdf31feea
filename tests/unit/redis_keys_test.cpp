// Names of Redis keys: escaping, slots, and the way back.
#include "redis/keys.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dialogstore::redis {
namespace {

TEST(RedisKeys, Crc16HasThePublishedCheckValue) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
}

TEST(RedisKeys, SlotsAreThoseOfRedisCluster) {
  // As CLUSTER KEYSLOT answers.
  EXPECT_EQ(key_slot("foo"), 12182);
  EXPECT_EQ(key_slot("{foo}"), 12182);
  EXPECT_EQ(key_slot("a{foo}b{bar}"), 12182);
  EXPECT_EQ(key_slot("foo{}{bar}"), crc16("foo{}{bar}") % slot_count);
  EXPECT_EQ(key_slot("foo{{bar}}zap"), crc16("{bar") % slot_count);
  EXPECT_EQ(key_slot("{"), crc16("{") % slot_count);
  EXPECT_EQ(key_slot(""), 0);
}

TEST(RedisKeys, NamesAreFrozen) {
  const KeyNames names("bot-1");
  EXPECT_EQ(names.context("user 7").text, "bot-1:{user 7}");
  EXPECT_EQ(names.context("a}b{c%d").text, "bot-1:{a%7Db%7Bc%25d}");
  EXPECT_EQ(names.meta().text, "bot-1:meta");
  EXPECT_EQ(names.index(12).text, "bot-1:index:12");
  EXPECT_EQ(names.nothing().text, "bot-1:{}");
}

TEST(RedisKeys, TheWholeKeyIsTheHashTag) {
  const KeyNames names("n");
  for (const std::string key : {"{}", "}", "{tag}x", "a}{b", "%7D", "plain"}) {
    const auto name = names.context(key);
    const auto tag = name.text.substr(3, name.text.size() - 4);
    EXPECT_EQ(name.slot, crc16(tag) % slot_count) << key;
    EXPECT_EQ(tag.find_first_of("{}"), std::string::npos) << key;
  }
}

TEST(RedisKeys, EveryByteComesBack) {
  const KeyNames names("n:x");
  std::set<std::string> seen;
  for (int a = 0; a < 256; ++a) {
    for (const int b : {0, int{'%'}, int{'{'}, int{'}'}, int{'2'}, int{'7'}, int{'B'}, 255}) {
      const std::string key{static_cast<char>(a), static_cast<char>(b)};
      const auto name = names.context(key).text;
      EXPECT_TRUE(seen.insert(name).second);
      ASSERT_EQ(names.key_of(name), key);
    }
  }
}

TEST(RedisKeys, OtherNamesAreNobodysKey) {
  const KeyNames names("n");
  for (const char* name :
       {"", "n", "n:", "n:{", "n:{}", "n:{a", "n:a}", "n:meta", "n:index:0", "m:{a}", "nn:{a}",
        "n:{a{b}", "n:{a}b}", "n:{%}", "n:{%7}", "n:{%7d}", "n:{%41}", "n:{a%2}", " n:{a}"}) {
    EXPECT_EQ(names.key_of(name), std::nullopt) << name;
  }
}

TEST(RedisKeys, ThePatternEscapesWhatAGlobWouldRead) {
  EXPECT_EQ(KeyNames("a.b:c/d_e").context_pattern(), "a.b:c/d_e:{*}");
  EXPECT_EQ(KeyNames("a*[b]?\\").context_pattern(), "a\\*\\[b\\]\\?\\\\:{*}");
}

TEST(RedisKeys, ShardsAreStable) {
  EXPECT_EQ(KeyNames::shard_of("anything", 1), 0U);
  EXPECT_EQ(KeyNames::shard_of("123456789", 16), 0x31C3U % 16);
}

}  // namespace
}  // namespace dialogstore::redis
