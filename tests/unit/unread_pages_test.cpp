// Pages stay unread until somebody looks at an older turn: what reads them and what does not, that
// it makes no difference, and that damage is told by whoever looks.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "format/compress.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

/// A log of five pages and a keyframe with the turn 40.
FakeList pages_of_41() {
  ContextState state;
  return stored(state, 41);
}

Context loaded(const FakeList& list) {
  Context context;
  const ReplayResult result = load_all(list, ContextAccess::state(context));
  EXPECT_EQ(result.status, ReplayStatus::loaded) << result.why;
  return context;
}

bool is_unread(const Context& context) {
  return ContextAccess::state(context).turns.here_from() != keep_all;
}

/// Nobody has read them, by whatever copy.
bool are_untouched(const Context& context) {
  const auto& pages = ContextAccess::state(context).position->pages;
  return !pages.empty() && !pages[0].turns.is_known();
}

void save_context(FakeList& list, Context& context, SaveOp expected) {
  EXPECT_EQ(save(list, ContextAccess::state(context)).request.op, expected);
}

/// The page's checksum is right, what it holds is not.
void damage(FakeList& list, std::size_t row) {
  RowView page;
  ASSERT_EQ(decode_row(list.rows.at(row), page), RowFault::none);
  list.rows[row] = encode_page_raw(page.header, page.tokens, codec_stored, R"({"0":"no turn"})");
}

TEST(UnreadPages, TurnsAreAddedSavedAndSealedWithoutReading) {
  FakeList list = pages_of_41();
  Context context = loaded(list);
  EXPECT_EQ(context.last_request()->text, "message 40");
  EXPECT_EQ(context.last_response()->text, "message 1040");
  EXPECT_EQ(context.last_label()->node, "node 40");
  EXPECT_EQ(context.turn(40)->request->text, "message 40");
  context.set_last_response("better");
  context.set_misc("a", 1);
  context.clear(0, {ContextField::misc});
  int seals = 0;
  const auto save_it = [&] {
    const bool seals_now = ContextAccess::state(context).position->keyframe_distance == 8;
    seals += seals_now ? 1 : 0;
    save_context(list, context, seals_now ? SaveOp::seal : SaveOp::append);
  };
  save_it();
  for (int i = 41; i < 70; ++i) {
    EXPECT_EQ(context.add_request("r"), i);
    save_it();
    EXPECT_EQ(context.last_response()->text, i == 41 ? "better" : "a");
    if (i % 2 == 0) context = loaded(list);
    EXPECT_FALSE(context.response(i));
    EXPECT_EQ(context.add_label({"f", "n"}), i);
    EXPECT_EQ(context.add_response("a"), i);
    EXPECT_TRUE(context.turn(i)->response);
    EXPECT_FALSE(context.erase(i + 1, TurnPart::label));
    save_it();
    EXPECT_TRUE(context.is_complete());
    ASSERT_TRUE(is_unread(context) && are_untouched(context)) << i;
    if (i % 3 == 0) context = loaded(list);
  }
  EXPECT_GT(seals, 4);
  EXPECT_EQ(context.turn_count(), 70U);
  expect_reloads(list, ContextAccess::state(context));
}

// Contexts of bots that have no labels are none that need their pages.
TEST(UnreadPages, ASequenceThatIsNotUsedReadsNothing) {
  ContextState state;
  state.id = Json("id");
  for (std::int64_t i = 0; i < 20; ++i) set_part(state, i, TurnPart::request, message_text(i));
  PlanResult stored = plan_replace(state, nullptr, token(1), {});
  FakeList list;
  ASSERT_EQ(list.apply(stored.plan.request), 'S');
  Context context = loaded(list);
  for (std::int64_t i = 20; i < 40; ++i) {
    ASSERT_EQ(context.add_request("r"), i);
    save(list, ContextAccess::state(context));
  }
  EXPECT_TRUE(are_untouched(context));
  EXPECT_EQ(context.add_label({"f", "n"}), 0);  // of an old turn
}

TEST(UnreadPages, WhatNeedsOlderTurnsReadsThem) {
  const FakeList list = pages_of_41();
  using Look = std::function<void(Context&)>;
  const Look looks[] = {
      [](Context& c) { EXPECT_EQ(c.turn_count(), 41U); },
      [](Context& c) { EXPECT_EQ(c.turn_indices().size(), 41U); },
      [](Context& c) { EXPECT_EQ(c.label(3)->node, "node 3"); },
      [](Context& c) { EXPECT_EQ(c.request(39)->text, "message 39"); },
      [](Context& c) { EXPECT_EQ(c.turn(0)->response->text, "message 1000"); },
      [](Context& c) { EXPECT_FALSE(c.turn(-1)); },
      [](Context& c) { EXPECT_EQ(c.labels().size(), 41U); },
      [](Context& c) { EXPECT_NE(c.to_json().find("message 17"), std::string::npos); },
      [](Context& c) { EXPECT_TRUE(c == Context(c)); },
      [](Context& c) { c.set_request(3, "new"); },
      [](Context& c) { EXPECT_TRUE(c.erase(3, TurnPart::label)); },
      [](Context& c) { EXPECT_TRUE(c.erase(40, TurnPart::label)); },
      [](Context& c) { c.clear(50); },
      [](Context& c) { c.clear(5); },
      [](Context& c) { c.assign(Context()); },
      [](Context& c) { Context().update(c); },
  };
  for (const Look& look : looks) {
    Context context = loaded(list);
    ASSERT_TRUE(is_unread(context) && are_untouched(context));
    look(context);
    EXPECT_FALSE(is_unread(context)) << &look - &looks[0];
    EXPECT_FALSE(are_untouched(context)) << &look - &looks[0];
  }
}

// Whatever is done before somebody looks, the same comes of it as when all is read at once.
TEST(UnreadPages, ALateLookSeesWhatAnEarlyOneSaw) {
  const FakeList list = pages_of_41();
  using Change = std::function<void(Context&)>;
  const Change changes[] = {
      [](Context&) {},
      [](Context& c) { c.add_request("a"); },
      [](Context& c) {
        c.set_label(40, {"x", "y"});
      },
      [](Context& c) {
        c.set_label(3, {"x", "y"});
      },
      [](Context& c) {
        c.set_label(-3, {"x", "y"});
      },
      [](Context& c) {
        c.set_label(50, {"x", "y"});
      },
      [](Context& c) { c.erase(40, TurnPart::response); },
      [](Context& c) { c.erase(12, TurnPart::response); },
      [](Context& c) { c.clear(7); },
      [](Context& c) { c.clear(0); },
      [](Context& c) { c.clear(10, {ContextField::labels}); },
      [](Context& c) { c = Context(c); },
      [](Context& c) {
        Context other = std::move(c);
        c = std::move(other);
      },
  };
  for (const Change& first : changes) {
    for (const Change& second : changes) {
      Context late = loaded(list);
      Context early = loaded(list);
      ContextAccess::state(early).turns.read();
      for (Context* context : {&late, &early}) {
        first(*context);
        second(*context);
        context->add_label({"f", "n"});
        context->add_response("b");
      }
      EXPECT_EQ(ContextAccess::state(late).changes.turns,
                ContextAccess::state(early).changes.turns);
      FakeList of_late = list;
      FakeList of_early = list;
      EXPECT_EQ(save(of_late, ContextAccess::state(late)).request.op,
                save(of_early, ContextAccess::state(early)).request.op);
      ASSERT_EQ(late, early) << &first - &changes[0] << ' ' << &second - &changes[0];
      expect_reloads(of_late, ContextAccess::state(late));
      expect_same_content(ContextAccess::state(loaded(of_late)), ContextAccess::state(early));
    }
  }
}

// No writer of ours makes such a log. Until a page is read it is as a load of the recent turns
// shows it; then the later row counts, part by part, whatever was put on top meanwhile.
TEST(UnreadPages, PagesThatOverlapTheRowsBehindThem) {
  const auto header = [](RowKind kind, std::uint32_t seq, std::uint16_t distance) {
    return RowHeader{kind, format_version, distance, {seq, token(seq)}, 20};
  };
  FakeList list;
  list.rows = {
      encode_page(header(RowKind::page, 1, 0), {}, codec_stored,
                  R"({"4":{"label":["p","4"]},"5":{"label":["p","5"],"request":{"text":"p"},)"
                  R"("response":{"text":"p"}},"19":{"request":{"text":"p"}}})"),
      encode_row(header(RowKind::keyframe, 2, 0),
                 R"({"id":1,"turns":{"5":{"request":{"text":"k"}},"18":{"label":["k","k"]}}})"),
      encode_row(header(RowKind::delta, 3, 1), R"({"turns":{"5":{"response":null}}})")};
  Context context = loaded(list);
  ASSERT_TRUE(are_untouched(context));
  EXPECT_EQ(context.request(5)->text, "k");
  EXPECT_FALSE(context.label(5));
  context.set_label(18, {"new", "one"});
  ASSERT_TRUE(are_untouched(context));
  EXPECT_EQ(context.turn_indices(), (std::vector<std::int64_t>{4, 5, 18, 19}));
  EXPECT_EQ(context.turn(5), (Turn{5, Label{"p", "5"}, Message("k"), std::nullopt}));
  EXPECT_EQ(context.label(18)->flow, "new");
  EXPECT_EQ(context.last_request()->text, "p");
  // Numbered without a look, too, no turn is put where one is.
  context = loaded(list);
  EXPECT_EQ(context.add_request("next"), 20);
  EXPECT_EQ(context.request(19)->text, "p");
  context = loaded(list);
  EXPECT_TRUE(context.erase(5, TurnPart::request));
  EXPECT_FALSE(context.request(5)) << "the page's must not come back";
}

// The last label of all went with an edit of its page: only the pages say how labels go on.
TEST(UnreadPages, NumberingReadsPagesThatWereEdited) {
  ContextState state;
  state.id = Json("id");
  for (std::int64_t i = 0; i < 20; ++i) {
    if (i < 10) set_part(state, i, TurnPart::label, label_text(i));
    set_part(state, i, TurnPart::request, message_text(i));
  }
  PlanResult made = plan_replace(state, nullptr, token(1), {});
  FakeList list;
  ASSERT_EQ(list.apply(made.plan.request), 'S');
  Context context = loaded(list);
  EXPECT_EQ(context.add_label({"f", "n"}), 10);
  context = loaded(list);
  ASSERT_TRUE(context.erase(9, TurnPart::label));
  save_context(list, context, SaveOp::edit);
  context = loaded(list);
  EXPECT_EQ(context.add_label({"f", "n"}), 9);
}

TEST(UnreadPages, SavesAfterATrimDoNotReadEachTime) {
  FakeList list = pages_of_41();
  Context context = loaded(list);
  context.clear(15);  // keeps the turns 26 to 40
  save_context(list, context, SaveOp::drop_head);
  EXPECT_EQ(kinds(list), "PPKD");
  for (int i = 0; i < 5; ++i) {
    context = loaded(list);
    context.add_request("r");
    save_context(list, context, SaveOp::append);
    EXPECT_TRUE(are_untouched(context));
  }
  context = loaded(list);
  context.clear(3);
  save_context(list, context, SaveOp::drop_head);
  EXPECT_EQ(kinds(list).find("PK"), 0U);
}

TEST(UnreadPages, CopiesReadOnce) {
  const Context context = loaded(pages_of_41());
  const Context copy = context;
  EXPECT_EQ(copy.turn_count(), 41U);
  EXPECT_FALSE(are_untouched(context));
  const Context later = context;
  const auto lies_at = [](const Context& where) {
    return ContextAccess::state(where).turns.find(0)->parts[0].view().data();
  };
  EXPECT_EQ(lies_at(context), lies_at(copy));
  EXPECT_EQ(lies_at(later), lies_at(copy));
}

TEST(UnreadPages, ManyThreadsMayLookAtOneContextAndAtItsCopies) {
  const FakeList list = pages_of_41();
  for (int round = 0; round < 20; ++round) {
    const Context context = loaded(list);
    const Context copy = context;
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&, i] {
        const Context& mine = i % 2 == 0 ? context : copy;
        Context own = mine;
        EXPECT_EQ(mine.last_request()->text, "message 40");
        EXPECT_EQ(mine.request(i)->text, "message " + std::to_string(i));
        EXPECT_EQ(mine.turn_count(), 41U);
        own.set_request(1, "mine");
        EXPECT_EQ(own.turn_count(), 41U);
        EXPECT_EQ(mine.request(1)->text, "message 1");
      });
    }
    for (std::thread& reader : readers) reader.join();
  }
}

TEST(UnreadPages, DamageIsToldByWhoeverLooksAndChangesNothing) {
  FakeList list = pages_of_41();
  damage(list, 2);
  Context context = loaded(list);
  const auto expect_damage = [](auto look) {
    try {
      look();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const FormatError& error) {
      EXPECT_EQ(error.reason(), errc::corrupt);
      EXPECT_NE(error.detail().find("row 2: "), std::string::npos) << error.what();
    }
  };
  for (int i = 0; i < 2; ++i) {
    expect_damage([&] { static_cast<void>(context.turn_count()); });
    expect_damage([&] { static_cast<void>(context.request(0)); });
    expect_damage([&] { static_cast<void>(context.to_json()); });
    expect_damage([&] { context.set_request(0, "x"); });
    expect_damage([&] { context.erase(0, TurnPart::label); });
    expect_damage([&] { context.erase(40, TurnPart::label); });
    expect_damage([&] { context.clear(0); });
    expect_damage([&] { context.assign(Context()); });
    Context older;
    older.set_misc("a", 1);
    older.set_request(0, "x");
    expect_damage([&] { context.update(older); });
    EXPECT_FALSE(context.has_changes());
  }
  EXPECT_EQ(context.add_request("goes on"), 41);
  save_context(list, context, SaveOp::append);
  EXPECT_FALSE(inspect(list.all()).empty());
}

}  // namespace
}  // namespace dialogstore::format
