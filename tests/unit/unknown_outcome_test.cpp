// A save whose outcome is unknown, when others have been at the context before it is settled: what
// the caller hears, what the object may do then, and that no turn is stored twice.
#include <gtest/gtest.h>

#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

constexpr CallOptions merge{.on_conflict = ConflictPolicy::merge};
constexpr CallOptions overwrite{.on_conflict = ConflictPolicy::overwrite};

std::vector<std::string> texts(const Context& context) {
  std::vector<std::string> out;
  for (const auto& [index, request] : context.requests()) out.push_back(request.text.value_or(""));
  return out;
}
using Texts = std::vector<std::string>;

class UnknownOutcome : public testing::Test {
 protected:
  /// A stored context, loaded and changed; the save of the change is lost on its way.
  Context lose(SaveStep loss) {
    Context first;
    first.add_request("first");
    others_.set_item("k", first);
    Context mine = storage_.get_item("k");
    mine.add_request("mine");
    mine.set_misc("m", 1);
    store_->steps = {std::move(loss)};
    expect(mine, errc::outcome_unknown, "");
    EXPECT_TRUE(mine.has_pending_save());
    return mine;
  }
  /// Saves, and expects this end.
  void expect(Context& context, errc code, std::string_view words, CallOptions call = {},
              const char* key = "k") {
    try {
      storage_.set_item(key, context, call);
      EXPECT_EQ(code, errc{}) << "it was saved";
    } catch (const StorageError& error) {
      EXPECT_EQ(error.reason(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
  /// The doubt is reported once; then each policy but overwrite refuses, and says so truly.
  void expect_reported(Context& context, errc code) {
    expect(context, code, "may have been applied");
    EXPECT_FALSE(context.has_pending_save());
    EXPECT_TRUE(context.has_changes());
    expect(context, code, "nothing was written");
    expect(context, code, "nothing was written", merge);
  }
  Texts stored() { return texts(others_.get_item("k")); }

  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
  ScriptedStorage storage_{store_};
  ScriptedStorage others_{store_};
};

TEST_F(UnknownOutcome, OfAContextThatWasReplaced) {
  for (const SaveStep& loss : {SaveStep(reply_lost), SaveStep(request_lost)}) {
    Context mine = lose(loss);
    Context replacement;
    replacement.add_request("theirs");
    others_.set_item("k", replacement);
    expect_reported(mine, errc::history_changed);
    EXPECT_EQ(stored(), Texts{"theirs"});
    expect(mine, errc{}, "", overwrite);
    EXPECT_EQ(others_.get_item("k"), mine);
    EXPECT_EQ(stored(), (Texts{"first", "mine"}));
    mine.add_request("later");
    expect(mine, errc{}, "", merge);
    EXPECT_EQ(stored(), (Texts{"first", "mine", "later"}));
  }
}

TEST_F(UnknownOutcome, OfAContextThatWasDeleted) {
  for (const SaveStep& loss : {SaveStep(reply_lost), SaveStep(request_lost)}) {
    Context mine = lose(loss);
    ASSERT_TRUE(others_.del_item("k"));
    expect_reported(mine, errc::gone);
    EXPECT_FALSE(others_.contains("k"));
    expect(mine, errc{}, "", overwrite);
    EXPECT_EQ(stored(), (Texts{"first", "mine"}));
  }
}

TEST_F(UnknownOutcome, OfAContextOfWhichNothingIsLeft) {
  Context mine = lose(reply_lost);
  store_->lists.clear();
  expect_reported(mine, errc::gone);
  Context copy = mine;
  expect(mine, errc{}, "", overwrite);
  EXPECT_EQ(stored(), (Texts{"first", "mine"}));
  expect(copy, errc{}, "", {}, "elsewhere");
  EXPECT_EQ(texts(others_.get_item("elsewhere")), (Texts{"first", "mine"}));
}

TEST_F(UnknownOutcome, IsSettledWhereItAroseAndNowhereElse) {
  Context mine = lose(reply_lost);
  expect(mine, errc::outcome_unknown, "save it there first", {}, "elsewhere");
  mine.add_request("later");
  expect(mine, errc{}, "");
  EXPECT_EQ(stored(), (Texts{"first", "mine", "later"}));
}

// A request behind the one that settled it could fail, and the call would say of a stored turn that
// nothing was written.
TEST_F(UnknownOutcome, IsOverWithTheAnswerWhenNothingChangedSince) {
  for (const SaveStep& loss : {SaveStep(reply_lost), SaveStep(request_lost)}) {
    Context mine = lose(loss);
    store_->steps = {answered, request_lost};
    expect(mine, errc{}, "");
    EXPECT_EQ(store_->steps.size(), 1U) << "one request, not two";
    store_->steps.clear();
    EXPECT_EQ(stored(), (Texts{"first", "mine"}));
  }
}

TEST_F(UnknownOutcome, WithOverwriteIsReportedOnceToo) {
  Context mine = lose(request_lost);
  ASSERT_TRUE(others_.del_item("k"));
  expect(mine, errc::gone, "may have been applied", overwrite);
  expect(mine, errc{}, "", overwrite);
  EXPECT_EQ(stored(), (Texts{"first", "mine"}));
}

TEST_F(UnknownOutcome, KeepsWhatWasChangedSince) {
  Context mine = lose(request_lost);
  mine.add_request("since");
  mine.erase_misc("m");
  ASSERT_TRUE(others_.del_item("k"));
  expect_reported(mine, errc::gone);
  expect(mine, errc{}, "", overwrite);
  EXPECT_EQ(stored(), (Texts{"first", "mine", "since"}));
  EXPECT_EQ(others_.get_item("k"), mine);
}

// Its base comes back as servers change places; what was applied behind it may come back as well.
TEST_F(UnknownOutcome, IsNotMergedIntoAHistoryThatComesBack) {
  Context mine = lose(reply_lost);
  const auto applied = store_->lists["k"];
  Context replacement;
  others_.set_item("k", replacement);
  expect(mine, errc::history_changed, "may have been applied", merge);
  store_->lists["k"] = applied;
  expect(mine, errc::conflict, "", merge);
  Context copy = mine;
  expect(copy, errc::conflict, "", merge);
  EXPECT_EQ(stored(), (Texts{"first", "mine"})) << "once";
  expect(mine, errc{}, "", overwrite);
  EXPECT_EQ(stored(), (Texts{"first", "mine"}));
}

/// A context that was looked for and not found; its first save is lost on its way.
class UnknownFirstSave : public UnknownOutcome {
 protected:
  Context lose_first(SaveStep loss) {
    Context mine = storage_.get("k", Context{});
    mine.add_request("mine");
    store_->steps = {std::move(loss)};
    expect(mine, errc::outcome_unknown, "");
    return mine;
  }
};

TEST_F(UnknownFirstSave, IsNotMergedIntoWhatMayHoldItAlready) {
  Context mine = lose_first(reply_lost);
  Context theirs = others_.get_item("k");
  theirs.add_request("theirs");
  // Stored anew by someone who had it, so that no token tells of the first save any more.
  others_.set_item("k", Context::from_json(theirs.to_json()));
  expect(mine, errc::history_changed, "may have been applied", merge);
  EXPECT_FALSE(mine.has_pending_save());
  expect(mine, errc::history_changed, "nothing was written");
  expect(mine, errc::history_changed, "nothing was written", merge);
  EXPECT_EQ(stored(), (Texts{"mine", "theirs"}));
  expect(mine, errc{}, "", overwrite);
  EXPECT_EQ(stored(), Texts{"mine"});
}

TEST_F(UnknownFirstSave, MayBeRepeatedByItsCallerAfterADelete) {
  Context mine = lose_first(reply_lost);
  ASSERT_TRUE(others_.del_item("k"));
  expect(mine, errc::gone, "may have been applied");
  EXPECT_FALSE(others_.contains("k"));
  expect(mine, errc{}, "");
  EXPECT_EQ(stored(), Texts{"mine"});
}

TEST_F(UnknownFirstSave, OfAContextThatWasNeverLookedForReplacesWhatIsThere) {
  Context mine;
  mine.add_request("mine");
  store_->steps = {request_lost};
  expect(mine, errc::outcome_unknown, "");
  Context theirs;
  others_.set_item("k", theirs);
  others_.set_item("k", Context{});
  expect(mine, errc::history_changed, "may have been applied");
  expect(mine, errc{}, "");
  EXPECT_EQ(stored(), Texts{"mine"});
}

// ---- deleting ----------------------------------------------------------------------------------

class Deleting : public UnknownOutcome {
 protected:
  Deleting() { others_.set_item("k", Context{}); }
  /// What happens behind the library's back to the rows of "k".
  static void drop(RowList& rows) { rows.drop_front(rows.size()); }
  static void remove(RowList& rows) { save_over(rows, format::SaveOp::erase); }
  static void replace(RowList& rows) { save_over(rows, format::SaveOp::replace); }
  static void append(RowList& rows) { save_over(rows, format::SaveOp::append); }

  /// errc{} when it answered `expected`.
  errc error_of_delete(bool expected) {
    try {
      EXPECT_EQ(storage_.del_item("k"), expected);
      return errc{};
    } catch (const StorageError& error) {
      EXPECT_NE(std::string(error.what()).find("delete"), std::string::npos) << error.what();
      return error.reason();
    }
  }

 private:
  static void save_over(RowList& rows, format::SaveOp op) {
    format::RowHeader header;
    ASSERT_EQ(format::decode_header(rows.row(rows.size() - 1), header), format::RowFault::none);
    format::SaveRequest request;
    request.base = format::encode_version(header.version);
    request.own = Token{1, 2, 3};
    request.op = op;
    header.version = {header.version.seq + 1, request.own};
    header.kind = op == format::SaveOp::erase     ? format::RowKind::tombstone
                  : op == format::SaveOp::replace ? format::RowKind::keyframe
                                                  : format::RowKind::delta;
    if (op == format::SaveOp::append) ++header.keyframe_distance;
    const auto body = header.kind == format::RowKind::tombstone  ? ""
                      : header.kind == format::RowKind::keyframe ? R"({"id":1})"
                                                                 : "{}";
    request.rows = {format::encode_row(header, body)};
    ASSERT_EQ(apply_save(rows, request).answer, SaveAnswer::saved);
  }
};

TEST_F(Deleting, AnswersWhatItKnows) {
  EXPECT_EQ(error_of_delete(true), errc{});
  EXPECT_EQ(error_of_delete(false), errc{});
}

TEST_F(Deleting, BySomeoneElseIsNotOurs) {
  for (const auto& other : {drop, remove}) {
    others_.set_item("k", Context{});
    store_->steps = {after(other, answered)};
    EXPECT_EQ(error_of_delete(false), errc{});
  }
}

TEST_F(Deleting, FindsItselfAfterAnAnswerThatWasLost) {
  store_->steps = {[](RowList& rows, const format::SaveRequest& request) {
    apply_save(rows, request);
    return answered_again(rows, request);
  }};
  EXPECT_EQ(error_of_delete(true), errc{});
}

TEST_F(Deleting, GoesOnOverASaveInBetween) {
  for (const SaveStep& step : {SaveStep(answered), SaveStep(answered_again)}) {
    others_.set_item("k", Context{});
    store_->steps = {after(append, step)};
    EXPECT_EQ(error_of_delete(true), errc{});
    EXPECT_FALSE(others_.contains("k"));
  }
}

TEST_F(Deleting, DoesNotClaimWhatAnUnansweredCopyMayHaveDone) {
  for (const auto& other : {drop, remove, replace}) {
    others_.set_item("k", Context{});
    store_->steps = {after(other, answered_again)};
    EXPECT_EQ(error_of_delete(true), errc::outcome_unknown);
  }
  EXPECT_EQ(error_of_delete(true), errc{}) << "what took its place is for another call";
}

}  // namespace
}  // namespace dialogstore::test
