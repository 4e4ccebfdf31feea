#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

// Two documents that DFF 0.7 wrote (pydantic 2.13): an ordinary one and one of edge values.
constexpr std::string_view ordinary =
    R"({"id":"7f0c1f62-5f2e-4f0e-9d1a-0b8f5a1c2d3e","labels":{"0":["greeting","hello"],)"
    R"("1":["order","ask_size"]},"requests":{"0":{"text":"Hi","commands":null,"attachments":null,)"
    R"("annotations":null,"misc":null},"1":{"text":"pizza","commands":null,"attachments":null,)"
    R"("annotations":null,"misc":null}},"responses":{"0":{"text":"Hello!","commands":null,)"
    R"("attachments":null,"annotations":null,"misc":null},"1":{"text":"Ok","commands":null,)"
    R"("attachments":null,"annotations":null,"misc":null}},"misc":{"name":"Ann"},)"
    R"("validation":false,"framework_states":{}})";

constexpr std::string_view edges =
    R"({"id":42,"labels":{"0":["f","n"]},"requests":{"0":{"text":"Привет\t\u000b)"
    "\xE2\x80\xA8"
    R"(/😀","commands":null,"attachments":null,"annotations":null,"misc":null,"ui":{"kb":[1]}}},)"
    R"("responses":{"0":{"text":null,"commands":null,"attachments":{"files":[{"source":)"
    R"("https://e.com/a%20b.png","id":null,"title":null}]},"annotations":null,"misc":)"
    R"({"1":[1,2],"f":1.0,"n":null,"e":1e+20}}},"misc":{"ts":"2024-03-01T12:00:00Z","s":[3],)"
    R"("b":"hi","dec":"1.50","td":"PT1M30S"},"validation":false,"framework_states":{}})";

std::string detail_of(std::string_view text) {
  try {
    Context::from_json(text);
  } catch (const FormatError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_json);
    return error.detail();
  }
  return "";
}

std::string rewritten(std::string_view text) {
  return Context::from_json(text).to_json();
}

TEST(ContextJson, DffDocumentsSurviveByteForByte) {
  EXPECT_EQ(rewritten(ordinary), ordinary);
  EXPECT_EQ(rewritten(edges), edges);
}

TEST(ContextJson, DffDocumentsAreUnderstood) {
  const Context context = Context::from_json(ordinary);
  EXPECT_EQ(context.id().as_string(), "7f0c1f62-5f2e-4f0e-9d1a-0b8f5a1c2d3e");
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(context.last_label(), (Label{"order", "ask_size"}));
  EXPECT_EQ(context.request(0)->text, "Hi");
  EXPECT_EQ(context.last_response()->text, "Ok");
  EXPECT_EQ(context.misc().find("name")->as_string(), "Ann");
  const Context edge = Context::from_json(edges);
  EXPECT_EQ(edge.id().as_int64(), 42);
  EXPECT_EQ(edge.last_request()->text, "Привет\t\x0b\u2028/😀");
  EXPECT_EQ(edge.last_request()->extra.find("ui")->text(), R"({"kb":[1]})");
  EXPECT_FALSE(edge.last_response()->text.has_value());
  EXPECT_EQ(edge.last_response()->misc.as_object()->find("e")->as_double(), 1e20);
}

TEST(ContextJson, WhatWasReadIsNewToEveryStorage) {
  const Context context = Context::from_json(ordinary);
  EXPECT_TRUE(context.has_changes());
  EXPECT_TRUE(context.is_complete());
  EXPECT_FALSE(context.has_pending_save());
}

TEST(ContextJson, AnEmptyContext) {
  EXPECT_EQ(Context(Json("u")).to_json(),
            R"({"id":"u","labels":{},"requests":{},"responses":{},"misc":{},"validation":false,)"
            R"("framework_states":{}})");
}

TEST(ContextJson, MissingFieldsTakeDefaults) {
  const Context context = Context::from_json("{}");
  EXPECT_EQ(context.id().as_string()->size(), 36U);
  EXPECT_NE(context.id(), Context::from_json("{}").id());
  EXPECT_EQ(context.turn_count(), 0U);
  EXPECT_FALSE(context.validation());
  EXPECT_EQ(rewritten(R"({"requests":{"3":{}},"id":1})"),
            R"({"id":1,"labels":{},"requests":{"3":{"text":null,"commands":null,)"
            R"("attachments":null,"annotations":null,"misc":null}},"responses":{},"misc":{},)"
            R"("validation":false,"framework_states":{}})");
}

TEST(ContextJson, CastMakesOrReads) {
  EXPECT_EQ(Context::cast(ordinary).to_json(), ordinary);
  EXPECT_EQ(Context::cast().turn_count(), 0U);
  EXPECT_THROW(Context::cast("x"), FormatError);
}

TEST(ContextJson, UnknownFieldsFollowTheKnownOnes) {
  EXPECT_EQ(rewritten(R"({"new":{"a": 1.0},"id":"u","b\u0041":[],"validation":true})"),
            R"({"id":"u","labels":{},"requests":{},"responses":{},"misc":{},"validation":true,)"
            R"("framework_states":{},"new":{"a": 1.0},"bA":[]})");
}

TEST(ContextJson, TurnsAreOrderedByNumberWhateverTheirOrder) {
  const Context context = Context::from_json(
      R"({"labels":{"10":["f","10"],"-1":["f","-1"],"2":["f","2"]},"requests":{"7":{},"2":{}}})");
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{-1, 2, 7, 10}));
  EXPECT_EQ(context.last_label()->node, "10");
  EXPECT_NE(context.to_json().find(R"("labels":{"-1":["f","-1"],"2":["f","2"],"10":["f","10"]})"),
            std::string::npos);
  EXPECT_EQ(rewritten(context.to_json()), context.to_json());
}

TEST(ContextJson, ValuesKeepTheirBytes) {
  const std::string text =
      R"({"id":123456789012345678901234567890,"labels":{},"requests":{"5":{"text":"a\u0062",)"
      R"("commands":null,"attachments":null,"annotations":null,"misc":{ "x" : 1.0 }}},)"
      R"("responses":{},"misc":{"big":123456789012345678901234567890,"f":1e+20,"s":[ 1 , 2 ]},)"
      R"("validation":true,"framework_states":{"m":{"k":-0.0}},"later":[1.50]})";
  EXPECT_EQ(rewritten(text), text);
}

TEST(ContextJson, NumberingGoesOnBehindTheLast) {
  Context context = Context::from_json(R"({"requests":{"5":{},"9":{}},"labels":{"-3":["f","n"]}})");
  EXPECT_EQ(context.add_request("x"), 10);
  EXPECT_EQ(context.add_response("x"), 0);
  EXPECT_EQ(context.add_label({"f", "n"}), -2);
  context.clear(0);
  EXPECT_EQ(context.add_request("x"), 11);
  Context emptied = Context::from_json(R"({"requests":{"5":{}}})");
  emptied.clear(0);
  EXPECT_EQ(emptied.add_request("x"), 6);
}

TEST(ContextJson, RefusesRepeatedNames) {
  EXPECT_EQ(detail_of(R"({"id":1,"id":1})"), "a name is repeated, at byte 9");
  EXPECT_EQ(detail_of(R"({"id":1,"\u0069d":1})"), "a name is repeated, at byte 9");
  EXPECT_EQ(detail_of(R"({"x":1,"x":1})"), "a name is repeated, at byte 8");
  EXPECT_EQ(detail_of(R"({"misc":{"a":1,"b":2,"a":1}})"), "misc: a name is repeated, at byte 8");
  EXPECT_EQ(detail_of(R"({"framework_states":{"a":1,"a":1}})"),
            "framework_states: a name is repeated, at byte 20");
  EXPECT_EQ(detail_of(R"({"requests":{"1":{},"12":{},"1":{}}})"),
            "requests.1: a name is repeated, at byte 12");
  EXPECT_EQ(detail_of(R"({"requests":{"12":{"text":"a","text":"a"}}})"),
            "requests.12.text: a name is repeated, at byte 31");
}

TEST(ContextJson, RefusesTurnKeysThatAreNotCanonical) {
  for (const char* key : {"", "-", "01", "-0", "-01", "+1", " 1", "1 ", "1.0", "1e2", "a", "0x1",
                          R"(\u0031)", "99999999999999999999", "2147483647", "-2147483649"}) {
    const std::string text = std::string(R"({"labels":{")") + key + R"(":["f","n"]}})";
    EXPECT_EQ(detail_of(text), "labels: not a turn index, or out of range, at byte 12") << key;
  }
  EXPECT_EQ(detail_of(R"({"labels":{"2147483646":["f","n"],"-2147483648":["f","n"]}})"), "");
}

TEST(ContextJson, RefusesWrongTypesAndNamesThem) {
  const auto wrong = [](std::string_view text, std::string_view place) {
    EXPECT_TRUE(detail_of(text).starts_with(std::string(place) +
                                            "a value of another type is expected, at byte "))
        << text << " -> " << detail_of(text);
  };
  wrong("[]", "");
  wrong("null", "");
  wrong(R"({"id":null})", "id: ");
  wrong(R"({"id":1.5})", "id: ");
  wrong(R"({"id":1e3})", "id: ");
  wrong(R"({"id":["x"]})", "id: ");
  wrong(R"({"labels":[]})", "labels: ");
  wrong(R"({"labels":null})", "labels: ");
  wrong(R"({"labels":{"0":{}}})", "labels.0: ");
  wrong(R"({"labels":{"0":["f"]}})", "labels.0: ");
  wrong(R"({"labels":{"0":["f","n","x"]}})", "labels.0: ");
  wrong(R"({"labels":{"0":["f",null]}})", "labels.0: ");
  wrong(R"({"requests":{"7":null}})", "requests.7: ");
  wrong(R"({"requests":{"12":{"text":3}}})", "requests.12.text: ");
  wrong(R"({"responses":{"-1":{"text":{}}}})", "responses.-1.text: ");
  wrong(R"({"misc":[]})", "misc: ");
  wrong(R"({"misc":null})", "misc: ");
  wrong(R"({"validation":1})", "validation: ");
  wrong(R"({"validation":null})", "validation: ");
  wrong(R"({"framework_states":"x"})", "framework_states: ");
}

TEST(ContextJson, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", "{", "{} {}", "{}x", R"({"id":})", R"({"id":1,})", R"({"misc":{"a":NaN}})",
        R"({"misc":{"a":Infinity}})", R"({"misc":{"a":-Infinity}})", R"({"misc":{"a":"\ud800"}})",
        R"({"misc":{"a":01}})", "{\"misc\":{\"a\":\"\xFF\"}}", "{\"misc\":{\"\xC3\":1}}",
        "{\"misc\":{\"a\":\"\n\"}}"}) {
    EXPECT_NE(detail_of(text), "") << text;
  }
  EXPECT_EQ(detail_of(R"({"responses":{"3":{"annotations":{"secret":NaN}}}})"),
            "responses.3.annotations: this byte cannot stand here, at byte 43");
}

TEST(ContextJson, DepthIsBoundedInEachValue) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const std::string deepest = nested(limits::json_depth);
  const std::string fits = R"({"id":1,"requests":{"0":{"misc":)" + deepest + R"(,"x":)" + deepest +
                           R"(}},"misc":{"a":)" + deepest + R"(},"x":)" + deepest + "}";
  EXPECT_EQ(rewritten(rewritten(fits)), rewritten(fits));
  const std::string deeper = nested(limits::json_depth + 1);
  EXPECT_NE(detail_of(R"({"misc":{"a":)" + deeper + "}}"), "");
  EXPECT_NE(detail_of(R"({"x":)" + deeper + "}"), "");
  EXPECT_NE(detail_of(R"({"requests":{"0":{"x":)" + deeper + "}}}"), "");
  EXPECT_NE(detail_of(R"({"misc":{"a":)" + nested(10'000) + "}}"), "");
  EXPECT_NE(detail_of(std::string(1'000'000, '{')), "");
}

TEST(ContextJson, SizeIsBounded) {
  const std::string text(limits::context_bytes + 1, ' ');
  try {
    Context::from_json(text);
    FAIL() << "accepted";
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), errc::too_large);
  }
}

TEST(ContextJson, DescendingTurnsAreNotQuadratic) {
  std::string text = R"({"labels":{)";
  const int count = 300'000;
  for (int i = count; i > 0; --i) {
    text += '"' + std::to_string(i) + (i > 1 ? R"(":["",""],)" : R"(":["",""]}})");
  }
  EXPECT_EQ(Context::from_json(text).turn_count(), static_cast<std::size_t>(count));
}

TEST(ContextJson, RandomContextsSurvive) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    const Context context = random.context();
    const std::string text = context.to_json();
    const Context read = Context::from_json(text);
    ASSERT_EQ(read, context);
    ASSERT_EQ(read.to_json(), text);
    ASSERT_EQ(read.labels(), context.labels());
    ASSERT_EQ(read.requests(), context.requests());
    ASSERT_EQ(read.responses(), context.responses());
  }
}

// Whatever a changed byte does, it is refused cleanly or gives a context that survives.
TEST(ContextJson, DamagedTextsAreRefusedOrSurvive) {
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    std::string text(seed % 2 == 0 ? ordinary : edges);
    for (std::size_t i = random.number(3) + 1; i > 0; --i) {
      text[random.number(text.size())] = "{}[]\",:0e\\-\xFFx"[random.number(13)];
    }
    try {
      const std::string once = rewritten(text);
      ASSERT_EQ(rewritten(once), once);
    } catch (const FormatError& error) {
      ASSERT_EQ(error.reason(), errc::invalid_json);
    }
  }
}

}  // namespace
}  // namespace dialogstore
