#include <gtest/gtest.h>

#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

TEST(PlanReplace, NewContext) {
  ContextState state;
  const FakeList list = stored(state, 0);
  EXPECT_EQ(kinds(list), "K");
  EXPECT_EQ(list.last_header().version.seq, 1U);
  EXPECT_EQ(state.position->pages.size(), 0U);
  expect_reloads(list, state);
}

TEST(PlanReplace, ImportMakesPagesWithoutTokens) {
  ContextState state;
  const FakeList list = stored(state, 41);
  EXPECT_EQ(kinds(list), "PPPPPK");
  for (const PageMark& page : state.position->pages) {
    EXPECT_TRUE(page.tokens.empty());
    EXPECT_EQ(page.version, state.position->version);
    EXPECT_EQ(page.turns.get().highest - page.turns.get().lowest, 7);
  }
  EXPECT_EQ(state.position->unsealed_turns, (std::vector<std::int64_t>{40}));
  expect_reloads(list, state);
}

TEST(PlanReplace, OverAVersionGoesOnCounting) {
  ContextState state;
  state.id = Json("x");
  const Version old{41, token(5)};
  const PlanResult result = plan_replace(state, &old, token(6), {});
  ASSERT_EQ(result.status, PlanStatus::ready);
  EXPECT_EQ(result.plan.request.base, encode_version(old));
  EXPECT_EQ(result.plan.after.version, (Version{42, token(6)}));
  const Version last{0xFFFFFFFF, token(5)};
  EXPECT_EQ(plan_replace(state, &last, token(6), {}).error, errc::too_large);
}

TEST(PlanReplace, PartOfAContextIsNotTheContext) {
  ContextState state;
  const FakeList list = stored(state, 42);
  ContextState recent;
  load_recent(list, 10, recent);
  EXPECT_EQ(plan_replace(recent, nullptr, token(1), {}).status, PlanStatus::needs_everything);
}

TEST(PlanSave, NothingChanged) {
  ContextState state;
  FakeList list = stored(state, 3);
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.op, SaveOp::touch);
  EXPECT_TRUE(plan.request.rows.empty());
  // Set and erased again, or trimmed where nothing is.
  set_part(state, 7, TurnPart::label, label_text(7));
  erase_part(state, 7, TurnPart::label);
  state.next[0] = 3;
  EXPECT_EQ(save(list, state).request.op, SaveOp::touch);
}

TEST(PlanSave, OneTurnIsOneSmallRow) {
  ContextState state;
  FakeList list = stored(state, 3);
  set_part(state, 3, TurnPart::request, message_text(3));
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.op, SaveOp::append);
  ASSERT_EQ(plan.request.rows.size(), 1U);
  EXPECT_EQ(plan.request.rows[0].substr(header_bytes),
            R"({"turns":{"3":{"request":{"text":"message 3"}}}})");
  expect_reloads(list, state);
}

TEST(PlanSave, StateTravelsByName) {
  ContextState state;
  FakeList list = stored(state, 1);
  set_misc(state, "b", "1");
  set_misc(state, "a", "2");
  save(list, state);
  set_misc(state, "b", "{}");
  state.misc.erase("a");
  state.changes.misc.note_erased("a");
  state.framework_states.set("m", Json(1));
  state.changes.framework_states.note_set("m");
  state.id = Json(5);
  state.validation = true;
  state.changes.id = state.changes.validation = true;
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.rows[0].substr(header_bytes),
            R"({"misc":{"b":{}},"misc_del":["a"],"states":{"m":1},"id":5,"validation":true})");
  expect_reloads(list, state);
}

TEST(PlanSave, AMemberErasedAndSetAgainStandsLast) {
  Context context(Json("id"));
  for (const char* name : {"a", "b", "c"}) {
    context.set_misc(name, 1);
    context.set_framework_state(name, 1);
    context.set_extra(name, 1);
  }
  ContextState& state = ContextAccess::state(context);
  FakeList list = stored(state, 0);
  context.erase_misc("a");
  context.set_misc("new", 1);
  context.set_misc("a", 2);
  context.set_misc("c", 2);  // this one keeps its place
  context.erase_framework_state("b");
  context.set_framework_state("b", 1);
  context.erase_extra("a");
  context.erase_extra("b");
  context.set_extra("b", 1);
  context.set_extra("a", 1);
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.op, SaveOp::append);
  expect_reloads(list, state);
}

TEST(PlanSave, SealsAfterKDeltas) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(kinds(list), "K" + std::string(static_cast<std::size_t>(i), 'D'));
    add_turn(state, i);
    save(list, state);
  }
  EXPECT_EQ(kinds(list), "PK");
  ASSERT_EQ(state.position->pages.size(), 1U);
  const auto tokens = decode_tokens(state.position->pages[0].tokens);
  EXPECT_EQ(tokens.size(), 9U);
  EXPECT_EQ(state.position->pages[0].turns.get(), (TurnRange{0, 7}));
  EXPECT_EQ(state.position->unsealed_turns, (std::vector<std::int64_t>{8}));
  for (std::uint32_t seq = 1; seq <= 9; ++seq) {
    EXPECT_EQ(list.find({seq, tokens[seq - 1]}), 'C');
  }
  expect_reloads(list, state);
}

// Bots go back to the turn before one that is still being said.
TEST(PlanSave, ASealKeepsTheTurnBeforeOneThatLacksAPart) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 8; ++i) {
    add_turn(state, i);
    save(list, state);
  }
  set_part(state, 8, TurnPart::request, message_text(8));
  EXPECT_EQ(save(list, state).request.op, SaveOp::seal);
  EXPECT_EQ(state.position->unsealed_turns, (std::vector<std::int64_t>{7, 8}));
  ContextState recent;
  ASSERT_EQ(load_recent(list, 10, recent).status, ReplayStatus::loaded);
  EXPECT_EQ(recent.turns.all().size(), 2U);
  expect_reloads(list, state);
}

TEST(PlanSave, ManyNewTurnsAreSealedAtOnce) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 17; ++i) add_turn(state, i);
  EXPECT_EQ(save(list, state).request.op, SaveOp::seal);
  EXPECT_EQ(kinds(list), "PK");
  expect_reloads(list, state);
}

TEST(PlanSave, SealWithoutTurnsCarriesTokensOnly) {
  ContextState state;
  FakeList list = stored(state, 0);
  LogOptions options;
  options.seal_after = 0;
  set_misc(state, "a", "1");
  EXPECT_EQ(save(list, state, options).request.op, SaveOp::seal);
  EXPECT_EQ(kinds(list), "PK");
  EXPECT_EQ(decode_tokens(state.position->pages[0].tokens).size(), 1U);
  EXPECT_EQ(state.position->pages[0].turns.get(), TurnRange());
  expect_reloads(list, state);
}

TEST(PlanSave, SealedTurnsNeedEverything) {
  ContextState state;
  FakeList list = stored(state, 42);
  ContextState recent;
  load_recent(list, 10, recent);
  set_part(recent, 5, TurnPart::response, message_text(99));
  EXPECT_EQ(plan_save(recent, token(1), {}).status, PlanStatus::needs_everything);
}

TEST(PlanSave, EditsOnePageInPlace) {
  ContextState state;
  FakeList list = stored(state, 41);
  add_turn(state, 41);
  save(list, state);
  set_part(state, 9, TurnPart::response, message_text(99));
  erase_part(state, 10, TurnPart::label);
  set_misc(state, "a", "1");
  add_turn(state, 42);
  const std::size_t rows = list.rows.size();
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.op, SaveOp::edit);
  EXPECT_EQ(plan.request.n, 1 - static_cast<std::int64_t>(rows));
  EXPECT_EQ(plan.request.rows.size(), 2U);
  EXPECT_EQ(kinds(list), "PPPPPKDD");
  expect_reloads(list, state);
}

TEST(PlanSave, EditedPageRaisesTheNumberingOfRecentReaders) {
  ContextState state;
  FakeList list = stored(state, 0);
  for (std::int64_t i = 0; i < 20; ++i) set_part(state, i, TurnPart::request, message_text(i));
  save(list, state);
  set_part(state, 4, TurnPart::response, message_text(4));
  EXPECT_EQ(save(list, state).request.op, SaveOp::edit);
  ContextState recent;
  ASSERT_EQ(load_recent(list, 10, recent).status, ReplayStatus::loaded);
  EXPECT_EQ(recent.next, (PartIndices{0, 20, 5}));
}

TEST(PlanSave, SeveralPagesAreRewrittenWithAllTokens) {
  ContextState state;
  FakeList list = stored(state, 0);
  std::vector<Version> history;
  for (std::int64_t i = 0; i < 30; ++i) {
    add_turn(state, i);
    save(list, state);
    history.push_back(state.position->version);
  }
  set_part(state, 1, TurnPart::response, message_text(99));
  set_part(state, 12, TurnPart::response, message_text(99));
  EXPECT_EQ(save(list, state).request.op, SaveOp::replace);
  EXPECT_EQ(list.rows.back().front(), 'K');
  EXPECT_EQ(decode_tokens(state.position->pages[0].tokens).size(), 31U);
  for (const Version& version : history) EXPECT_EQ(list.find(version), 'C');
  expect_reloads(list, state);
}

TEST(PlanSave, TurnOutsideEveryPageIsARewrite) {
  ContextState state;
  FakeList list = stored(state, 42);
  set_part(state, -3, TurnPart::request, message_text(3));
  EXPECT_EQ(save(list, state).request.op, SaveOp::replace);
  expect_reloads(list, state);
  // But erasing what is in no page is no change at all.
  erase_part(state, -9, TurnPart::request);
  EXPECT_EQ(save(list, state).request.op, SaveOp::touch);
}

TEST(PlanSave, TrimDropsWholePagesButNeverTheNewest) {
  ContextState state;
  FakeList list = stored(state, 41);
  trim(state, {20, 20, 20});
  const SavePlan plan = save(list, state);
  EXPECT_EQ(plan.request.op, SaveOp::drop_head);
  EXPECT_EQ(plan.request.n, 2);
  EXPECT_EQ(kinds(list), "PPPKD");
  expect_reloads(list, state);
  trim(state, {41, 41, 41});
  save(list, state);
  EXPECT_EQ(kinds(list), "PKDD");
  EXPECT_TRUE(state.turns.empty());
  expect_reloads(list, state);
}

TEST(PlanSave, TrimOfOneSequenceDropsNoPage) {
  ContextState state;
  FakeList list = stored(state, 42);
  trim(state, {keep_all, 30, keep_all});
  EXPECT_EQ(save(list, state).request.op, SaveOp::append);
  expect_reloads(list, state);
}

TEST(PlanSave, TrimOfARecentLoadOnlySaysSo) {
  ContextState state;
  FakeList list = stored(state, 41);
  ContextState recent;
  load_recent(list, 10, recent);
  trim(recent, {40, 40, 40});
  EXPECT_EQ(save(list, recent).request.op, SaveOp::append);
  expect_reloads(list, recent);
  // The pages go with a later save of someone who knows them.
  ContextState whole;
  load_all(list, whole);
  set_misc(whole, "a", "1");
  EXPECT_EQ(save(list, whole).request.op, SaveOp::drop_head);
  EXPECT_EQ(kinds(list), "PKDD");
}

TEST(PlanSave, TurnSetBelowWhatWasTrimmedComesBackAlone) {
  ContextState state;
  FakeList list = stored(state, 42);
  trim(state, {30, 30, 30});
  save(list, state);
  set_part(state, 4, TurnPart::request, message_text(4));
  EXPECT_EQ(save(list, state).request.op, SaveOp::replace);
  EXPECT_EQ(state.position->first, (FirstKept{30, 4, 30}));
  expect_reloads(list, state);
}

TEST(PlanSave, EverythingTrimmedAndNumberingGoesOn) {
  ContextState state;
  FakeList list = stored(state, 3);
  add_turn(state, 3);
  trim(state, {4, 4, 4});
  save(list, state);
  EXPECT_EQ(list.last_header().next_turn, 4U);
  TurnText turn;
  turn.parts[1] = message_text(1);
  const PlanResult appended = plan_append(list.last_header(), turn, token(9));
  ASSERT_EQ(list.apply(appended.plan.request), 'S');
  ContextState fresh;
  ASSERT_EQ(load_all(list, fresh).status, ReplayStatus::loaded);
  ASSERT_EQ(fresh.turns.all().size(), 1U);
  EXPECT_EQ(fresh.turns.all()[0].index, 4);
}

TEST(PlanSave, OpaquePagesAreLeftAlone) {
  ContextState state;
  FakeList list = stored(state, 42);
  auto pages = state.position->pages.to_vector();
  pages[1].opaque = true;
  state.position->pages = std::move(pages);
  set_part(state, 9, TurnPart::response, message_text(99));
  EXPECT_EQ(plan_save(state, token(1), {}).error, errc::unsupported_format);
  set_part(state, 20, TurnPart::response, message_text(99));
  EXPECT_EQ(plan_save(state, token(1), {}).error, errc::unsupported_format);
  state.changes.clear();
  trim(state, {30, 30, 30});
  const PlanResult trimmed = plan_save(state, token(1), {});
  EXPECT_EQ(trimmed.plan.request.op, SaveOp::drop_head);
  EXPECT_EQ(trimmed.plan.request.n, 1);
}

TEST(PlanErase, LeavesATombstone) {
  ContextState state;
  FakeList list = stored(state, 3);
  ASSERT_EQ(list.apply(plan_erase(state.position->version, token(2))), 'S');
  EXPECT_EQ(kinds(list), "T");
  ContextState anew;
  anew.id = Json("x");
  const Version tombstone = list.last_header().version;
  const PlanResult result = plan_replace(anew, &tombstone, token(3), {});
  ASSERT_EQ(list.apply(result.plan.request), 'S');
  EXPECT_EQ(result.plan.after.version.seq, 3U);
}

}  // namespace
}  // namespace dialogstore::format
