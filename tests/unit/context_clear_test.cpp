#include <gtest/gtest.h>

#include "dialogstore/context.hpp"
#include "support/context_fixture.hpp"

namespace dialogstore {
namespace {

using namespace testing;

TEST(ContextClear, KeepsTheLastOfEachNamedSequence) {
  Context context = with_turns(5);
  context.clear(2, {ContextField::requests, ContextField::labels});
  EXPECT_EQ(context.requests().size(), 2U);
  EXPECT_EQ(context.requests().begin()->first, 3);
  EXPECT_EQ(context.labels().begin()->first, 3);
  EXPECT_EQ(context.responses().size(), 5U);
  EXPECT_EQ(changes(context).first, (FirstKept{3, 3, keep_all}));
  EXPECT_TRUE(changes(context).turns.empty());
}

TEST(ContextClear, DefaultsToTheThreeSequences) {
  Context context = with_turns(3);
  context.set_misc("m", 1);
  context.clear(1);
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{2}));
  EXPECT_TRUE(context.misc().contains("m"));
}

TEST(ContextClear, CountsEachSequenceByItself) {
  Context context(Json("c"));
  for (const int i : {0, 4, 9}) context.set_request(i, "q");
  for (const int i : {1, 2, 3, 4}) context.set_response(i, "a");
  settle(context);
  context.clear(2);
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{3, 4, 9}));
  EXPECT_EQ(changes(context).first, (FirstKept{keep_all, 4, 3}));
  EXPECT_FALSE(context.request(0));
  EXPECT_TRUE(context.request(4) && context.response(3));
}

TEST(ContextClear, NoneKeptGoesOnNumbering) {
  Context context = with_turns(5);
  context.clear(0);
  EXPECT_EQ(context.turn_count(), 0U);
  EXPECT_EQ(changes(context).first, (FirstKept{5, 5, 5}));
  EXPECT_EQ(context.add_request("next"), 5);
  EXPECT_EQ(context.add_label({"f", "n"}), 5);
}

TEST(ContextClear, MarksBelowAreDroppedAndMarksAboveStay) {
  Context context = with_turns(5);
  context.set_request(0, "edited");
  context.set_response(0, "edited");
  context.set_request(4, "edited");
  context.erase(3, TurnPart::request);
  context.clear(1, {ContextField::requests});
  EXPECT_EQ(changes(context).turns, (Marks{{0, response_bit}, {4, request_bit}}));
}

TEST(ContextClear, FirstNeverFalls) {
  Context context = with_turns(9);
  context.clear(1);
  EXPECT_EQ(changes(context).first[0], 8);
  context.set_label(2, {"f", "n"});
  context.clear(1, {ContextField::labels});
  EXPECT_EQ(changes(context).first[0], 8);
  EXPECT_FALSE(context.label(2));
  context.clear(7);
  EXPECT_EQ(changes(context).first, (FirstKept{8, 8, 8}));
}

TEST(ContextClear, EmptiesStateAndMarksEachName) {
  Context context = with_turns(2);
  context.set_misc("a", 1);
  context.set_misc("b", 1);
  context.set_framework_state("s", 1);
  settle(context);
  context.clear(5, {ContextField::misc});
  EXPECT_TRUE(context.misc().empty());
  EXPECT_EQ(changes(context).misc, (MemberChanges{.erased = {"a", "b"}, .set = {}}));
  EXPECT_FALSE(context.framework_states().empty());
  context.clear(5, {ContextField::framework_states});
  EXPECT_TRUE(context.framework_states().empty());
  EXPECT_TRUE(changes(context).framework_states.erased.contains("s"));
  EXPECT_EQ(context.turn_count(), 2U);
}

TEST(PartialContext, CannotBeWrittenAsJson) {
  Context context = recent();
  EXPECT_FALSE(context.is_complete());
  EXPECT_EQ(reason_of([&] { static_cast<void>(context.to_json()); }), errc::partial_context);
}

TEST(PartialContext, NumberingGoesOnBehindWhatWasNotLoaded) {
  Context context = recent();
  EXPECT_EQ(context.add_request("q"), 100);
  EXPECT_EQ(context.add_response("a"), 90);
  Context sparse = recent();
  sparse.set_response(3, "an old one");
  EXPECT_EQ(sparse.add_response("a"), 90);  // 4 may be taken by a turn that was not loaded
  Context last = recent();
  last.set_last_response("a");
  EXPECT_EQ(last.turn(90)->response->text, "a");
}

TEST(PartialContext, AddAfterErasingTheLastTakesItsIndex) {
  Context context = recent();
  ASSERT_TRUE(context.erase(99, TurnPart::request));
  EXPECT_EQ(context.add_request("q"), 99);
  Context label = recent();
  ASSERT_TRUE(label.erase(99, TurnPart::label));
  EXPECT_EQ(label.add_request("q"), 100) << "the sequences are numbered apart";
  EXPECT_EQ(label.add_label({"f", "n"}), 99);
}

TEST(PartialContext, AddDoesNotGuessWhatIsTheLastInTheStore) {
  Context context = recent();
  ASSERT_TRUE(context.erase(99, TurnPart::request));
  ASSERT_TRUE(context.erase(98, TurnPart::request));
  EXPECT_EQ(reason_of([&] { context.add_request("q"); }), errc::partial_context);
  EXPECT_EQ(reason_of([&] { context.set_last_request("q"); }), errc::partial_context);
  EXPECT_EQ(context.add_label({"f", "n"}), 100);
  Context added = recent();
  const std::int64_t index = added.add_response("a");
  ASSERT_TRUE(added.erase(index, TurnPart::response));
  EXPECT_EQ(reason_of([&] { added.add_response("a"); }), errc::partial_context);
}

TEST(PartialContext, AddGoesOnBehindWhatWasCleared) {
  Context context = recent();
  context.clear(0);
  EXPECT_EQ(context.add_request("q"), 100);
  EXPECT_EQ(context.add_response("a"), 90);
  Context one = recent();
  one.clear(1, {ContextField::requests});
  ASSERT_TRUE(one.erase(99, TurnPart::request));
  EXPECT_EQ(one.add_request("q"), 100) << "as in a complete context that is left without requests";
}

TEST(PartialContext, EraseOfATurnThatWasNotLoadedIsRefused) {
  Context context = recent();
  EXPECT_EQ(reason_of([&] { context.erase(3, TurnPart::request); }), errc::partial_context);
  EXPECT_FALSE(context.has_changes());
  EXPECT_TRUE(context.erase(99, TurnPart::request));
  EXPECT_FALSE(context.erase(100, TurnPart::request));
}

TEST(PartialContext, ClearKeepsOnlyWhatItKnows) {
  Context fewer = recent();
  EXPECT_EQ(reason_of([&] { fewer.clear(3); }), errc::partial_context);
  EXPECT_FALSE(fewer.has_changes());
  Context exact = recent();
  exact.clear(2, {ContextField::requests, ContextField::labels});
  EXPECT_EQ(changes(exact).first, (FirstKept{98, 98, keep_all}));
  Context none = recent();
  none.clear(0);
  EXPECT_EQ(changes(none).first, (FirstKept{100, 100, 90}));
}

}  // namespace
}  // namespace dialogstore
