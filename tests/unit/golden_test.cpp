// Bytes that are stored somewhere already: they never change. When one of these tests fails, the
// code is wrong, not the test.
#include <gtest/gtest.h>

#include "dialogstore/encryption.hpp"
#include "format/compress.hpp"
#include "format/sealed_row.hpp"
#include "support/documents.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out.push_back(digits[static_cast<std::uint8_t>(byte) >> 4U]);
    out.push_back(digits[static_cast<std::uint8_t>(byte) & 15U]);
  }
  return out;
}

std::string bytes_of(std::string_view hex_text) {
  std::string out;
  int high = -1;
  for (const char c : hex_text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high >= 0) out.push_back(static_cast<char>(high * 16 + digit));
    high = high < 0 ? digit : -1;
  }
  return out;
}

/// The example of docs/format.md: two turns stored, a third, a fourth that seals, a change.
struct Example {
  ContextState state;
  FakeList list;

  Example() {
    state.id = Json("d1");
    add(0, "start", "hi", "hello");
    add(1, "ask", "tea", "sugar?");
    keep(plan_replace(state, nullptr, token(0xA1A1A1A1A1A1A1A1), {}));
    add(2, "ask", "no", "milk?");
    keep(plan_save(state, token(0xA2A2A2A2A2A2A2A2), {}));
    add(3, "end", "yes", "");
    set_misc(state, "drink", "\"tea\"");
    LogOptions seal_now;
    seal_now.seal_after = 1;
    keep(plan_save(state, token(0xA3A3A3A3A3A3A3A3), seal_now));
    set_part(state, 3, TurnPart::response, R"({"text":"done"})");
    set_misc(state, "paid", "true");
    keep(plan_save(state, token(0xA4A4A4A4A4A4A4A4), {}));
    store_page_plain();
  }

  /// What zstd makes of the page depends on its version.
  void store_page_plain() {
    RowView page;
    std::string payload;
    ASSERT_EQ(decode_row(list.rows[0], page), RowFault::none);
    ASSERT_EQ(decompress(page.codec, page.body, 1000, payload), CompressFault::none);
    list.rows[0] = encode_page(page.header, decode_tokens(page.tokens), codec_stored, payload);
  }

  void add(std::int64_t index, const std::string& node, const std::string& request,
           const std::string& response) {
    set_part(state, index, TurnPart::label, "[\"shop\",\"" + node + "\"]");
    set_part(state, index, TurnPart::request, "{\"text\":\"" + request + "\"}");
    if (!response.empty()) {
      set_part(state, index, TurnPart::response, "{\"text\":\"" + response + "\"}");
    }
  }
  void keep(const PlanResult& result) {
    ASSERT_EQ(result.status, PlanStatus::ready) << result.why;
    ASSERT_EQ(list.apply(result.plan.request), 'S');
    saved(state, result.plan);
  }
};

std::vector<std::string> rows_in_document(std::string_view fence = "```hex\n") {
  const std::string document = test::read_document("docs/format.md");
  std::vector<std::string> rows;
  for (auto at = document.find(fence); at != std::string::npos; at = document.find(fence, at)) {
    at += fence.size();
    rows.push_back(bytes_of(document.substr(at, document.find("```", at) - at)));
  }
  return rows;
}

RowHeader golden_header(RowKind kind, std::uint16_t distance) {
  RowHeader header;
  header.kind = kind;
  header.keyframe_distance = distance;
  header.version = {7, token(0x0123456789ABCDEF)};
  header.next_turn = 3;
  return header;
}

TEST(Golden, Keyframe) {
  EXPECT_EQ(hex(encode_row(golden_header(RowKind::keyframe, 0), R"({"id":"x"})")),
            "4b310000000000070123456789abcdef0000000342b4cd997b226964223a2278227d");
}

TEST(Golden, Delta) {
  EXPECT_EQ(hex(encode_row(golden_header(RowKind::delta, 2), "{}")),
            "44310002000000070123456789abcdef00000003588290777b7d");
}

TEST(Golden, Tombstone) {
  EXPECT_EQ(hex(plan_erase({6, token(1)}, token(0x0123456789ABCDEF)).rows.at(0)),
            "54310000000000070123456789abcdef00000000c13171c8");
}

TEST(Golden, Page) {
  const std::vector<Token> tokens = {token(1), token(0xFFEEDDCCBBAA9988)};
  EXPECT_EQ(hex(encode_page(golden_header(RowKind::page, 0), tokens, 0, "{}")),
            "50310000000000070123456789abcdef00000003181e4d9700020000000000000001ffeeddccbbaa"
            "9988007b7d");
}

TEST(Golden, CompressedPageOfAnyVersionOfZstdIsRead) {
  const std::string page = bytes_of(
      "50310000000000060123456789abcdef000000036ed28c6b00000128b52ffd20591d0100d07b2232"
      "223a7b227265717565737474657874223a2261227d7d7d0200c00967ab2801");
  const std::string keyframe = encode_row(golden_header(RowKind::keyframe, 0), R"({"id":"x"})");
  const std::vector<std::string_view> rows = {page, keyframe};
  ContextState state;
  const ReplayResult result = replay(rows, true, state);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why;
  EXPECT_EQ(state.turns.find(2)->parts[1], "{\"text\":\"" + std::string(60, 'a') + "\"}");
}

TEST(Golden, BodiesOfEveryMember) {
  ContextState state;
  state.id = Json("x");
  state.next = {1, 2, 3};
  set_misc(state, "m", "1");
  state.framework_states.set("s", Json(2));
  state.extra.set("e", Json(3));
  state.validation = true;
  TurnText turn{2, {label_text(1), "", message_text(2)}};
  const TurnText* const turns[] = {&turn};
  EXPECT_EQ(keyframe_json(state, turns, {1, keep_all, -2}, {1, 2, 3}, 3),
            R"({"id":"x","misc":{"m":1},"states":{"s":2},"validation":true,"extra":{"e":3},)"
            R"("first":[1,null,-2],"next":[1,2,3],)"
            R"("turns":{"2":{"label":["flow","node 1"],"response":{"text":"message 2"}}}})");
  state.changes.framework_states = {.erased = {"t"}, .set = {"s"}};
  state.changes.extra = {.erased = {"f"}, .set = {"e"}};
  state.changes.misc = {.erased = {"m", "n"}, .set = {"m"}};
  state.changes.id = state.changes.validation = true;
  const FirstKept first{1, keep_all, -2};
  const PartIndices next{1, 2, 3};
  const TurnEdit edits[] = {{2, 0b011, &turn}, {5, 0b100, nullptr}};
  EXPECT_EQ(delta_json(state, edits, &first, &next),
            R"({"turns":{"2":{"label":["flow","node 1"],"request":null},"5":{"response":null}},)"
            R"("misc":{"m":1},"misc_del":["m","n"],"states":{"s":2},"states_del":["t"],)"
            R"("extra":{"e":3},"extra_del":["f"],"id":"x","validation":true,)"
            R"("first":[1,null,-2],"next":[1,2,3]})");
}

TEST(Golden, DocumentHoldsTheRowsThatAreWritten) {
  const Example example;
  std::vector<std::string> written;
  for (const std::string& row : example.list.rows) written.push_back(hex(row));
  std::vector<std::string> documented;
  for (const std::string& row : rows_in_document()) documented.push_back(hex(row));
  EXPECT_EQ(documented, written);
}

TEST(Golden, DocumentDecodes) {
  const std::vector<std::string> rows = rows_in_document();
  ContextState state;
  const ReplayResult result =
      replay(std::vector<std::string_view>(rows.begin(), rows.end()), true, state);
  ASSERT_EQ(result.status, ReplayStatus::loaded) << result.why;
  EXPECT_EQ(state.id.text(), "\"d1\"");
  EXPECT_EQ(state.misc.to_text(), R"({"drink":"tea","paid":true})");
  ASSERT_EQ(state.turns.all().size(), 4U);
  EXPECT_EQ(state.turns.find(0)->parts[1], R"({"text":"hi"})");
  EXPECT_EQ(state.turns.find(3)->parts[2], R"({"text":"done"})");
  EXPECT_EQ(state.position->version, (Version{4, token(0xA4A4A4A4A4A4A4A4)}));
}

TEST(Golden, DocumentOpensTheSealedRow) {
  const std::vector<std::string> sealed = rows_in_document("```hex sealed\n");
  ASSERT_EQ(sealed.size(), 1U);
  const auto keys = EncryptionKeys::from_text(
      "2026-11 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const RowSealer sealer(keys.read(), "dialogstore");
  const std::string_view rows[] = {sealed[0]};
  const OpenedRows opened = sealer.open("d1", rows, true);
  ASSERT_EQ(opened.error, errc{}) << opened.why;
  EXPECT_EQ(hex(opened.rows[0]), hex(rows_in_document().back()));
}

}  // namespace
}  // namespace dialogstore::format
