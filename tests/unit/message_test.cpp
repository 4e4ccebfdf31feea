#include "dialogstore/message.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <type_traits>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "model/message_text.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

static_assert(std::is_convertible_v<const char*, Message>);
static_assert(std::is_convertible_v<std::string, Message>);
static_assert(std::is_convertible_v<std::string_view, Message>);

constexpr std::string_view nulls =
    R"({"text":null,"commands":null,"attachments":null,"annotations":null,"misc":null})";

std::string failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const FormatError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_json);
    return error.detail();
  }
  return "";
}

std::string as_dff(std::string_view stored) {
  std::string out;
  append_dff_message(out, stored);
  return out;
}

TEST(Label, RoundTrips) {
  EXPECT_EQ((Label{"greeting", "he\"llo"}).to_json(), R"(["greeting","he\"llo"])");
  EXPECT_EQ(Label::from_json(R"( [ "a\u0062" , "" ] )"), (Label{"ab", ""}));
  EXPECT_THROW(static_cast<void>(Label{"\xFF", "n"}.to_json()), FormatError);
}

TEST(Label, RefusesAllButTwoStrings) {
  for (const char* text :
       {"[]", R"(["a"])", R"(["a","b","c"])", R"(["a",1])", R"([null,"b"])", R"("ab")", "{}",
        "null", R"(["a","b"] 1)", R"(["a","b")", R"(["a","b",])", R"(["a" "b"])", ""}) {
    EXPECT_NE(failure([&] { static_cast<void>(Label::from_json(text)); }), "") << text;
  }
  EXPECT_EQ(failure([] { static_cast<void>(Label::from_json(R"(["a",1])")); }),
            "label: a value of another type is expected, at byte 5");
}

TEST(Message, AnEmptyMessageHasAllFiveFields) {
  EXPECT_EQ(Message().to_json(), nulls);
}

TEST(Message, WritesFieldsInOrderThenExtras) {
  Message message("Hi\n");
  message.commands = Json::parse("[1]");
  message.attachments = Json::parse(R"({"files":[]})");
  message.annotations = Json::parse(R"({"a":1.0})");
  message.misc = Json::parse("{}");
  message.extra.set("ui", Json::parse("{\"kb\": [1]}"));
  message.extra.set("a", true);
  EXPECT_EQ(message.to_json(),
            R"({"text":"Hi\n","commands":[1],"attachments":{"files":[]},"annotations":{"a":1.0},)"
            R"("misc":{},"ui":{"kb": [1]},"a":true})");
  EXPECT_EQ(Message::from_json(message.to_json()), message);
}

TEST(Message, ReadsAnyOrderAndMissingFields) {
  const Message message =
      Message::from_json(R"( {"z": 1.0, "misc":{"n":123456789012345678901234567890},)"
                         R"( "te\u0078t" : "\u041f" , "commands":null} )");
  EXPECT_EQ(message.text, "П");
  EXPECT_TRUE(message.commands.is_null());
  EXPECT_TRUE(message.annotations.is_null());
  EXPECT_EQ(message.misc.text(), R"({"n":123456789012345678901234567890})");
  EXPECT_EQ(message.extra.to_text(), R"({"z":1.0})");
  EXPECT_EQ(Message::from_json("{}"), Message());
  EXPECT_FALSE(Message::from_json(R"({"text":null})").text.has_value());
  EXPECT_EQ(Message::from_json(R"({"text":""})").text, "");
}

TEST(Message, RefusalsNameTheFieldAndNeverQuote) {
  const auto detail = [](std::string_view text) {
    const std::string first = failure([&] { static_cast<void>(Message::from_json(text)); });
    EXPECT_EQ(failure([&] { static_cast<void>(to_stored_message(text)); }), first);
    return first;
  };
  EXPECT_EQ(detail("[]"), "a value of another type is expected, at byte 0");
  EXPECT_EQ(detail("null"), "a value of another type is expected, at byte 0");
  EXPECT_EQ(detail(R"({"text":5})"), "text: a value of another type is expected, at byte 8");
  EXPECT_EQ(detail(R"({"text":["secret"]})"),
            "text: a value of another type is expected, at byte 8");
  EXPECT_EQ(detail(R"({"misc":{"secret":x}})"), "misc: this byte cannot stand here, at byte 18");
  EXPECT_EQ(detail(R"({"text":"a","text":"a"})"), "text: a name is repeated, at byte 13");
  EXPECT_EQ(detail(R"({"text":null,"te\u0078t":null})"), "text: a name is repeated, at byte 14");
  EXPECT_EQ(detail(R"({"s":1,"t":2,"\u0073":3})"), "a name is repeated, at byte 14");
  EXPECT_EQ(detail("{\"text\":\"\xFF\"}"), "text: not UTF-8, at byte 9");
  EXPECT_EQ(detail(R"({"text":"\udc00"})"), "text: half of a surrogate pair, at byte 9");
  EXPECT_EQ(detail(R"({"text":"a"} x)"), "more text behind the value, at byte 13");
}

TEST(Message, DepthIsBoundedInEachField) {
  const auto message = [](std::size_t depth) {
    return R"({"misc":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(to_stored_message(message(limits::json_depth)), message(limits::json_depth));
  EXPECT_THROW(static_cast<void>(to_stored_message(message(limits::json_depth + 1))), FormatError);
  EXPECT_THROW(static_cast<void>(Message::from_json(message(limits::json_depth + 1))), FormatError);
}

TEST(Message, WhatCannotBeWrittenIsRefused) {
  EXPECT_EQ(failure([] { static_cast<void>(Message("\xC3").to_json()); }),
            "text: the text is not UTF-8");
  Message message;
  message.extra.set("text", "shadow");
  EXPECT_NE(failure([&] { static_cast<void>(message.to_json()); }), "");
}

TEST(StoredMessage, LeavesOutNullsOfKnownFieldsOnly) {
  EXPECT_EQ(to_stored_message(nulls), "{}");
  EXPECT_EQ(as_dff("{}"), nulls);
  EXPECT_EQ(to_stored_message(R"({"x":null,"misc":{"a":null},"text":"Hi"})"),
            R"({"text":"Hi","misc":{"a":null},"x":null})");
  EXPECT_EQ(as_dff(R"({"text":"Hi","misc":{"a":null},"x":null})"),
            R"({"text":"Hi","commands":null,"attachments":null,"annotations":null,)"
            R"("misc":{"a":null},"x":null})");
  EXPECT_EQ(to_stored_message(R"({"only":1})"), R"({"only":1})");
}

TEST(StoredMessage, KeepsTheBytesOfValues) {
  const std::string stored = to_stored_message(
      R"({ "text" : "\u00e9\/" , "misc" : { "a" : [ 1.0 , 1e+20 ] } , "\u0078":-0})");
  EXPECT_EQ(stored, R"({"text":"\u00e9\/","misc":{ "a" : [ 1.0 , 1e+20 ] },"\u0078":-0})");
  EXPECT_EQ(to_stored_message(stored), stored);
  EXPECT_EQ(to_stored_message(as_dff(stored)), stored);
}

TEST(StoredMessage, ManyExtraFields) {
  std::string text = "{";
  for (int i = 0; i < 3000; ++i) text += (i > 0 ? ",\"x" : "\"x") + std::to_string(i) + "\":1";
  EXPECT_EQ(to_stored_message(text + "}"), text + "}");
  EXPECT_THROW(static_cast<void>(to_stored_message(text + ",\"x1500\":2}")), FormatError);
}

TEST(StoredMessage, RandomMessagesSurviveBothSpellings) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    const Message message = random.message();
    const std::string dff = message.to_json();
    ASSERT_EQ(Message::from_json(dff), message);
    ASSERT_EQ(Message::from_json(dff).to_json(), dff);
    const std::string stored = to_stored_message(dff);
    ASSERT_EQ(as_dff(stored), dff);
    ASSERT_EQ(Message::from_json(stored), message);
    ASSERT_LE(stored.size(), dff.size());
  }
}

}  // namespace
}  // namespace dialogstore
