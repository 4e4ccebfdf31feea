// Rows that are encrypted: what opens them, and what does not.
#include "format/sealed_row.hpp"

#include <gtest/gtest.h>

#include <set>

#include "dialogstore/encryption.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

const std::string marker = "words that nobody else may read";

std::string hex_key(char digit) {
  return std::string(2 * secret_bytes, digit);
}

RowSealer sealer(const std::string& lines, const std::string& name_space = "n") {
  return {EncryptionKeys::from_text(lines).read(), name_space};
}

RowHeader header_of(RowKind kind) {
  RowHeader header;
  header.kind = kind;
  header.version = {7, token(0x0123456789ABCDEF)};
  header.next_turn = 3;
  return header;
}

/// A row of each kind; none of them is damaged.
std::vector<std::string> plain_rows() {
  const std::vector<Token> tokens = {token(1), token(2)};
  return {encode_page(header_of(RowKind::page), tokens, 0, "{\"1\":\"" + marker + "\"}"),
          encode_page(header_of(RowKind::page), {}, 0, ""),
          encode_row(header_of(RowKind::keyframe), "{\"id\":\"" + marker + "\"}"),
          encode_row(header_of(RowKind::delta), "{}"),
          encode_row(header_of(RowKind::tombstone), "")};
}

std::vector<std::string> sealed_rows(const std::string& lines = "a " + hex_key('1')) {
  auto rows = plain_rows();
  sealer(lines).seal("k", rows);
  return rows;
}

OpenedRows open_one(const RowSealer& with, const std::string& row, const std::string& key = "k") {
  const std::string_view rows[] = {row};
  return with.open(key, rows, true);
}

TEST(SealedRow, OpensToTheVeryBytes) {
  const auto plain = plain_rows();
  const auto sealed = sealed_rows();
  const std::vector<std::string_view> views(sealed.begin(), sealed.end());
  const OpenedRows opened = sealer("a " + hex_key('1')).open("k", views, true);
  ASSERT_EQ(opened.error, errc{}) << opened.why;
  EXPECT_FALSE(opened.outdated);
  EXPECT_EQ(std::vector<std::string>(opened.rows.begin(), opened.rows.end()), plain);
}

TEST(SealedRow, SaysNothingReadableButWhatTheServerLooksAt) {
  const auto plain = plain_rows();
  const auto sealed = sealed_rows();
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(sealed[i].find(marker), std::string::npos);
    EXPECT_EQ(sealed[i].find("\"id\""), std::string::npos);
    RowView before;
    RowView after;
    ASSERT_EQ(decode_row(plain[i], before), RowFault::none);
    ASSERT_EQ(decode_row(sealed[i], after), RowFault::none) << i;
    EXPECT_EQ(after.is_sealed(), before.header.kind != RowKind::tombstone);
    EXPECT_EQ(after.header.version, before.header.version);
    EXPECT_EQ(after.header.next_turn, before.header.next_turn);
    EXPECT_EQ(after.tokens, before.tokens);
  }
  EXPECT_EQ(sealed.back(), plain.back()) << "a tombstone has nothing to hide";
}

TEST(SealedRow, NoNonceComesTwice) {
  std::set<std::string> nonces;
  std::vector<std::string> rows(2000, encode_row(header_of(RowKind::delta), "{}"));
  sealer("a " + hex_key('1')).seal("k", rows);
  for (const std::string& row : rows) {
    RowView view;
    ASSERT_EQ(decode_row(row, view), RowFault::none);
    const auto body = split_sealed(view.body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->key_id, "a");
    nonces.emplace(body->nonce);
  }
  EXPECT_EQ(nonces.size(), rows.size());
}

TEST(SealedRow, EveryByteCounts) {
  const RowSealer with = sealer("a " + hex_key('1'));
  for (std::string row : sealed_rows()) {
    if (row[1] == '1') continue;
    for (std::size_t at = 0; at < row.size(); ++at) {
      for (const int bit : {1, 128}) {
        std::string altered = row;
        altered[at] = static_cast<char>(altered[at] ^ bit);
        // The checksum alone finds it; with a new checksum the tag does, or the row is none of
        // ours.
        RowView view;
        EXPECT_NE(decode_row(altered, view), RowFault::none) << at;
        put_checksum(altered);
        if (altered == row || decode_row(altered, view) != RowFault::none) continue;
        const OpenedRows opened = open_one(with, altered);
        EXPECT_TRUE(opened.error == errc::wrong_key || opened.error == errc::corrupt ||
                    !view.is_sealed())
            << "byte " << at << ": " << opened.why;
      }
    }
  }
}

TEST(SealedRow, CutRowsAreDamage) {
  const RowSealer with = sealer("a " + hex_key('1'));
  for (const std::string& row : sealed_rows()) {
    if (row[1] == '1') continue;
    for (std::size_t size = header_bytes; size < row.size(); ++size) {
      std::string cut = row.substr(0, size);
      put_checksum(cut);
      RowView view;
      if (decode_row(cut, view) != RowFault::none) continue;
      EXPECT_NE(open_one(with, cut).error, errc{}) << size;
    }
  }
}

TEST(SealedRow, DoesNotOpenElsewhere) {
  const std::string row = sealed_rows()[2];
  const RowSealer with = sealer("a " + hex_key('1'));
  EXPECT_EQ(open_one(with, row).error, errc{});
  EXPECT_EQ(open_one(with, row, "other").error, errc::wrong_key);
  EXPECT_EQ(open_one(sealer("a " + hex_key('1'), "m"), row).error, errc::wrong_key);
  const OpenedRows moved = open_one(sealer("a " + hex_key('1'), "nk"), row, "");
  EXPECT_EQ(moved.error, errc::wrong_key) << "namespace and key are not run together";
}

TEST(SealedRow, AWrongKeyIsToldFromAMissingOne) {
  const std::string row = sealed_rows()[2];
  const OpenedRows other = open_one(sealer("a " + hex_key('2')), row);
  EXPECT_EQ(other.error, errc::wrong_key);
  EXPECT_NE(other.why.find("\"a\""), std::string::npos) << other.why;
  const OpenedRows missing = open_one(sealer("b " + hex_key('1')), row);
  EXPECT_EQ(missing.error, errc::wrong_key);
  EXPECT_NE(missing.why.find("not among those of text (b)"), std::string::npos) << missing.why;
  for (const std::string& why : {other.why, missing.why}) {
    EXPECT_EQ(why.find(hex_key('1').substr(0, 8)), std::string::npos);
    EXPECT_EQ(why.find(hex_key('2').substr(0, 8)), std::string::npos);
  }
}

TEST(SealedRow, OlderKeysOpenAndAreSaid) {
  const std::string row = sealed_rows("old " + hex_key('1'))[2];
  const OpenedRows opened = open_one(sealer("new " + hex_key('2') + "\nold " + hex_key('1')), row);
  EXPECT_EQ(opened.error, errc{});
  EXPECT_TRUE(opened.outdated);
  EXPECT_EQ(opened.rows[0], plain_rows()[2]);
}

TEST(SealedRow, ReadableRowsPassAndAreSaid) {
  const auto plain = plain_rows();
  const OpenedRows opened = open_one(sealer("a " + hex_key('1')), plain[2]);
  EXPECT_EQ(opened.error, errc{});
  EXPECT_TRUE(opened.outdated);
  EXPECT_EQ(opened.rows[0], plain[2]);
  EXPECT_FALSE(open_one(sealer("a " + hex_key('1')), plain.back()).outdated) << "a tombstone";
}

TEST(SealedRow, DamagedRowsPassForTheReaderToName) {
  std::string row = sealed_rows()[2];
  row.back() = static_cast<char>(row.back() ^ 1);
  const OpenedRows opened = open_one(sealer("a " + hex_key('1')), row);
  EXPECT_EQ(opened.error, errc{});
  ContextState state;
  const ReplayResult result = replay(opened.rows, true, state);
  EXPECT_EQ(result.error, errc::corrupt);
}

TEST(SealedRow, OnlyWhatIsNeededIsOpened) {
  const auto sealed = sealed_rows();
  const std::vector<std::string_view> views = {sealed[0], sealed[1], sealed[2]};
  const OpenedRows opened = sealer("a " + hex_key('1')).open("k", views, false);
  ASSERT_EQ(opened.error, errc{});
  EXPECT_EQ(opened.rows[0], sealed[0]);
  EXPECT_EQ(opened.rows[2], plain_rows()[2]);
}

TEST(SealedRow, WithoutKeysTheReaderSaysWhatToDo) {
  const auto sealed = sealed_rows();
  const std::vector<std::string_view> views = {sealed[2]};
  ContextState state;
  const ReplayResult result = replay(views, true, state);
  EXPECT_EQ(result.error, errc::wrong_key);
  EXPECT_NE(result.why.find("encrypt="), std::string::npos);
  const auto problems = inspect(views);
  ASSERT_FALSE(problems.empty());
  EXPECT_NE(problems.front().find("encrypt="), std::string::npos);
}

TEST(SealedRow, ATombstoneCannotBeSealed) {
  RowHeader header = header_of(RowKind::tombstone);
  header.format = sealed_format;
  RowView view;
  EXPECT_EQ(decode_row(encode_row(header, "x"), view), RowFault::unknown_kind);
}

}  // namespace
}  // namespace dialogstore::format
