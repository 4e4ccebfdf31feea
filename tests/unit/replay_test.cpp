#include <gtest/gtest.h>

#include "dialogstore/limits.hpp"
#include "format/compress.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

RowHeader header(RowKind kind, std::uint32_t seq, std::uint16_t distance = 0,
                 std::uint32_t next_turn = 20) {
  RowHeader out;
  out.kind = kind;
  out.version = {seq, token(seq)};
  out.keyframe_distance = distance;
  out.next_turn = next_turn;
  return out;
}

std::string page(std::uint32_t seq, std::string_view json, std::uint8_t codec = codec_stored) {
  const Token sealed = token(seq);
  return encode_page(header(RowKind::page, seq), {&sealed, 1}, codec, json);
}
std::string keyframe(std::uint32_t seq, std::string_view json) {
  return encode_row(header(RowKind::keyframe, seq), json);
}
std::string delta(std::uint32_t seq, std::uint16_t distance, std::string_view json) {
  return encode_row(header(RowKind::delta, seq, distance), json);
}

struct Loaded {
  ReplayResult result;
  ContextState state;
};

Loaded load(const std::vector<std::string>& rows, bool everything = true) {
  Loaded loaded;
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  loaded.result = replay(views, everything, loaded.state);
  return loaded;
}

void expect_failure(const std::vector<std::string>& rows, errc error, std::size_t row,
                    std::string_view why, bool everything = true) {
  const Loaded loaded = load(rows, everything);
  EXPECT_EQ(loaded.result.status, ReplayStatus::failed);
  EXPECT_EQ(loaded.result.error, error);
  EXPECT_EQ(loaded.result.row, row);
  EXPECT_NE(loaded.result.why.find(why), std::string::npos) << loaded.result.why;
  EXPECT_FALSE(loaded.state.position);
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  if (everything) {
    EXPECT_FALSE(inspect(views).empty());
  }
}

/// The pages tell nothing of it until they are read.
void expect_unreadable(const std::vector<std::string>& rows, errc error, std::string_view what) {
  Loaded loaded = load(rows);
  ASSERT_EQ(loaded.result.status, ReplayStatus::loaded) << loaded.result.why;
  for (int look = 0; look < 2; ++look) {
    try {
      static_cast<void>(loaded.state.turns.all());
      ADD_FAILURE() << "nothing was thrown: " << what;
    } catch (const StorageError& damage) {
      EXPECT_EQ(damage.reason(), error) << damage.what();
      EXPECT_NE(damage.detail().find(what), std::string::npos) << damage.what();
    }
  }
  EXPECT_THROW(loaded.state.turns.read(), FormatError);
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  EXPECT_FALSE(inspect(views).empty());
}

TEST(Replay, NothingIsAbsent) {
  EXPECT_EQ(load({}).result.status, ReplayStatus::absent);
}

TEST(Replay, TombstoneNamesItsVersion) {
  const std::string row = encode_row(header(RowKind::tombstone, 9), "");
  for (const bool everything : {false, true}) {
    const Loaded loaded = load({row}, everything);
    EXPECT_EQ(loaded.result.status, ReplayStatus::deleted);
    EXPECT_EQ(loaded.result.version, (Version{9, token(9)}));
  }
  expect_failure({keyframe(8, "{\"id\":1}"), row}, errc::corrupt, 1, "rows before");
  expect_failure({encode_row(header(RowKind::tombstone, 9), "x")}, errc::corrupt, 0, "body");
}

// What was loaded lies where the rows do and keeps them, as long as anybody has it.
TEST(Replay, TurnsKeepAliveWhatTheyLieIn) {
  auto rows = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{
      page(1, R"({"0":{"request":{"text":"a text of a page"}}})"),
      keyframe(2, R"({"id":"x","turns":{"1":{"request":{"text":"a text of a row"}}}})")});
  const std::weak_ptr<const std::vector<std::string>> present = rows;
  SharedText of_page;
  SharedText of_row;
  {
    ContextState state;
    const std::vector<std::string_view> views(rows->begin(), rows->end());
    ASSERT_EQ(replay(views, true, state, TextSource(std::move(rows))).status, ReplayStatus::loaded);
    of_page = state.turns.find(0)->parts[1];
    of_row = state.turns.find(1)->parts[1];
  }
  EXPECT_FALSE(present.expired());
  EXPECT_EQ(of_row, R"({"text":"a text of a row"})");
  of_row = {};
  EXPECT_TRUE(present.expired());
  EXPECT_EQ(of_page, R"({"text":"a text of a page"})");
}

TEST(Replay, RowsAddUp) {
  const std::vector<std::string> rows = {
      page(1, R"({"0":{"request":{"text":"a"}},"1":{"request":{"text":"b"}}})"),
      keyframe(2, R"({"id":"x","misc":{"a":1,"b":2},"validation":true,"next":[0,3,3],)"
                  R"("turns":{"2":{"label":["f","n"],"request":{"text":"c"},"response":{}}}})"),
      delta(3, 1,
            R"({"turns":{"2":{"response":null},"3":{"request":{"text":"d"}}},)"
            R"("misc":{"a":10,"c":3},"misc_del":["b"],"states":{"m":[]},"extra":{"e":1}})"),
      delta(4, 2, R"({"id":7,"validation":false,"extra_del":["e"],"first":[null,1,null]})")};
  Loaded all = load(rows);
  ASSERT_EQ(all.result.status, ReplayStatus::loaded) << all.result.why;
  EXPECT_EQ(all.state.id.text(), "7");
  EXPECT_EQ(all.state.misc.to_text(), R"({"a":10,"c":3})");
  EXPECT_EQ(all.state.framework_states.to_text(), R"({"m":[]})");
  EXPECT_TRUE(all.state.extra.empty());
  EXPECT_FALSE(all.state.validation);
  ASSERT_EQ(all.state.turns.all().size(), 3U);  // turn 0 was trimmed
  EXPECT_EQ(all.state.turns.all()[0].parts[1], R"({"text":"b"})");
  EXPECT_EQ(all.state.turns.find(2)->parts[0], R"(["f","n"])");
  EXPECT_EQ(all.state.turns.find(2)->parts[2], "");
  EXPECT_EQ(all.state.next, (PartIndices{3, 4, 3}));
  EXPECT_TRUE(all.state.changes.empty());
  const LogPosition& position = *all.state.position;
  EXPECT_TRUE(position.complete);
  EXPECT_EQ(position.keyframe_distance, 2);
  EXPECT_EQ(position.unsealed_tokens, (std::vector<Token>{token(2), token(3), token(4)}));
  EXPECT_EQ(position.unsealed_turns, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(position.first, (FirstKept{keep_all, 1, keep_all}));
  ASSERT_EQ(position.pages.size(), 1U);
  EXPECT_EQ(position.pages[0].turns.get(), (TurnRange{0, 1}));
  EXPECT_EQ(position.pages[0].tokens, encode_tokens(std::vector<Token>{token(1)}));

  const Loaded recent = load(rows, false);
  ASSERT_EQ(recent.result.status, ReplayStatus::loaded);
  EXPECT_EQ(recent.state.turns.all().size(), 2U);
  EXPECT_FALSE(recent.state.position->complete);
  EXPECT_TRUE(recent.state.position->pages.empty());
}

TEST(Replay, WindowThatMissesTheKeyframeAsksForMore) {
  const std::vector<std::string> rows = {delta(8, 3, "{}"), delta(9, 4, "{}")};
  const Loaded recent = load(rows, false);
  EXPECT_EQ(recent.result.status, ReplayStatus::needs_window);
  EXPECT_EQ(recent.result.window, 6U);
  expect_failure(rows, errc::corrupt, 1, "no keyframe");
  // As many rows as the distance says, and still none: asking again would not help.
  expect_failure({delta(8, 1, "{}"), delta(9, 1, "{}")}, errc::corrupt, 0, "no keyframe", false);
}

TEST(Replay, RowsBeforeTheKeyframeAreNotReadForTheRecentPart) {
  const Loaded recent = load({"garbage", keyframe(2, R"({"id":1})")}, false);
  EXPECT_EQ(recent.result.status, ReplayStatus::loaded);
  expect_failure({"garbage", keyframe(2, R"({"id":1})")}, errc::corrupt, 0, "shorter");
}

TEST(Replay, Layout) {
  const std::string first = keyframe(2, R"({"id":1})");
  expect_failure({first, keyframe(3, R"({"id":1})")}, errc::corrupt, 0, "not a page");
  expect_failure({first, page(3, "{}")}, errc::corrupt, 1, "last row is a page");
  expect_failure({first, page(3, "{}"), delta(4, 2, "{}")}, errc::corrupt, 1, "not a delta");
  expect_failure({keyframe(0, R"({"id":1})")}, errc::corrupt, 0, "zero");
  expect_failure({first, delta(4, 1, "{}")}, errc::corrupt, 0, "gap");
  expect_failure({first, delta(3, 1, "{}"), delta(3, 2, "{}")}, errc::corrupt, 0, "gap");
  expect_failure({first, delta(3, 9, "{}"), delta(4, 2, "{}")}, errc::corrupt, 1, "distance");
  expect_failure({page(1, "{}"), first, delta(3, 2, "{}")}, errc::corrupt, 0, "no keyframe");
}

TEST(Replay, DamageIsReportedWithItsRow) {
  std::vector<std::string> rows = {page(1, "{}"), keyframe(2, R"({"id":1})"), delta(3, 1, "{}")};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::string> damaged = rows;
    damaged[row].back() = static_cast<char>(damaged[row].back() ^ 1);
    expect_failure(damaged, errc::corrupt, row, "checksum");
  }
  rows[1][1] = '3';
  expect_failure(rows, errc::unsupported_format, 1, "newer");
}

TEST(Replay, UnknownCodecHidesPagesOnlyFromALoadOfEverything) {
  const std::vector<std::string> rows = {page(1, "?", 9), keyframe(2, R"({"id":1})")};
  EXPECT_EQ(load(rows, false).result.status, ReplayStatus::loaded);
  expect_failure(rows, errc::unsupported_format, 0, "codec 9");
}

TEST(Replay, DecompressionBombIsRefused) {
  std::uint8_t codec = 0;
  const std::string bomb = compress(std::string(limits::page_bytes + 1, ' '), 1, codec);
  expect_failure({page(1, bomb, codec), keyframe(2, R"({"id":1})")}, errc::too_large, 0,
                 "too large");
  const std::string large = compress(std::string(limits::page_bytes, ' '), 1, codec);
  std::vector<std::string> rows(limits::context_bytes / limits::page_bytes, page(1, large, codec));
  rows.push_back(keyframe(2, R"({"id":1})"));
  expect_failure(rows, errc::too_large, rows.size() - 1, "context_bytes");
  rows.insert(rows.begin(), page(1, "{}"));
  expect_failure(rows, errc::too_large, rows.size() - 2, "too large");
}

struct BadBody {
  std::string_view json;
  errc error = errc::corrupt;
};

TEST(Replay, BadDeltas) {
  const BadBody bodies[] = {
      {""},
      {"[]"},
      {"null"},
      {"{"},
      {"{}x"},
      {"{,}"},
      {R"({"misc":{"a":1},})"},
      {R"({"misc":1})"},
      {R"({"misc":{"a":1,"a":2}})"},
      {R"({"misc":{},"misc":{}})"},
      {R"({"misc_del":{}})"},
      {R"({"misc_del":[1]})"},
      {R"({"validation":1})"},
      {R"({"first":[1,2]})"},
      {R"({"first":[1,2,3,4]})"},
      {R"({"first":[1,2,3.0]})"},
      {R"({"first":[1,2,01]})"},
      {R"({"first":[1,2,21]})"},  // beyond the header's next turn
      {R"({"next":[1,null,2]})"},
      {R"({"turns":[]})"},
      {R"({"turns":{"x":{}}})"},
      {R"({"turns":{"01":{}}})"},
      {R"({"turns":{"-0":{}}})"},
      {R"({"turns":{"+1":{}}})"},
      {R"({"turns":{"":{}}})"},
      {R"({"turns":{"2147483647":{}}})"},
      {R"({"turns":{"99999999999999999999":{}}})"},
      {R"({"turns":{"2":{},"1":{}}})"},
      {R"({"turns":{"1":{},"1":{}}})"},
      {R"({"turns":{"1":null}})"},
      {R"({"turns":{"1":{"label":["a"]}}})"},
      {R"({"turns":{"1":{"label":["a",1]}}})"},
      {R"({"turns":{"1":{"label":["a","b","c"]}}})"},
      {R"({"turns":{"1":{"label":"a"}}})"},
      {R"({"turns":{"1":{"request":"a"}}})"},
      {R"({"turns":{"1":{"request":{},"request":{}}}})"},
      {R"({"turns":{"20":{"request":{}}}})"},  // beyond the header's next turn
      {R"({"turns":{"1":{"mood":{}}}})", errc::unsupported_format},
      {R"({"later":1})", errc::unsupported_format},
  };
  for (const BadBody& bad : bodies) {
    const Loaded loaded = load({keyframe(2, R"({"id":1})"), delta(3, 1, bad.json)});
    EXPECT_EQ(loaded.result.status, ReplayStatus::failed) << bad.json;
    EXPECT_EQ(loaded.result.error, bad.error) << bad.json;
    EXPECT_EQ(loaded.result.row, 1U) << bad.json;
  }
}

TEST(Replay, BadKeyframesAndPages) {
  expect_failure({keyframe(2, "{}")}, errc::corrupt, 0, "no \"id\"");
  expect_failure({keyframe(2, R"({"id":1,"misc_del":[]})")}, errc::unsupported_format, 0,
                 "misc_del");
  expect_failure({keyframe(2, R"({"id":1,"next":[0,0,21]})")}, errc::corrupt, 0, "next turn");
}

TEST(Replay, BadPagesAreToldWhenTheyAreRead) {
  const std::string last = keyframe(3, R"({"id":1})");
  const std::string sound = page(1, R"({"0":{"request":{}}})");
  expect_unreadable({page(1, "[]"), last}, errc::corrupt, "row 0: the JSON is broken");
  expect_unreadable({sound, page(2, "{}{}"), last}, errc::corrupt, "row 1: the JSON is broken");
  expect_unreadable({sound, page(2, R"({"1":{"mood":{}}})"), last}, errc::unsupported_format,
                    "row 1: the turn has the unknown member");
  expect_unreadable({sound, page(2, R"({"20":{"request":{}}})"), last}, errc::corrupt,
                    "row 1: a turn lies beyond the next turn index");
  std::uint8_t codec = 0;
  std::string packed = compress("{" + std::string(500, ' ') + "}", 1, codec);
  ASSERT_EQ(codec, codec_zstd);
  expect_unreadable({page(1, packed.substr(0, packed.size() - 1), codec), last}, errc::corrupt,
                    "row 0: a page's payload cannot be decompressed");
  expect_unreadable({page(1, packed + packed, codec), last}, errc::corrupt,
                    "row 0: a page's payload cannot be decompressed");
  // But what says nothing of its size is refused at once.
  expect_failure({page(1, "x", codec), last}, errc::corrupt, 0, "cannot be decompressed");
}

TEST(Replay, LabelsMaySpellTheirStringsAnyWay) {
  for (const std::string_view label :
       {R"(["f","n"])", R"([ "f" , "n" ])", R"(["\u0066","n"])", R"(["","ü"])", R"(["\"","\\"])"}) {
    const auto body = R"({"id":1,"turns":{"1":{"label":)" + std::string(label) + "}}}";
    const Loaded loaded = load({keyframe(2, body)});
    ASSERT_EQ(loaded.result.status, ReplayStatus::loaded) << body << loaded.result.why;
    EXPECT_EQ(loaded.state.turns.find(1)->parts[0], label);
  }
}

TEST(Replay, OrderOfMembersDoesNotMatter) {
  const Loaded loaded = load({keyframe(2, R"( {"misc":{"a":1}, "id":1} )"),
                              delta(3, 1, R"({"misc":{"a":2,"b":3},"misc_del":["a"]})")});
  ASSERT_EQ(loaded.result.status, ReplayStatus::loaded) << loaded.result.why;
  EXPECT_EQ(loaded.state.misc.to_text(), R"({"a":2,"b":3})");
}

TEST(Replay, TurnsNamedOutOfOrderAcrossRows) {
  // No writer of ours does this; a reader takes the newest of each part all the same.
  const Loaded loaded =
      load({page(1, R"({"5":{"request":{"text":"a"}}})"), page(1, R"({"2":{"request":{}}})"),
            page(1, R"({"5":{"response":{}},"9":{"response":{}}})"),
            keyframe(2, R"({"id":1,"turns":{"2":{"label":["f","n"]}}})"),
            delta(3, 1, R"({"turns":{"1":{"request":{}},"9":{"response":null}}})")});
  ASSERT_EQ(loaded.result.status, ReplayStatus::loaded) << loaded.result.why;
  const auto& turns = loaded.state.turns.all();
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_EQ(turns[0].index, 1);
  EXPECT_EQ(turns[1].parts, (std::array<SharedText, 3>{R"(["f","n"])", "{}", ""}));
  EXPECT_EQ(turns[2].parts, (std::array<SharedText, 3>{"", R"({"text":"a"})", "{}"}));
}

TEST(Inspect, ReportsAllThatIsWrong) {
  const std::vector<std::string> rows = {
      page(5, R"({"1":{"request":{}}})"), page(7, R"({"1":{"request":{}}})"),
      keyframe(9, R"({"id":1,"turns":{"1":{}}})"), delta(10, 2, "{}"), "?"};
  const auto problems = inspect(std::vector<std::string_view>(rows.begin(), rows.end()));
  ASSERT_EQ(problems.size(), 6U);
  EXPECT_EQ(problems[0], "row 1: the page's tokens do not follow those before");
  EXPECT_EQ(problems[1], "row 1: turn 1 lies in an earlier page too");
  EXPECT_EQ(problems[2], "row 2: the keyframe's number does not follow the pages' tokens");
  EXPECT_EQ(problems[3], "row 2: turn 1 lies in a page too");
  EXPECT_EQ(problems[4], "row 3: the distance to the keyframe is wrong");
  EXPECT_EQ(problems[5], "row 4: shorter than a row header");
}

}  // namespace
}  // namespace dialogstore::format
