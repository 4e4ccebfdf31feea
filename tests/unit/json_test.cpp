#include "dialogstore/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

static_assert(std::is_convertible_v<bool, Json> && std::is_convertible_v<const char*, Json>);
static_assert(std::is_convertible_v<char*, Json> && std::is_convertible_v<std::uint64_t, Json>);
// A pointer would become `true`, a character a number.
static_assert(!std::is_constructible_v<Json, const int*>);
static_assert(!std::is_constructible_v<Json, void*>);
static_assert(!std::is_constructible_v<Json, char>);
static_assert(std::is_nothrow_move_constructible_v<Json>);

std::string failure(std::string_view text) {
  try {
    static_cast<void>(Json::parse(text));
  } catch (const FormatError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_json);
    return error.detail();
  }
  return "";
}

TEST(Json, FromValues) {
  EXPECT_EQ(Json().text(), "null");
  EXPECT_EQ(Json(nullptr).text(), "null");
  EXPECT_EQ(Json(true).text(), "true");
  EXPECT_EQ(Json(-7).text(), "-7");
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).text(), "18446744073709551615");
  EXPECT_EQ(Json("a\"b").text(), R"("a\"b")");
  EXPECT_EQ(Json(std::string("é")).text(), "\"é\"");
  EXPECT_EQ(Json(JsonObject{{"a", 1}, {"b", "x"}}).text(), R"({"a":1,"b":"x"})");
  EXPECT_EQ(Json::array({}).text(), "[]");
  EXPECT_EQ(Json::array({1, "x", Json()}).text(), R"([1,"x",null])");
  EXPECT_THROW(Json("\xFF"), FormatError);
}

// Texts that pydantic 2.13 prints for these numbers.
TEST(Json, DoublesAreSpelledAsPydanticDoes) {
  const std::pair<double, const char*> samples[] = {
      {1.0, "1.0"},
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {100.0, "100.0"},
      {0.1, "0.1"},
      {-2.5, "-2.5"},
      {123.456, "123.456"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {1.2345e16, "1.2345e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e20, "1e+20"},
      {1e300, "1e+300"},
      {1e-4, "0.0001"},
      {1e-5, "0.00001"},
      {1.234e-5, "0.00001234"},
      {1e-6, "1e-6"},
      {1.5e-7, "1.5e-7"},
      {1e-300, "1e-300"},
      {5e-324, "5e-324"},
      {9007199254740993.0, "9007199254740992.0"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {INFINITY, "null"},
      {-INFINITY, "null"},
      {NAN, "null"},
  };
  for (const auto& [value, text] : samples) EXPECT_EQ(Json(value).text(), text);
}

TEST(Json, DoublesReadBackExactly) {
  std::mt19937_64 engine(20240301);
  for (int i = 0; i < 100'000; ++i) {
    const double value = std::bit_cast<double>(engine());
    if (!std::isfinite(value)) continue;
    const Json json(value);
    ASSERT_EQ(Json::parse(json.text()).as_double(), value) << json.text();
    ASSERT_NE(json.text().find_first_of(".e"), std::string_view::npos);
  }
}

TEST(Json, ParseKeepsTheTextAndDropsOuterSpace) {
  EXPECT_EQ(Json::parse(" { \"a\" : 1.0 } \n").text(), "{ \"a\" : 1.0 }");
  for (const char* text : {"123456789012345678901234567890", "1.0", "1e+20", "-0", "1E5",
                           R"("\u0041\/")", R"([1 ,2])", R"({"b":1,"a":2})"}) {
    EXPECT_EQ(Json::parse(text).text(), text);
  }
}

TEST(Json, ParseNamesTheByteAndNeverQuotes) {
  EXPECT_EQ(failure(R"({"secret":x})"), "this byte cannot stand here, at byte 10");
  EXPECT_EQ(failure("[1] 2"), "more text behind the value, at byte 4");
  EXPECT_EQ(failure("\"\xFF\""), "not UTF-8, at byte 1");
  EXPECT_EQ(failure(R"(["\ud800"])"), "half of a surrogate pair, at byte 2");
  EXPECT_EQ(failure("NaN"), "this byte cannot stand here, at byte 0");
  EXPECT_EQ(failure("[0, -Infinity]"), "not a JSON number, at byte 5");
}

TEST(Json, ParseBoundsTheDepth) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(failure(nested(limits::json_depth)), "");
  EXPECT_EQ(failure(nested(limits::json_depth + 1)), "nested too deep, at byte 200");
  EXPECT_EQ(failure(nested(1'000'000)), "nested too deep, at byte 200");
}

TEST(Json, Kinds) {
  EXPECT_EQ(Json().kind(), JsonKind::null);
  EXPECT_EQ(Json(false).kind(), JsonKind::boolean);
  EXPECT_EQ(Json(-1).kind(), JsonKind::number);
  EXPECT_EQ(Json("x").kind(), JsonKind::string);
  EXPECT_EQ(Json::array({}).kind(), JsonKind::array);
  EXPECT_EQ(Json(JsonObject{}).kind(), JsonKind::object);
  EXPECT_TRUE(Json().is_null());
  EXPECT_FALSE(Json(0).is_null());
}

TEST(Json, AccessorsOfAnotherKindAreEmpty) {
  for (const Json& json :
       {Json(), Json(true), Json(1), Json("s"), Json::array({}), Json(JsonObject{})}) {
    EXPECT_EQ(json.as_bool().has_value(), json.kind() == JsonKind::boolean);
    EXPECT_EQ(json.as_int64().has_value(), json.kind() == JsonKind::number);
    EXPECT_EQ(json.as_double().has_value(), json.kind() == JsonKind::number);
    EXPECT_EQ(json.as_string().has_value(), json.kind() == JsonKind::string);
    EXPECT_EQ(json.as_array().has_value(), json.kind() == JsonKind::array);
    EXPECT_EQ(json.as_object().has_value(), json.kind() == JsonKind::object);
  }
  EXPECT_EQ(Json(true).as_bool(), true);
  EXPECT_EQ(Json(false).as_bool(), false);
}

TEST(Json, Int64IsExactOrNothing) {
  const auto value = [](std::string_view text) { return Json::parse(text).as_int64(); };
  EXPECT_EQ(value("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(value("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(value("9223372036854775808"), std::nullopt);
  EXPECT_EQ(value("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(value("123456789012345678901234567890"), std::nullopt);
  EXPECT_EQ(value("9007199254740993"), 9007199254740993);
  EXPECT_EQ(value("9007199254740993.0"), 9007199254740993);
  EXPECT_EQ(value("-0"), 0);
  EXPECT_EQ(value("-0.0e999999999999999999999"), 0);
  EXPECT_EQ(value("1.0"), 1);
  EXPECT_EQ(value("1.50"), std::nullopt);
  EXPECT_EQ(value("-12.5e1"), -125);
  EXPECT_EQ(value("12.5e0"), std::nullopt);
  EXPECT_EQ(value("1e18"), 1'000'000'000'000'000'000);
  EXPECT_EQ(value("1e19"), std::nullopt);
  EXPECT_EQ(value("9.3e18"), std::nullopt);
  EXPECT_EQ(value("1200e-2"), 12);
  EXPECT_EQ(value("0.0012e4"), 12);
  EXPECT_EQ(value("1e-1"), std::nullopt);
  EXPECT_EQ(value("1e999999999999999999999"), std::nullopt);
  EXPECT_EQ(value("1e-999999999999999999999"), std::nullopt);
}

TEST(Json, DoubleRoundsAsIeeeDoes) {
  const auto value = [](std::string_view text) { return *Json::parse(text).as_double(); };
  EXPECT_EQ(value("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(value("1e+20"), 1e20);
  EXPECT_EQ(value("1e400"), INFINITY);
  EXPECT_EQ(value("-1e999999999999999999999"), -INFINITY);
  EXPECT_EQ(value(std::string(400, '9')), INFINITY);
  EXPECT_EQ(value("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(value("-1e-400")));
  EXPECT_TRUE(std::signbit(value("-0.0")));
  EXPECT_EQ(value("5e-324"), 5e-324);
}

TEST(Json, StringsAreDecoded) {
  EXPECT_EQ(Json::parse(R"("a\u00e9\ud83d\ude00\n")").as_string(), "aé😀\n");
  EXPECT_EQ(Json("").as_string(), "");
  const std::string zero("a\0b", 3);
  EXPECT_EQ(Json(zero).as_string(), zero);
}

TEST(Json, ElementsAndMembersKeepTheirText) {
  const auto items = *Json::parse(R"([ 1.0 ,"x", {"a" : 1} , [ ] ])").as_array();
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].text(), "1.0");
  EXPECT_EQ(items[2].text(), "{\"a\" : 1}");
  EXPECT_EQ(items[3].text(), "[ ]");
  const auto object = *Json::parse(R"({"b\u0041": 1e2 ,"a":null})").as_object();
  ASSERT_EQ(object.size(), 2U);
  EXPECT_EQ(object.begin()->first, "bA");
  EXPECT_EQ(object.find("bA")->text(), "1e2");
  EXPECT_THROW(static_cast<void>(Json::parse(R"({"a":1,"\u0061":2})").as_object()), FormatError);
}

TEST(Json, EqualityComparesTheText) {
  EXPECT_EQ(Json::parse("1.0"), Json(1.0));
  EXPECT_NE(Json::parse("1"), Json::parse("1.0"));
  EXPECT_NE(Json::parse("[1]"), Json::parse("[ 1]"));
}

TEST(Json, RandomValuesSurvive) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    const std::string text = random.json_text(4);
    const Json json = Json::parse(text);
    ASSERT_EQ(json.text(), text);
    if (const auto items = json.as_array()) {
      ASSERT_EQ(Json::parse(Json::array(*items).text()).as_array(), items);
    }
    if (const auto object = json.as_object()) {
      ASSERT_EQ(JsonObject::parse(object->to_text()), *object);
    }
    if (const auto string = json.as_string()) {
      ASSERT_EQ(Json(*string).as_string(), string);
    }
  }
}

}  // namespace
}  // namespace dialogstore
