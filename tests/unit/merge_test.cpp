#include <gtest/gtest.h>

#include "dialogstore/limits.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

/// Two clients that loaded the same version of a context of `turns` turns; `theirs` saves first.
struct Merge : ::testing::Test {
  void begin(std::int64_t turns, bool everything = true) {
    ContextState first;
    list = stored(first, turns);
    for (ContextState* state : {&mine, &theirs}) {
      const ReplayResult result =
          everything ? load_all(list, *state) : load_recent(list, 10, *state);
      ASSERT_EQ(result.status, ReplayStatus::loaded);
    }
  }
  /// Saves theirs, reloads, merges mine on top and saves that.
  void finish(bool everything = true) {
    save(list, theirs);
    const PlanResult stale = plan_save(mine, token(1), {});
    if (stale.status == PlanStatus::ready) {
      ASSERT_EQ(list.apply(stale.plan.request), 'C');
    }
    const ReplayResult result = everything ? load_all(list, merged) : load_recent(list, 10, merged);
    ASSERT_EQ(result.status, ReplayStatus::loaded);
    merge(mine, merged);
    save(list, merged);
    ASSERT_EQ(load_all(list, stored_now).status, ReplayStatus::loaded);
  }
  std::string request(std::int64_t index) const {
    const TurnText* turn = stored_now.turns.find(index);
    return turn == nullptr ? "" : std::string(turn->parts[1].view());
  }

  FakeList list;
  ContextState mine, theirs, merged, stored_now;
};

TEST_F(Merge, NoTurnIsLost) {
  begin(3);
  add_turn(mine, 3);
  add_turn(mine, 4);
  add_turn(theirs, 3);
  set_part(theirs, 3, TurnPart::request, message_text(777));
  finish();
  EXPECT_EQ(stored_now.turns.all().size(), 6U);
  EXPECT_EQ(request(3), message_text(777));
  EXPECT_EQ(request(4), message_text(3));
  EXPECT_EQ(request(5), message_text(4));
  EXPECT_EQ(stored_now.position->next_turn, 6U);
}

TEST_F(Merge, RecentLoadsMergeAsWell) {
  begin(42, false);
  add_turn(mine, 42);
  add_turn(theirs, 42);
  finish(false);
  EXPECT_EQ(stored_now.turns.all().size(), 44U);
}

TEST_F(Merge, StateGoesByName) {
  begin(1);
  set_misc(mine, "both", "1");
  set_misc(mine, "mine", "1");
  set_misc(theirs, "both", "2");
  set_misc(theirs, "theirs", "2");
  set_misc(theirs, "gone", "2");
  mine.changes.misc.note_erased("gone");
  mine.validation = true;
  mine.changes.validation = true;
  theirs.id = Json("other");
  theirs.changes.id = true;
  finish();
  EXPECT_EQ(stored_now.misc.to_text(), R"({"both":1,"theirs":2,"mine":1})");
  EXPECT_TRUE(stored_now.validation);
  EXPECT_EQ(stored_now.id, Json("other"));
}

TEST_F(Merge, AMemberThatIErasedAndSetAgainStandsLast) {
  ContextState first;
  first.misc = JsonObject::parse(R"({"a":1,"b":2})");
  list = stored(first, 1);
  Context context;
  ASSERT_EQ(load_all(list, ContextAccess::state(context)).status, ReplayStatus::loaded);
  ASSERT_EQ(load_all(list, theirs).status, ReplayStatus::loaded);
  set_misc(theirs, "c", "3");
  save(list, theirs);
  context.erase_misc("a");
  context.set_misc("a", 4);
  ASSERT_EQ(load_all(list, merged).status, ReplayStatus::loaded);
  merge(ContextAccess::state(context), merged);
  EXPECT_EQ(merged.misc.to_text(), R"({"b":2,"c":3,"a":4})");
  save(list, merged);
  ASSERT_EQ(load_all(list, stored_now).status, ReplayStatus::loaded);
  EXPECT_EQ(stored_now.misc, merged.misc);
}

TEST_F(Merge, EditsStayAtTheirIndex) {
  begin(3);
  set_part(mine, 1, TurnPart::request, message_text(111));
  erase_part(mine, 2, TurnPart::request);
  add_turn(theirs, 3);
  set_part(theirs, 1, TurnPart::response, message_text(222));
  finish();
  EXPECT_EQ(request(1), message_text(111));
  EXPECT_EQ(stored_now.turns.find(1)->parts[2], message_text(222));
  EXPECT_EQ(request(2), "");
}

TEST_F(Merge, EditsOfTurnsTheyTrimmedAreDropped) {
  begin(5);
  set_part(mine, 1, TurnPart::request, message_text(111));
  set_part(mine, 4, TurnPart::request, message_text(444));
  trim(theirs, {3, 3, 3});
  finish();
  EXPECT_EQ(request(1), "");
  EXPECT_EQ(request(4), message_text(444));
}

TEST_F(Merge, TrimReachesOnlyTheTurnsIKnew) {
  begin(5);
  add_turn(mine, 5);
  add_turn(mine, 6);
  trim(mine, {6, 6, 6});
  add_turn(theirs, 5);
  set_part(theirs, 5, TurnPart::request, message_text(555));
  finish();
  ASSERT_EQ(stored_now.turns.all().size(), 2U);
  EXPECT_EQ(request(5), message_text(555));
  EXPECT_EQ(request(7), message_text(6));
}

TEST_F(Merge, TurnSetAgainBelowMyOwnTrim) {
  begin(30);
  trim(mine, {25, 25, 25});
  set_part(mine, 2, TurnPart::request, message_text(222));
  add_turn(theirs, 30);
  finish();
  EXPECT_EQ(request(2), message_text(222));
  EXPECT_EQ(request(3), "");
  EXPECT_EQ(stored_now.turns.all().size(), 7U);
}

TEST_F(Merge, NoNumberLeftBehindTheirsClosesGaps) {
  begin(3);
  set_part(mine, 3, TurnPart::request, message_text(3));
  set_part(mine, limits::turn_index_max, TurnPart::request, message_text(4));
  add_turn(theirs, 3);
  finish();
  EXPECT_EQ(request(4), message_text(3));
  EXPECT_EQ(request(5), message_text(4));
}

}  // namespace
}  // namespace dialogstore::format
