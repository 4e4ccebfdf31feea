#include <gtest/gtest.h>

#include <memory>

#include "base/bytes.hpp"
#include "dialogstore/limits.hpp"
#include "unit/log_fixture.hpp"

namespace dialogstore::format {
namespace {

/// Decodes from an allocation of exactly this size, so that a sanitizer sees a read past the end.
RowFault decode_exact(std::string_view bytes, RowView& out) {
  const auto exact = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), exact.get());
  const RowFault fault = decode_row({exact.get(), bytes.size()}, out);
  out.tokens = out.body = {};
  return fault;
}

RowHeader header_of(RowKind kind) {
  RowHeader header;
  header.kind = kind;
  header.keyframe_distance = 0x0102;
  header.version = {0x03040506, token(0xF1F2F3F4F5F6F7F8)};
  header.next_turn = 0x0708090A;
  return header;
}

TEST(Bytes, ReaderStopsAtTheEndAndStaysFailed) {
  ByteReader in(std::string_view("\x01\x02\x03", 3));
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u16(), 0);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);  // one byte is left, but what it means is not known any more
}

TEST(Row, HeaderComesBack) {
  for (const RowKind kind : {RowKind::keyframe, RowKind::delta, RowKind::tombstone}) {
    const std::string row = encode_row(header_of(kind), "{}");
    RowView view;
    ASSERT_EQ(decode_row(row, view), RowFault::none);
    EXPECT_EQ(view.header.kind, kind);
    EXPECT_EQ(view.header.format, '1');
    EXPECT_EQ(view.header.keyframe_distance, 0x0102);
    EXPECT_EQ(view.header.version, header_of(kind).version);
    EXPECT_EQ(view.header.next_turn, 0x0708090AU);
    EXPECT_EQ(view.body, "{}");
    EXPECT_EQ(row.substr(4, 12), encode_version(view.header.version));
  }
}

TEST(Row, PageComesBack) {
  const std::vector<Token> tokens = {token(1), token(2), token(3)};
  const std::string row = encode_page(header_of(RowKind::page), tokens, 7, "payload");
  RowView view;
  ASSERT_EQ(decode_row(row, view), RowFault::none);
  EXPECT_EQ(decode_tokens(view.tokens), tokens);
  EXPECT_EQ(view.codec, 7);
  EXPECT_EQ(view.body, "payload");
}

TEST(Row, EveryTruncationIsRefused) {
  const std::vector<Token> tokens = {token(1), token(2)};
  const std::string row = encode_page(header_of(RowKind::page), tokens, 0, "{}");
  RowView view;
  for (std::size_t size = 0; size < row.size(); ++size) {
    const RowFault fault = decode_exact(std::string_view(row).substr(0, size), view);
    EXPECT_EQ(fault, size < header_bytes ? RowFault::too_short : RowFault::bad_checksum) << size;
  }
  EXPECT_EQ(decode_exact(row + "x", view), RowFault::bad_checksum);
}

TEST(Row, EveryFlippedBitIsNoticed) {
  const std::string row = encode_row(header_of(RowKind::delta), "{\"validation\":true}");
  for (std::size_t bit = 0; bit < row.size() * 8; ++bit) {
    std::string flipped = row;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    RowView view;
    const RowFault fault = decode_row(flipped, view);
    EXPECT_NE(fault, RowFault::none) << bit;
    if (bit / 8 != 1) {
      EXPECT_EQ(fault, RowFault::bad_checksum) << bit;
    }
  }
}

TEST(Row, NewerFormatIsNotDamage) {
  RowHeader header = header_of(RowKind::delta);
  header.format = '3';
  std::string row = encode_row(header, "anything");
  row.back() = '?';  // a newer format may compute its checksum in another way
  RowView view;
  EXPECT_EQ(decode_row(row, view), RowFault::newer_format);
  row[0] = 'X';  // and may have other kinds
  EXPECT_EQ(decode_row(row, view), RowFault::newer_format);
}

TEST(Row, TheFormatIsADigitFromOneOn) {
  RowHeader header = header_of(RowKind::delta);
  for (int byte = 0; byte < 256; ++byte) {
    header.format = static_cast<std::uint8_t>(byte);
    const RowFault expected = byte == '1' || byte == '2'   ? RowFault::none
                              : byte >= '3' && byte <= '9' ? RowFault::newer_format
                                                           : RowFault::unknown_kind;
    const std::string row = encode_row(header, "{}");
    RowHeader decoded;
    EXPECT_EQ(decode_header(row, decoded), expected) << byte;
    RowView view;
    EXPECT_EQ(decode_row(row, view), expected) << byte;
  }
}

TEST(Row, NoFormatHasAShorterHeader) {
  RowHeader header = header_of(RowKind::delta);
  header.format = '3';
  const std::string row = encode_row(header, "");
  RowView view;
  EXPECT_EQ(decode_row(row, view), RowFault::newer_format);
  EXPECT_EQ(decode_row(row.substr(0, header_bytes - 1), view), RowFault::too_short);
}

TEST(Row, UnknownKindAndOlderFormat) {
  RowHeader header = header_of(static_cast<RowKind>('X'));
  RowView view;
  EXPECT_EQ(decode_row(encode_row(header, "{}"), view), RowFault::unknown_kind);
  header = header_of(RowKind::delta);
  header.format = '0';
  EXPECT_EQ(decode_row(encode_row(header, "{}"), view), RowFault::unknown_kind);
}

TEST(Row, TokenListMayNotPassTheEnd) {
  RowView view;
  // A page's body by hand: two tokens announced, one there.
  EXPECT_EQ(
      decode_exact(encode_row(header_of(RowKind::page), std::string("\0\2AAAAAAAA\0", 11)), view),
      RowFault::bad_token_list);
  EXPECT_EQ(
      decode_exact(encode_row(header_of(RowKind::page), std::string("\0\1AAAAAAAA", 10)), view),
      RowFault::bad_token_list);  // no codec
  EXPECT_EQ(decode_exact(encode_row(header_of(RowKind::page), ""), view), RowFault::bad_token_list);
  EXPECT_EQ(decode_exact(encode_row(header_of(RowKind::page), std::string("\0\0\0", 3)), view),
            RowFault::none);
}

TEST(Row, LargestAndOneMore) {
  const std::string body(limits::row_bytes - header_bytes, ' ');
  RowView view;
  EXPECT_EQ(decode_row(encode_row(header_of(RowKind::delta), body), view), RowFault::none);
  EXPECT_EQ(decode_row(encode_row(header_of(RowKind::delta), body + " "), view),
            RowFault::too_large);
}

TEST(Row, PageKeepsTheNewestTokensThatFit) {
  std::vector<Token> tokens;
  for (std::uint64_t i = 0; i < 65536; ++i) tokens.push_back(token(i));
  RowView view;
  const std::string row = encode_page(header_of(RowKind::page), tokens, 0, "{}");
  ASSERT_EQ(decode_row(row, view), RowFault::none);
  const auto kept = decode_tokens(view.tokens);
  EXPECT_EQ(kept.size(), 65535U);
  EXPECT_EQ(kept.front(), token(1));
  EXPECT_EQ(kept.back(), token(65535));
}

TEST(Row, HeaderAloneFromAnAnswerOfTheScript) {
  const std::string row = encode_row(header_of(RowKind::keyframe), "{}");
  RowHeader header;
  EXPECT_EQ(decode_header(std::string_view(row).substr(0, 20), header), RowFault::none);
  EXPECT_EQ(header.version, header_of(RowKind::keyframe).version);
  EXPECT_EQ(decode_header(std::string_view(row).substr(0, 19), header), RowFault::too_short);
}

TEST(Row, VersionsHaveTwelveBytes) {
  const Version version{7, token(9)};
  EXPECT_EQ(encode_version(version).size(), version_bytes);
  EXPECT_EQ(decode_version(encode_version(version)), version);
  EXPECT_EQ(decode_version(encode_version(version) + "x"), std::nullopt);
  EXPECT_EQ(decode_version(""), std::nullopt);
}

TEST(Row, EveryFaultHasItsText) {
  for (int fault = 0; fault <= static_cast<int>(RowFault::too_large); ++fault) {
    EXPECT_NE(describe(static_cast<RowFault>(fault)), "unknown fault");
  }
}

}  // namespace
}  // namespace dialogstore::format
