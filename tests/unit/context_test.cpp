#include "dialogstore/context.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <type_traits>

#include "dialogstore/limits.hpp"
#include "support/context_fixture.hpp"

namespace dialogstore {
namespace {

static_assert(std::is_nothrow_move_constructible_v<Context>);
static_assert(std::is_nothrow_move_assignable_v<Context>);
static_assert(std::is_copy_constructible_v<Context> && std::is_copy_assignable_v<Context>);
static_assert(!std::is_convertible_v<Json, Context>);         // an id is not a context
static_assert(!std::is_convertible_v<const char*, Context>);  // nor is a text: from_json, cast

using namespace testing;

TEST(Context, BeginsEmptyWithARandomId) {
  const Context context;
  EXPECT_EQ(context.id().as_string()->size(), 36U);
  EXPECT_NE(context.id(), Context().id());
  EXPECT_EQ(context.turn_count(), 0U);
  EXPECT_FALSE(context.last_label() || context.last_request() || context.last_response());
  EXPECT_TRUE(context.has_changes());
  EXPECT_TRUE(context.is_complete());
}

TEST(Context, IdIsAStringOrAnInteger) {
  EXPECT_EQ(Context(Json("u")).id().text(), "\"u\"");
  EXPECT_EQ(Context(Json(42)).id().text(), "42");
  for (const Json& wrong : {Json(), Json(true), Json(1.0), Json::array({}), Json(JsonObject{})}) {
    EXPECT_EQ(reason_of([&] { Context context(wrong); }), errc::invalid_argument);
  }
  Context context = with_turns(1);
  context.set_id("c");
  EXPECT_FALSE(context.has_changes());
  EXPECT_EQ(reason_of([&] { context.set_id(Json()); }), errc::invalid_argument);
  context.set_id(7);
  EXPECT_TRUE(changes(context).id);
  EXPECT_EQ(context.id().text(), "7");
}

TEST(Context, AddNumbersEachSequenceByItself) {
  Context context;
  EXPECT_EQ(context.add_request("a"), 0);
  EXPECT_EQ(context.add_request("b"), 1);
  EXPECT_EQ(context.add_label({"f", "n"}), 0);
  EXPECT_EQ(context.add_response("c"), 0);
  context.set_response(7, "d");
  EXPECT_EQ(context.add_response("e"), 8);
  EXPECT_EQ(context.last_response()->text, "e");
  EXPECT_EQ(context.last_request()->text, "b");
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{0, 1, 7, 8}));
}

TEST(Context, AddAfterErasingTheLastTakesItsIndex) {
  Context context = with_turns(3);
  EXPECT_TRUE(context.erase(2, TurnPart::request));
  EXPECT_EQ(context.add_request("again"), 2);
}

TEST(Context, AddRefusesTheIndexBehindTheLast) {
  Context context;
  context.set_request(limits::turn_index_max, "last");
  EXPECT_EQ(reason_of([&] { context.add_request("x"); }), errc::too_large);
  EXPECT_EQ(context.turn_count(), 1U);
  context.set_request(limits::turn_index_min, "first");
  for (const std::int64_t index : {limits::turn_index_max + 1, limits::turn_index_min - 1}) {
    EXPECT_EQ(reason_of([&] { context.set_request(index, "x"); }), errc::invalid_argument);
    EXPECT_EQ(reason_of([&] { context.set_label(index, {}); }), errc::invalid_argument);
  }
  EXPECT_EQ(context.turn_count(), 2U);
}

TEST(Context, TextThatIsNotUtf8IsRefusedAndChangesNothing) {
  Context context = with_turns(1);
  EXPECT_EQ(reason_of([&] { context.add_request("\xFF"); }), errc::invalid_json);
  EXPECT_EQ(reason_of([&] { context.add_label({"f", "\xFF"}); }), errc::invalid_json);
  EXPECT_EQ(reason_of([&] { context.set_last_response("\xFF"); }), errc::invalid_json);
  EXPECT_EQ(reason_of([&] { context.set_misc("\xFF", 1); }), errc::invalid_json);
  EXPECT_EQ(reason_of([&] { context.set_framework_state("\xFF", 1); }), errc::invalid_json);
  EXPECT_EQ(reason_of([&] { context.set_extra("\xFF", 1); }), errc::invalid_json);
  EXPECT_FALSE(context.has_changes());
}

TEST(Context, ValuesThatAreNotJsonAreRefused) {
  Context context = with_turns(1);
  for (const char* text : {"", "{", "1 2", "NaN"}) {
    const Json damaged = Json::from_valid_text(text);
    EXPECT_EQ(reason_of([&] { context.set_misc("a", damaged); }), errc::invalid_json) << text;
    Message message("x");
    message.misc = damaged;
    EXPECT_EQ(reason_of([&] { context.add_request(message); }), errc::invalid_json) << text;
  }
  Json deep = 1;
  for (std::size_t i = 0; i <= limits::json_depth; ++i) deep = Json::array({deep});
  EXPECT_EQ(reason_of([&] { context.set_misc("a", deep); }), errc::invalid_json);
  EXPECT_FALSE(context.has_changes());
  context.set_misc("a", Json::from_valid_text(" [1] "));
  EXPECT_EQ(context.misc().find("a")->text(), "[1]");
}

TEST(Context, SetLastReplacesTheLastOrAddsTheFirst) {
  Context context;
  context.set_last_request("first");
  context.set_last_label({"f", "n"});
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{0}));
  context.set_request(5, "fifth");
  context.set_last_request("replaced");
  EXPECT_EQ(context.request(5)->text, "replaced");
  EXPECT_EQ(context.request(0)->text, "first");
  context.set_last_response("r");
  EXPECT_EQ(context.response(0)->text, "r");
}

TEST(Context, TurnsAreReadPartByPart) {
  Context context;
  Message message("hi");
  message.extra.set("ui", Json::parse("[ 1 ]"));
  context.set_request(3, message);
  context.set_label(-2, {"f", "n"});
  EXPECT_EQ(context.request(3), message);
  EXPECT_FALSE(context.request(4) || context.response(3) || context.label(3));
  EXPECT_EQ(context.turn(3), (Turn{3, std::nullopt, message, std::nullopt}));
  EXPECT_EQ(context.turn(-2), (Turn{-2, Label{"f", "n"}, std::nullopt, std::nullopt}));
  EXPECT_EQ(context.turn(0), std::nullopt);
  EXPECT_EQ(context.requests(), (std::map<std::int64_t, Message>{{3, message}}));
  EXPECT_EQ(context.labels(), (std::map<std::int64_t, Label>{{-2, {"f", "n"}}}));
  EXPECT_TRUE(context.responses().empty());
  EXPECT_EQ(context.turn_count(), 2U);
}

TEST(Context, EraseRemovesOnePart) {
  Context context = with_turns(2);
  EXPECT_TRUE(context.erase(1, TurnPart::response));
  EXPECT_FALSE(context.erase(1, TurnPart::response));
  EXPECT_FALSE(context.erase(9, TurnPart::label));
  EXPECT_EQ(changes(context).turns, (Marks{{1, response_bit}}));
  EXPECT_TRUE(context.erase(1, TurnPart::request));
  EXPECT_EQ(context.turn_count(), 2U);
  EXPECT_TRUE(context.erase(1, TurnPart::label));
  EXPECT_EQ(context.turn_count(), 1U);
}

TEST(Context, ChangesAreMarkedPartByPart) {
  Context context = with_turns(2);
  EXPECT_FALSE(context.has_changes());
  context.add_request("new");
  context.set_last_label({"flow", "other"});
  context.set_response(0, "edited");
  EXPECT_EQ(changes(context).turns, (Marks{{0, response_bit}, {1, label_bit}, {2, request_bit}}));
  context.set_label(0, {"flow", "x"});
  EXPECT_EQ(changes(context).turns.at(0), response_bit | label_bit);
  context.set_misc("m", 1);
  context.set_framework_state("s", 1);
  context.set_extra("e", 1);
  context.set_validation(true);
  EXPECT_TRUE(changes(context).misc.set.contains("m"));
  EXPECT_TRUE(changes(context).framework_states.set.contains("s"));
  EXPECT_TRUE(changes(context).extra.set.contains("e"));
  EXPECT_TRUE(changes(context).validation);
  EXPECT_FALSE(changes(context).id);
}

TEST(Context, WhatIsAlreadyThereIsNoChange) {
  Context context = with_turns(1);
  context.set_misc("m", Json::parse("{\"a\": 1}"));
  context.set_framework_state("s", 1);
  context.set_extra("e", 1);
  context.set_validation(true);
  settle(context);
  context.set_misc("m", Json::parse("{\"a\": 1}"));
  context.set_framework_state("s", 1);
  context.set_extra("e", 1);
  context.set_validation(true);
  context.set_last_request("q0");
  context.set_label(0, {"flow", "node0"});
  EXPECT_FALSE(context.erase_misc("none"));
  EXPECT_FALSE(context.erase_framework_state("none"));
  EXPECT_FALSE(context.erase_extra("none"));
  context.clear(10);
  context.clear(1);
  EXPECT_FALSE(context.has_changes());
  context.set_misc("m", Json::parse("{\"a\":1}"));
  EXPECT_TRUE(context.has_changes());
}

TEST(Context, EachKindOfChangeShows) {
  const std::function<void(Context&)> edits[] = {
      [](Context& c) { c.set_id(5); },
      [](Context& c) { c.set_validation(true); },
      [](Context& c) { c.set_misc("a", 1); },
      [](Context& c) { c.set_framework_state("a", 1); },
      [](Context& c) { c.set_extra("a", 1); },
      [](Context& c) {
        c.add_label({"f", "n"});
      },
      [](Context& c) { c.erase(0, TurnPart::label); },
      [](Context& c) { c.clear(1); },
  };
  for (const auto& edit : edits) {
    Context context = with_turns(2);
    ASSERT_FALSE(context.has_changes());
    edit(context);
    EXPECT_TRUE(context.has_changes());
  }
}

TEST(Context, EraseOfStateIsAChange) {
  Context context = with_turns(0);
  context.set_misc("a", 1);
  context.set_framework_state("a", 1);
  context.set_extra("a", 1);
  settle(context);
  EXPECT_TRUE(context.erase_misc("a"));
  EXPECT_TRUE(context.erase_framework_state("a"));
  EXPECT_TRUE(context.erase_extra("a"));
  EXPECT_TRUE(context.misc().empty() && context.framework_states().empty() &&
              context.extra().empty());
  EXPECT_TRUE(changes(context).misc.erased.contains("a"));
  EXPECT_TRUE(changes(context).framework_states.erased.contains("a"));
  EXPECT_TRUE(changes(context).extra.erased.contains("a"));
}

TEST(Context, ExtraCannotShadowAKnownField) {
  Context context;
  for (const char* name :
       {"id", "labels", "requests", "responses", "misc", "validation", "framework_states"}) {
    EXPECT_EQ(reason_of([&] { context.set_extra(name, 1); }), errc::invalid_argument) << name;
  }
}

TEST(ContextCopy, IsDeepAndRemembersTheVersion) {
  Context context = with_turns(2);
  inside(context).position->version.seq = 7;
  inside(context).stored_under = "store/key";
  inside(context).saving = true;
  context.add_request("new");
  context.set_misc("a", 1);
  Context copy(context);
  EXPECT_EQ(copy, context);
  EXPECT_EQ(inside(copy).position->version.seq, 7U);
  EXPECT_EQ(inside(copy).stored_under, "store/key");
  EXPECT_EQ(changes(copy).turns, changes(context).turns);
  EXPECT_FALSE(inside(copy).saving);
  copy.set_misc("a", 2);
  copy.set_last_request("other");
  EXPECT_EQ(context.misc().find("a")->text(), "1");
  EXPECT_EQ(context.last_request()->text, "new");
  EXPECT_EQ(copy.add_request("numbering is copied too"), 3);
}

TEST(ContextCopy, OfTurnsIsTheirOwnWhicheverOfTheTwoIsChanged) {
  using Change = void (*)(Context&);
  const std::initializer_list<Change> changes_of_turns = {
      [](Context& context) { context.add_response("behind"); },
      [](Context& context) { context.set_request(1, "in the middle"); },
      [](Context& context) { context.set_request(-1, "before"); },
      [](Context& context) { context.erase(0, TurnPart::request); },
      [](Context& context) { context.clear(1); },
      [](Context& context) { context.assign(Context()); },
      [](Context& context) { context.update(with_turns(5)); },
  };
  for (const Change change : changes_of_turns) {
    Context context = with_turns(3);
    const std::string before = context.to_json();
    {
      Context copy(context);
      change(copy);
      EXPECT_NE(copy.to_json(), before);
      EXPECT_EQ(context.to_json(), before);
    }
    const Context copy(context);
    change(context);
    EXPECT_NE(context.to_json(), before);
    EXPECT_EQ(copy.to_json(), before);
  }
}

TEST(ContextCopy, SharesThePendingSave) {
  Context context = with_turns(1);
  EXPECT_FALSE(context.has_pending_save());
  const auto owner = std::make_shared<int>(1);  // stands for one: what it holds does not matter
  inside(context).pending =
      std::shared_ptr<const PendingSave>(owner, reinterpret_cast<const PendingSave*>(owner.get()));
  const Context copy(context);
  EXPECT_TRUE(context.has_pending_save());
  EXPECT_TRUE(copy.has_pending_save());
}

TEST(ContextCopy, AssignmentAndMove) {
  Context context = with_turns(2);
  Context other;
  other = context;
  EXPECT_EQ(other, context);
  const Context& same = other;
  other = same;
  EXPECT_EQ(other, context);
  const Context moved = std::move(other);
  EXPECT_EQ(moved, context);
  other = moved;  // a moved-from context can be assigned, copied and destroyed
  EXPECT_EQ(other, moved);
  Context empty = std::move(other);
  const Context copy_of_moved = other;  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(empty, moved);
}

TEST(ContextEquality, ComparesContentAndNotHistory) {
  Context a = with_turns(2);
  Context b = Context::from_json(a.to_json());
  EXPECT_EQ(a, b);
  b.set_request(0, "q0");
  EXPECT_EQ(a, b);
  const std::function<void(Context&)> edits[] = {
      [](Context& c) { c.set_id(5); },
      [](Context& c) { c.set_validation(true); },
      [](Context& c) { c.set_misc("a", 1); },
      [](Context& c) { c.set_framework_state("a", 1); },
      [](Context& c) { c.set_extra("a", 1); },
      [](Context& c) {
        c.set_label(1, {"f", "other"});
      },
      [](Context& c) { c.set_request(1, "other"); },
      [](Context& c) { c.erase(1, TurnPart::response); },
      [](Context& c) { c.add_request("x"); },
  };
  for (const auto& edit : edits) {
    Context changed = a;
    edit(changed);
    EXPECT_FALSE(changed == a);
    EXPECT_FALSE(a == changed);
  }
}

TEST(ContextEquality, MessagesAndLabelsCompareParsed) {
  const Context a = Context::from_json(
      R"({"id":1,"labels":{"0":["f","\u0061"]},"requests":{"0":{"text":"\u0061","x":1}}})");
  const Context b = Context::from_json(
      R"({"id":1,"labels":{"0":[ "f" , "a"]},"requests":{"0":{"x":1,"text":"a","misc":null}}})");
  EXPECT_EQ(a, b);
  const Context c = Context::from_json(
      R"({"id":1,"labels":{"0":["f","a"]},"requests":{"0":{"text":"a","x":1.0}}})");
  EXPECT_FALSE(a == c);
}

}  // namespace
}  // namespace dialogstore
