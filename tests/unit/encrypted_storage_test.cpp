// A storage with keys: what lies in the store, who can read it, and how keys are changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dialogstore/encryption.hpp"
#include "format/sealed_row.hpp"
#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

const std::string marker = "words that nobody else may read";

std::string line(const std::string& id, char digit) {
  return id + " " + std::string(2 * secret_bytes, digit) + "\n";
}

StorageOptions with(const std::string& lines, History history = History::all) {
  StorageOptions options;
  options.history = history;
  options.seal_after = 2;
  options.on_conflict = ConflictPolicy::merge;
  if (!lines.empty()) options.encryption = EncryptionKeys::from_text(lines);
  return options;
}

Context dialog(int turns) {
  Context context(Json("d"));
  for (int i = 0; i < turns; ++i) {
    const auto index = context.add_request(marker + std::to_string(i));
    context.set_response(index, marker);
    context.set_label(index, {.flow = marker, .node = marker});
  }
  context.set_misc(marker, marker);
  return context;
}

class EncryptedStorage : public testing::Test {
 protected:
  /// The error a call ends with; `words` are in its text.
  template <class Call>
  static errc error_of(Call&& call, std::string_view words = {}) {
    try {
      static_cast<void>(call());
    } catch (const StorageError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
      return error.reason();
    }
    return errc{};
  }
  ScriptedStorage open(const StorageOptions& options) { return ScriptedStorage(store_, options); }
  std::deque<std::string>& rows(const std::string& key = "k") { return store_->lists[key].all; }
  bool is_readable() {
    return std::any_of(rows().begin(), rows().end(), [](const std::string& row) {
      return row.find(marker) != std::string::npos || row[1] == '1';
    });
  }
  /// The names of the keys that the rows are sealed with; empty where they are readable.
  std::set<std::string> key_ids() {
    std::set<std::string> ids;
    for (const std::string& row : rows()) {
      format::RowView view;
      EXPECT_EQ(format::decode_row(row, view), format::RowFault::none);
      const auto body = view.is_sealed() ? format::split_sealed(view.body) : std::nullopt;
      ids.emplace(body ? body->key_id : std::string_view());
    }
    return ids;
  }

  std::shared_ptr<ScriptedStore> store_ = std::make_shared<ScriptedStore>();
};

TEST_F(EncryptedStorage, NothingOfADialogIsReadableWhateverIsDone) {
  ScriptedStorage storage = open(with(line("a", '1')));
  ScriptedStorage others = open(with(line("a", '1'), History::recent));
  Context context = dialog(40);
  storage.set_item("k", context);
  EXPECT_FALSE(is_readable());
  for (int round = 0; round < 12; ++round) {
    Context theirs = others.get_item("k");
    theirs.add_request(marker);
    others.set_item("k", theirs);
    context.set_request(round, marker + "!");  // in a page: edited in place, merged
    context.add_request(marker);
    storage.set_item("k", context);
    others.append("k", {.label = {}, .request = Message(marker), .response = {}});
    ASSERT_FALSE(is_readable()) << round;
  }
  context = storage.get_item("k");
  context.clear(10);
  storage.set_item("k", context);
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(others.get_item("k", {.history = History::all}), context);
  EXPECT_EQ(storage.load_turns("k", 0, 1000).size(), context.turn_count());
  EXPECT_TRUE(storage.check(false).sound());
}

TEST_F(EncryptedStorage, WithoutKeysNothingIsReadAndNothingReplaced) {
  open(with(line("a", '1'))).set_item("k", Context(dialog(5)));
  const auto before = rows();
  ScriptedStorage storage = open(with(""));
  EXPECT_EQ(error_of([&] { return storage.get_item("k"); }, "encrypt="), errc::wrong_key);
  Context mine = dialog(1);
  const auto save = [&](CallOptions call) {
    return error_of([&] { return storage.set_item("k", mine, call), 0; }, "encrypt=");
  };
  EXPECT_EQ(save({}), errc::wrong_key);
  EXPECT_EQ(save({.on_conflict = ConflictPolicy::overwrite}), errc::wrong_key);
  const Turn turn{.label = {}, .request = Message("x"), .response = {}};
  EXPECT_EQ(error_of([&] { return storage.append("k", turn); }, "encrypt="), errc::wrong_key);
  EXPECT_EQ(rows(), before);
  EXPECT_TRUE(storage.contains("k")) << "what needs no key works without";
  const CheckReport report = storage.check(false);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_NE(report.damaged[0].second.find("encrypt="), std::string::npos);
  EXPECT_TRUE(storage.del_item("k"));
}

TEST_F(EncryptedStorage, AWrongKeyIsAnErrorThatNamesIt) {
  open(with(line("a", '1'))).set_item("k", Context(dialog(5)));
  const auto before = rows();
  ScriptedStorage other_bytes = open(with(line("a", '2')));
  ScriptedStorage other_name = open(with(line("b", '1')));
  const Turn turn{.label = {}, .request = Message("x"), .response = {}};
  for (ScriptedStorage* storage : {&other_bytes, &other_name}) {
    EXPECT_EQ(error_of([&] { return storage->get_item("k"); }, "\"a\""), errc::wrong_key);
    EXPECT_EQ(error_of([&] { return storage->append("k", turn); }, "\"a\""), errc::wrong_key);
    EXPECT_EQ(rows(), before);
  }
}

TEST_F(EncryptedStorage, RowsThatWereMovedDoNotOpen) {
  ScriptedStorage storage = open(with(line("a", '1')));
  storage.set_item("k", Context(dialog(5)));
  rows("elsewhere") = rows();
  EXPECT_EQ(error_of([&] { return storage.get_item("elsewhere"); }), errc::wrong_key);
}

TEST_F(EncryptedStorage, WhatWasReadableIsEncryptedByTheNextSave) {
  for (const History history : {History::all, History::recent}) {
    rows().clear();
    open(with("")).set_item("k", Context(dialog(40)));
    ASSERT_TRUE(is_readable());
    ScriptedStorage storage = open(with(line("a", '1'), history));
    Context context = storage.get_item("k");
    EXPECT_TRUE(is_readable()) << "a load writes nothing";
    context.add_request(marker);
    storage.set_item("k", context);
    EXPECT_FALSE(is_readable());
    EXPECT_EQ(storage.get_item("k", {.history = History::all}).turn_count(), 41U);
  }
}

TEST_F(EncryptedStorage, AnOlderKeyGivesWayToTheCurrentOne) {
  for (const History history : {History::all, History::recent}) {
    rows().clear();
    open(with(line("old", '1'))).set_item("k", Context(dialog(40)));
    ScriptedStorage storage = open(with(line("new", '2') + line("old", '1'), history));
    storage.append("k", {.label = {}, .request = Message(marker), .response = {}});
    EXPECT_EQ(key_ids(), (std::set<std::string>{"old", "new"}));
    Context context = storage.get_item("k");
    storage.set_item("k", context);  // nothing changed: still it is written anew
    EXPECT_EQ(key_ids(), std::set<std::string>{"new"});
    ScriptedStorage later = open(with(line("new", '2')));
    EXPECT_EQ(later.get_item("k").turn_count(), 41U);
    EXPECT_TRUE(later.check(false).sound());
    const auto before = rows();
    context = storage.get_item("k");
    storage.set_item("k", context);
    EXPECT_EQ(rows(), before) << "once only";
  }
}

TEST_F(EncryptedStorage, ARotationIsNoConflictForThoseWhoLoadedBefore) {
  ScriptedStorage before = open(with(line("old", '1') + line("new", '2')));
  Context theirs = dialog(40);
  before.set_item("k", theirs);
  ScriptedStorage storage = open(with(line("new", '2') + line("old", '1')));
  Context mine = storage.get_item("k");
  mine.add_request("mine");
  storage.set_item("k", mine);
  theirs.add_request("theirs");
  before.set_item("k", theirs);  // merged: the tokens of the log were kept
  EXPECT_EQ(storage.get_item("k").turn_count(), 42U);
}

TEST_F(EncryptedStorage, AnUnansweredSaveIsSentAgainAsItWas) {
  ScriptedStorage storage = open(with(line("a", '1')));
  Context context = dialog(1);
  storage.set_item("k", context);
  context.add_request(marker);
  std::vector<std::string> first;
  std::vector<std::string> second;
  store_->steps = {[&](RowList& list, const format::SaveRequest& request) {
                     first = request.rows;
                     return request_lost(list, request);
                   },
                   [&](RowList& list, const format::SaveRequest& request) {
                     second = request.rows;
                     return answered(list, request);
                   }};
  EXPECT_EQ(error_of([&] { return storage.set_item("k", context), 0; }), errc::outcome_unknown);
  storage.set_item("k", context);
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, second);
  EXPECT_EQ(storage.get_item("k"), context);
}

TEST_F(EncryptedStorage, BadKeysAreAnErrorWhenItIsOpened) {
  StorageOptions options;
  options.encryption = EncryptionKeys::from_file("/nonexistent/keys");
  EXPECT_EQ(error_of([&] { return open(options), 0; }, "file:/nonexistent/keys"), errc::io_error);
}

}  // namespace
}  // namespace dialogstore::test
