#include "model/json_scanner.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dialogstore {
namespace {

struct Verdict {
  JsonFault fault;
  std::size_t offset;
  friend bool operator==(const Verdict&, const Verdict&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
    return out << describe(verdict.fault) << " at " << verdict.offset;
  }
};

Verdict scan(std::string_view text) {
  JsonCursor cursor(text);
  std::string_view span;
  const bool valid = cursor.value(span) && cursor.at_end();
  EXPECT_EQ(valid, cursor.fault() == JsonFault::none);
  return {cursor.fault(), valid ? 0 : cursor.offset()};
}

constexpr Verdict valid{JsonFault::none, 0};

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonScanner, AcceptsJson) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "10",
                           "-1.5",
                           "1e5",
                           "1E+5",
                           "1.25e-10",
                           R"("")",
                           "[]",
                           "{}",
                           "[1,2]",
                           R"({"a":1,"b":[{}]})",
                           " \t\r\n[ 1 , 2 ] \n",
                           R"({ "a" : { } , "b" : [ ] })",
                           R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")",
                           "\"\x7f\"",
                           "\"ж漢😀\u2028\"",
                           "\"\xF4\x8F\xBF\xBF\"",
                           "\"0123456789abcdef\"",
                           R"({"":1,"":2})"}) {
    EXPECT_EQ(scan(text), valid) << text;
  }
}

TEST(JsonScanner, RefusesAndNamesThePlace) {
  const auto expect = [](std::string_view text, JsonFault fault, std::size_t offset) {
    EXPECT_EQ(scan(text), (Verdict{fault, offset})) << text;
  };
  expect("", JsonFault::unexpected_end, 0);
  expect("  ", JsonFault::unexpected_end, 2);
  expect("nul", JsonFault::unexpected_end, 3);
  expect("nulL", JsonFault::unexpected_byte, 3);
  expect("NaN", JsonFault::unexpected_byte, 0);
  expect("Infinity", JsonFault::unexpected_byte, 0);
  expect("-Infinity", JsonFault::bad_number, 1);
  expect("-", JsonFault::unexpected_end, 1);
  expect("+1", JsonFault::unexpected_byte, 0);
  expect("01", JsonFault::trailing_bytes, 1);
  expect("1.", JsonFault::unexpected_end, 2);
  expect("1.e5", JsonFault::bad_number, 2);
  expect(".5", JsonFault::unexpected_byte, 0);
  expect("1e+", JsonFault::unexpected_end, 3);
  expect("1ex", JsonFault::bad_number, 2);
  expect("0x10", JsonFault::trailing_bytes, 1);
  expect("[1", JsonFault::unexpected_end, 2);
  expect("[1,]", JsonFault::unexpected_byte, 3);
  expect("[1 2]", JsonFault::unexpected_byte, 3);
  expect("[1}", JsonFault::unexpected_byte, 2);
  expect("[[1}]", JsonFault::unexpected_byte, 3);
  expect(R"({"a":1)", JsonFault::unexpected_end, 6);
  expect(R"({"a":1,})", JsonFault::unexpected_byte, 7);
  expect(R"({"a" 1})", JsonFault::unexpected_byte, 5);
  expect("{a:1}", JsonFault::unexpected_byte, 1);
  expect("{1:1}", JsonFault::unexpected_byte, 1);
  expect("{'a':1}", JsonFault::unexpected_byte, 1);
  expect(R"({"a":[1})", JsonFault::unexpected_byte, 7);
  expect("\"abc", JsonFault::unexpected_end, 4);
  expect("\"ab\nc\"", JsonFault::control_in_string, 3);
  expect("\"0123456789\x1f\"", JsonFault::control_in_string, 11);
  expect(std::string_view("\"a\0\"", 4), JsonFault::control_in_string, 2);
  expect(R"("a\x41")", JsonFault::bad_escape, 2);
  expect(R"("\u12g4")", JsonFault::bad_escape, 1);
  expect(R"("\u12)", JsonFault::bad_escape, 1);
  expect("\"\\", JsonFault::unexpected_end, 1);
  expect("1 2", JsonFault::trailing_bytes, 2);
  expect("{} x", JsonFault::trailing_bytes, 3);
  expect("\xEF\xBB\xBF{}", JsonFault::unexpected_byte, 0);
  expect("// comment\n1", JsonFault::unexpected_byte, 0);
}

TEST(JsonScanner, RefusesHalfSurrogatePairs) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")",
                           R"("\ud800\u0041")", R"("\ud800\ud800")", R"("\ud83d\ude0")"}) {
    EXPECT_EQ(scan(text), (Verdict{JsonFault::lone_surrogate, 1})) << text;
  }
}

TEST(JsonScanner, RefusesWhatIsNotUtf8) {
  for (const char* bytes : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF",
                            "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x82", "\xE2(\xA1", "\xE2\x82(",
                            "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                            "\xF0\x9F\x98", "\xF0\x9F(\x80", "\xF0\x9F\x98("}) {
    EXPECT_EQ(scan('"' + std::string(bytes) + '"').fault, JsonFault::not_utf8) << bytes;
    EXPECT_EQ(scan("\"Ж" + std::string(bytes) + '"').offset, 3U);
    EXPECT_FALSE(is_utf8(bytes));
  }
  EXPECT_EQ(scan("\"a\" \xC3\xA9"), (Verdict{JsonFault::trailing_bytes, 4}));
}

// Plain characters are passed several at a time: wherever the next special one stands, and whatever
// byte it is, it must be met.
TEST(JsonScanner, MeetsEveryByteAtEveryPlaceOfAString) {
  for (std::size_t before = 0; before < 40; ++before) {
    for (int byte = 0; byte < 256; ++byte) {
      const std::string start = '"' + std::string(before, 'a') + static_cast<char>(byte);
      const Verdict verdict = scan(start + std::string(40, 'b') + '"');
      if (byte < 0x20) {
        EXPECT_EQ(verdict, (Verdict{JsonFault::control_in_string, before + 1})) << byte;
      } else if (byte == '"') {
        EXPECT_EQ(verdict, (Verdict{JsonFault::trailing_bytes, before + 2}));
      } else if (byte >= 0x80) {
        EXPECT_EQ(verdict, (Verdict{JsonFault::not_utf8, before + 1})) << byte;
      } else if (byte != '\\') {  // of a backslash and a b becomes an escape
        EXPECT_EQ(verdict, valid) << byte;
      }
    }
  }
}

TEST(JsonScanner, EveryTruncationIsAnErrorAtOrBeforeTheEnd) {
  const std::string whole =
      R"({"a\u00e9":[1.5e3,"ж\ud83d\ude00",null,{"b":true}],"c":"0123456789"})";
  ASSERT_EQ(scan(whole), valid);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of the exact size, so that the address sanitizer sees any read past the end.
    const std::vector<char> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Verdict verdict = scan(std::string_view(part.data(), part.size()));
    EXPECT_NE(verdict.fault, JsonFault::none);
    EXPECT_LE(verdict.offset, size);
  }
}

TEST(JsonScanner, DepthIsBoundedAndNotByTheStack) {
  std::string_view span;
  const std::string deepest = nested(limits::json_depth);
  JsonCursor fits(deepest, limits::json_depth);
  EXPECT_TRUE(fits.value(span));
  const std::string deeper = nested(limits::json_depth + 1);
  JsonCursor beyond(deeper, limits::json_depth);
  EXPECT_FALSE(beyond.value(span));
  EXPECT_EQ(beyond.fault(), JsonFault::too_deep);
  EXPECT_EQ(beyond.offset(), limits::json_depth);
  EXPECT_EQ(scan(nested(limits::json_depth + envelope_depth)), valid);
  EXPECT_EQ(scan(nested(limits::json_depth + envelope_depth + 1)).fault, JsonFault::too_deep);
  EXPECT_EQ(scan(std::string(5'000'000, '[')).fault, JsonFault::too_deep);
  JsonCursor unlimited(deeper, 1'000'000);  // never beyond what it can keep track of
  EXPECT_TRUE(unlimited.value(span));
  const std::string huge = nested(100'000);
  JsonCursor capped(huge, 1'000'000);
  EXPECT_FALSE(capped.value(span));
}

TEST(JsonScanner, MixedNestingIsTrackedAcrossWords) {
  std::string text;
  std::string closing;
  for (int i = 0; i < 180; ++i) {
    const bool object = i % 3 == 0 || i % 7 == 0;
    text += object ? "{\"k\":" : "[";
    closing.insert(0, 1, object ? '}' : ']');
  }
  EXPECT_EQ(scan(text + "1" + closing), valid);
  for (const std::size_t at : {0U, 63U, 64U, 127U, 128U, 179U}) {
    std::string wrong = closing;
    wrong[at] = wrong[at] == '}' ? ']' : '}';
    const Verdict expected{JsonFault::unexpected_byte, text.size() + 1 + at};
    EXPECT_EQ(scan(text + "1" + wrong), expected);
  }
}

TEST(JsonCursor, WalksContainersInPlace) {
  JsonCursor cursor(R"( {"a" : {"x":[1, 2 ],"y":{}} , "b":"s"} )");
  std::string_view name;
  std::string_view span;
  ASSERT_TRUE(cursor.enter_object());
  ASSERT_TRUE(cursor.next_name(name));
  EXPECT_EQ(name, "a");
  ASSERT_TRUE(cursor.enter_object());
  ASSERT_TRUE(cursor.next_name(name));
  EXPECT_EQ(name, "x");
  ASSERT_TRUE(cursor.enter_array());
  ASSERT_TRUE(cursor.next_element(span));
  EXPECT_EQ(span, "1");
  ASSERT_TRUE(cursor.next_element(span));
  EXPECT_EQ(span, "2");
  EXPECT_FALSE(cursor.next_element(span));
  ASSERT_TRUE(cursor.next_member(name, span));
  EXPECT_EQ(name, "y");
  EXPECT_EQ(span, "{}");
  EXPECT_FALSE(cursor.next_name(name));
  EXPECT_EQ(cursor.fault(), JsonFault::none);
  ASSERT_TRUE(cursor.next_member(name, span));
  EXPECT_EQ(name, "b");
  EXPECT_EQ(span, "\"s\"");
  EXPECT_FALSE(cursor.next_name(name));
  EXPECT_TRUE(cursor.at_end());
}

TEST(JsonCursor, SpansLeaveOuterSpaceAndKeepInner) {
  JsonCursor cursor(" [ { \"a\" : 1 } , 2 ]");
  std::string_view span;
  ASSERT_TRUE(cursor.enter_array());
  ASSERT_TRUE(cursor.next_element(span));
  EXPECT_EQ(span, "{ \"a\" : 1 }");
}

TEST(JsonCursor, TakesAPairOfPlainStringsAtOnceAndNothingElse) {
  std::string_view span;
  for (const std::string_view pair :
       {R"(["",""])", R"(["a","b"])", R"(["a longer name of a flow","and of a node in it"])"}) {
    const std::string text = std::string(pair) + ",1";
    JsonCursor cursor(text);
    ASSERT_TRUE(cursor.plain_pair(span)) << pair;
    EXPECT_EQ(span, pair);
    EXPECT_EQ(cursor.offset(), pair.size());
  }
  for (const std::string_view other :
       {R"()", R"([])", R"(["a"])", R"(["a","b","c"])", R"(["a",1])", R"([ "a","b"])",
        R"(["a", "b"])", R"(["a","b" ])", R"(["\u0061","b"])", R"(["ä","b"])", R"(["a","b)",
        R"(["a","b")", R"(["a)", R"(["a",")", R"({"a":"b"})", "[\"a\",\"\n\"]"}) {
    JsonCursor cursor(other);
    EXPECT_FALSE(cursor.plain_pair(span)) << other;
    EXPECT_EQ(cursor.offset(), 0U) << other;
    EXPECT_EQ(cursor.fault(), JsonFault::none) << other;
  }
}

TEST(JsonCursor, EmptyContainers) {
  std::string_view name;
  JsonCursor cursor("[ {} , [] ]");
  ASSERT_TRUE(cursor.enter_array());
  ASSERT_TRUE(cursor.next_item());
  ASSERT_TRUE(cursor.enter_object());
  EXPECT_FALSE(cursor.next_name(name));
  ASSERT_TRUE(cursor.next_item());
  ASSERT_TRUE(cursor.enter_array());
  EXPECT_FALSE(cursor.next_item());
  EXPECT_FALSE(cursor.next_item());
  EXPECT_TRUE(cursor.at_end());
}

TEST(JsonCursor, EveryCallFailsAfterAFault) {
  JsonCursor cursor("[1");
  std::string_view name;
  std::string_view span;
  EXPECT_FALSE(cursor.enter_object());
  EXPECT_EQ(cursor.fault(), JsonFault::wrong_type);
  EXPECT_FALSE(cursor.enter_array());
  EXPECT_FALSE(cursor.value(span));
  EXPECT_FALSE(cursor.next_member(name, span));
  EXPECT_FALSE(cursor.next_element(span));
  EXPECT_FALSE(cursor.at_end());
  EXPECT_FALSE(cursor.fail_at(JsonFault::repeated_name, 1));
  EXPECT_EQ(cursor.fault(), JsonFault::wrong_type);
  EXPECT_EQ(cursor.offset(), 0U);
}

TEST(JsonCursor, FaultsOfTheWalk) {
  const auto walk = [](std::string_view text) {
    JsonCursor cursor(text);
    std::string_view name;
    std::string_view span;
    if (cursor.enter_object()) {
      while (cursor.next_member(name, span)) {
      }
    }
    return Verdict{cursor.fault(), cursor.offset()};
  };
  EXPECT_EQ(walk("3"), (Verdict{JsonFault::wrong_type, 0}));
  EXPECT_EQ(walk("}"), (Verdict{JsonFault::unexpected_byte, 0}));
  EXPECT_EQ(walk(""), (Verdict{JsonFault::unexpected_end, 0}));
  EXPECT_EQ(walk("{"), (Verdict{JsonFault::unexpected_end, 1}));
  EXPECT_EQ(walk("{,}"), (Verdict{JsonFault::unexpected_byte, 1}));
  EXPECT_EQ(walk(R"({"a":1 "b":2})"), (Verdict{JsonFault::unexpected_byte, 7}));
  EXPECT_EQ(walk(R"({"a":1,})"), (Verdict{JsonFault::unexpected_byte, 7}));
  EXPECT_EQ(walk(R"({"a":nulx})"), (Verdict{JsonFault::unexpected_byte, 8}));
  EXPECT_EQ(walk(R"({"a":1])"), (Verdict{JsonFault::unexpected_byte, 6}));
}

TEST(JsonString, DecodesEscapes) {
  std::string out = "x";
  append_decoded(out, R"(a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00z)");
  EXPECT_EQ(out, "xa\"\\/\b\f\n\r\tAé€😀z");
}

TEST(JsonString, EncodesAsPydanticDoes) {
  // What pydantic 2.13 prints for the same text.
  std::string out;
  const std::string_view text("\x7f\xc2\x80\xe2\x80\xa8\0\x1f\b\f\n\r\t\"\\/\x0b😀", 21);
  ASSERT_TRUE(append_json_string(out, text));
  EXPECT_EQ(out, "\"\x7f\xc2\x80\xe2\x80\xa8\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\\u000b😀\"");
}

TEST(JsonString, RefusesWhatIsNotUtf8AndAppendsNothing) {
  std::string out = "before";
  EXPECT_FALSE(append_json_string(out, "good then \xFF"));
  EXPECT_EQ(out, "before");
}

TEST(JsonString, EveryCharacterSurvives) {
  for (std::uint32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 61) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    if (code < 0x80) {
      text = static_cast<char>(code);
    } else {
      const auto tail = [&](int s) { return static_cast<char>(0x80 | ((code >> s) & 0x3F)); };
      if (code < 0x800) {
        text = {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
      } else if (code < 0x10000) {
        text = {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
      } else {
        text = {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
      }
    }
    std::string json;
    ASSERT_TRUE(append_json_string(json, text)) << code;
    ASSERT_EQ(scan(json), valid) << code;
    std::string back;
    append_decoded(back, std::string_view(json).substr(1, json.size() - 2));
    ASSERT_EQ(back, text) << code;
    ASSERT_EQ(utf8_length(text), text.size());
  }
}

}  // namespace
}  // namespace dialogstore
