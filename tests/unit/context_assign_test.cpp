// Context::assign: the content of another context as changes, and nothing else as changes.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dialogstore/context.hpp"
#include "support/context_fixture.hpp"

namespace dialogstore {
namespace {

using namespace testing;

TEST(ContextAssign, TheSameContentIsNoChange) {
  Context context = with_turns(3);
  context.set_misc("a", 1);
  context.set_framework_state("m", Json::parse("{}"));
  context.set_extra("x", "kept");
  settle(context);
  context.assign(Context::from_json(context.to_json()));
  EXPECT_FALSE(context.has_changes());
  context.assign(context);
  EXPECT_FALSE(context.has_changes());
}

TEST(ContextAssign, OnlyWhatDiffersIsAChange) {
  Context context = with_turns(3);
  context.set_misc("gone", 1);
  context.set_misc("stays", 1);
  context.set_misc("changes", 1);
  settle(context);

  Context content = Context::from_json(context.to_json());
  content.add_request("new");
  content.set_response(1, "other");
  content.erase(0, TurnPart::label);
  content.erase_misc("gone");
  content.set_misc("changes", 2);
  content.set_misc("new", 3);
  content.set_framework_state("m", 1);
  content.set_extra("x", 1);
  content.set_id("another");
  content.set_validation(true);
  context.assign(content);

  EXPECT_EQ(context, content);
  EXPECT_EQ(changes(context).turns, (Marks{{0, label_bit}, {1, response_bit}, {3, request_bit}}));
  EXPECT_EQ(changes(context).misc.erased, MemberChanges::Names{"gone"});
  EXPECT_EQ(changes(context).misc.set, (MemberChanges::Names{"changes", "new"}));
  EXPECT_EQ(changes(context).framework_states.set, MemberChanges::Names{"m"});
  EXPECT_EQ(changes(context).extra.set, MemberChanges::Names{"x"});
  EXPECT_TRUE(changes(context).id);
  EXPECT_TRUE(changes(context).validation);
  EXPECT_EQ(context.add_request("next"), 4);
}

TEST(ContextUpdate, ErasesNothing) {
  Context context = with_turns(3);
  context.set_misc("stays", 1);
  context.set_misc("changes", 1);
  context.set_framework_state("m", 1);
  context.set_extra("x", 1);
  settle(context);

  Context content(context.id());
  content.set_response(1, "other");
  content.set_request(3, "new");
  content.set_misc("changes", 2);
  context.update(content);

  EXPECT_EQ(changes(context).turns, (Marks{{1, response_bit}, {3, request_bit}}));
  EXPECT_EQ(changes(context).misc.set, MemberChanges::Names{"changes"});
  EXPECT_TRUE(changes(context).misc.erased.empty());
  EXPECT_TRUE(changes(context).framework_states.empty());
  EXPECT_TRUE(changes(context).extra.empty());
  EXPECT_EQ(context.turn_count(), 4U);
  EXPECT_EQ(context.misc().find("stays")->text(), "1");
  EXPECT_EQ(context.response(1)->text, "other");
}

TEST(ContextUpdate, AsksAboutTextsThatDiffer) {
  Context context;
  context.set_misc("a", Json::parse("1.0"));
  settle(context);
  Context content(context.id());
  content.set_misc("a", Json::parse("1.00"));
  context.update(content, [](std::string_view, std::string_view) { return true; });
  EXPECT_FALSE(context.has_changes());
  context.update(content);
  EXPECT_TRUE(context.has_changes());
}

TEST(ContextAssign, TurnsThatWereNotLoadedStay) {
  Context context = recent();
  Context content = Context::from_json(context.loaded_to_json());
  content.set_request(100, "new");
  content.erase(98, TurnPart::request);
  context.assign(content);
  EXPECT_EQ(changes(context).turns, (Marks{{98, request_bit}, {100, request_bit}}));
  EXPECT_FALSE(context.is_complete());
}

TEST(ContextAssign, TheCallerSaysWhetherSpellingsMeanTheSame) {
  Context context(Json("c"));
  context.set_misc("n", Json::parse("1.50"));
  context.set_request(0, Message::from_json(R"({"text":"q","misc":{"x":1e2}})"));
  settle(context);
  Context content(Json("c"));
  content.set_misc("n", Json::parse("1.5"));
  content.set_request(0, Message::from_json(R"({"text":"q","misc":{"x":100.0}})"));

  int asked = 0;
  context.assign(content, [&asked](std::string_view, std::string_view) { return ++asked > 0; });
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(context.has_changes());
  EXPECT_EQ(context.misc().find("n")->text(), "1.50");

  context.assign(content, [](std::string_view, std::string_view) { return false; });
  EXPECT_EQ(changes(context).turns, (Marks{{0, request_bit}}));
  EXPECT_EQ(context.misc().find("n")->text(), "1.5");
}

TEST(ContextAssign, LoadedToJsonIsToJsonWhenAllIsThere) {
  const Context context = with_turns(3);
  EXPECT_EQ(context.loaded_to_json(), context.to_json());
}

}  // namespace
}  // namespace dialogstore
