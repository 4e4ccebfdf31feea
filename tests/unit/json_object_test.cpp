#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore {
namespace {

std::string many_members(std::int64_t count) {
  std::string text = "{";
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += "\"k" + std::to_string(i * 7919 % count) + "\":" + std::to_string(i);
  }
  return text + "}";
}

TEST(JsonObject, ParsesInOrderAndWritesWithoutSpaces) {
  const JsonObject object = JsonObject::parse(R"( { "b" : 1 , "a" : [ 2 ] , "\u0063" : null } )");
  EXPECT_EQ(object.to_text(), R"({"b":1,"a":[ 2 ],"c":null})");
  EXPECT_EQ(object.size(), 3U);
  EXPECT_FALSE(object.empty());
  EXPECT_TRUE(object.contains("c"));
  EXPECT_FALSE(object.contains("d"));
  EXPECT_EQ(JsonObject::parse("{}").to_text(), "{}");
  EXPECT_TRUE(JsonObject::parse("{ }").empty());
  std::string out = "x";
  object.append_to(out);
  EXPECT_EQ(out, "x" + object.to_text());
}

TEST(JsonObject, RefusesOtherValuesAndRepeatedNames) {
  for (const char* text : {"[]", "1", "null", "", "{", "{} {}", R"({"a":1,"a":1})",
                           R"({"a":1,"b":2,"\u0061":3})", R"({"a":1,})"}) {
    EXPECT_THROW(static_cast<void>(JsonObject::parse(text)), FormatError) << text;
  }
  std::string many = many_members(1000);
  EXPECT_NO_THROW(static_cast<void>(JsonObject::parse(many)));
  many.insert(1, "\"k500\":0,");
  EXPECT_THROW(static_cast<void>(JsonObject::parse(many)), FormatError);
}

TEST(JsonObject, SetReplacesInPlaceOrAppends) {
  JsonObject object{{"a", 1}, {"b", 2}};
  object.set("a", "new");
  object.set("c", 3);
  EXPECT_EQ(object.to_text(), R"({"a":"new","b":2,"c":3})");
  EXPECT_THROW(object.set("\xFF", 1), FormatError);
  EXPECT_EQ(object.size(), 3U);
  EXPECT_EQ((JsonObject{{"a", 1}, {"a", 2}}).to_text(), R"({"a":2})");
}

TEST(JsonObject, EraseSaysWhetherThereWasOne) {
  JsonObject object{{"a", 1}, {"b", 2}, {"c", 3}};
  EXPECT_TRUE(object.erase("b"));
  EXPECT_FALSE(object.erase("b"));
  EXPECT_EQ(object.to_text(), R"({"a":1,"c":3})");
  object.clear();
  EXPECT_TRUE(object.empty());
  EXPECT_EQ(object.find("a"), nullptr);
}

TEST(JsonObject, EqualityFollowsOrderAndText) {
  EXPECT_EQ((JsonObject{{"a", 1}, {"b", 2}}), JsonObject::parse(R"({ "a": 1, "b": 2})"));
  EXPECT_NE((JsonObject{{"a", 1}, {"b", 2}}), (JsonObject{{"b", 2}, {"a", 1}}));
}

TEST(JsonObject, NamesWithZeroBytesAndNonAsciiAreDistinct) {
  JsonObject object;
  object.set(std::string_view("a\0b", 3), 1);
  object.set("a", 2);
  object.set("é", 3);
  EXPECT_EQ(object.to_text(), "{\"a\\u0000b\":1,\"a\":2,\"é\":3}");
  EXPECT_EQ(object.find(std::string_view("a\0b", 3))->text(), "1");
}

// Against std::map, across the size at which the index takes over, in both directions.
TEST(JsonObject, ManyMembersBehaveAsAMap) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 engine(seed);
    JsonObject object;
    std::map<std::string, int> oracle;
    for (int step = 0; step < 400; ++step) {
      const bool growing = step % 200 < 120;
      const std::string name = "n" + std::to_string(engine() % 90);
      if (engine() % 10 < (growing ? 8U : 2U)) {
        object.set(name, step);
        oracle[name] = step;
      } else {
        ASSERT_EQ(object.erase(name), oracle.erase(name) == 1);
      }
      ASSERT_EQ(object.size(), oracle.size());
      const std::string probe = "n" + std::to_string(engine() % 90);
      const auto expected = oracle.find(probe);
      const Json* found = object.find(probe);
      ASSERT_EQ(found != nullptr, expected != oracle.end());
      if (found != nullptr) {
        ASSERT_EQ(found->as_int64(), expected->second);
      }
    }
    const JsonObject copy = JsonObject::parse(object.to_text());
    ASSERT_EQ(copy, object);
    for (const auto& [name, value] : oracle) ASSERT_EQ(copy.find(name)->as_int64(), value);
  }
}

TEST(JsonObject, ManyNamesThatBeginAlikeAreFoundAndToldApart) {
  std::vector<std::string> names{std::string(1, '\0'), std::string(9, '\0'), "\xc3\xbf"};
  for (int length = 0; length < 40; ++length) {
    names.push_back(std::string(static_cast<std::size_t>(length), 'a'));
    names.push_back(names.back() + "b");
  }
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? '{' : ',';
    ASSERT_TRUE(append_json_string(text, name));
    text += ":1";
  }
  const JsonObject object = JsonObject::parse(text + '}');
  for (const std::string& name : names) EXPECT_TRUE(object.contains(name));
  EXPECT_FALSE(object.contains("aaaaaaaac"));
  EXPECT_FALSE(object.contains(std::string(8, '\0')));
  for (const char* repeated : {R"("aaaaaaaaaaaab")", R"("ab")"}) {
    EXPECT_THROW(JsonObject::parse(text + ',' + repeated + ":2}"), FormatError);
  }
}

TEST(JsonObject, VeryManyMembersInTime) {
  const int count = 200'003;  // a prime, so that every name of many_members is its own
  const JsonObject object = JsonObject::parse(many_members(count));
  EXPECT_EQ(object.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(object.contains("k199999"));
}

}  // namespace
}  // namespace dialogstore
