#include "format/row.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "dialogstore/limits.hpp"

namespace dialogstore::format {
namespace {

constexpr std::size_t checked_header_bytes = header_bytes - 4;  // all but the checksum itself
constexpr std::size_t token_bytes = sizeof(Token);
constexpr std::size_t most_tokens = 0xFFFF;

std::string_view text_of(const Token& token) noexcept {
  return {reinterpret_cast<const char*>(token.data()), token.size()};
}

Token token_of(std::string_view bytes) noexcept {
  Token token{};
  std::transform(bytes.begin(), bytes.end(), token.begin(),
                 [](char byte) { return static_cast<std::uint8_t>(byte); });
  return token;
}

bool is_known(RowKind kind) noexcept {
  return kind == RowKind::page || kind == RowKind::keyframe || kind == RowKind::delta ||
         kind == RowKind::tombstone;
}

std::uint32_t checksum_of(std::string_view row) noexcept {
  return crc32(row.substr(header_bytes), crc32(row.substr(0, checked_header_bytes)));
}

void put_header(ByteWriter& out, const RowHeader& header) {
  out.u8(static_cast<std::uint8_t>(header.kind));
  out.u8(header.format);
  out.u16(header.keyframe_distance);
  out.u32(header.version.seq);
  out.bytes(text_of(header.version.token));
  out.u32(header.next_turn);
  out.u32(0);  // the checksum, once the body is known
}

RowFault split_page(RowView& out) noexcept {
  ByteReader body(out.body);
  const std::uint16_t count = body.u16();
  out.tokens = body.bytes(count * token_bytes);
  out.codec = out.is_sealed() ? std::uint8_t{0} : body.u8();
  out.body = body.rest();
  return body.ok() ? RowFault::none : RowFault::bad_token_list;
}

}  // namespace

std::string_view describe(RowFault fault) noexcept {
  switch (fault) {
    case RowFault::none:
      return "sound";
    case RowFault::too_short:
      return "shorter than a row header";
    case RowFault::unknown_kind:
      return "neither page, keyframe, delta nor tombstone";
    case RowFault::newer_format:
      return "written in a newer row format";
    case RowFault::bad_checksum:
      return "the checksum does not match";
    case RowFault::bad_token_list:
      return "the token list is longer than the row";
    case RowFault::too_large:
      return "larger than limits::row_bytes";
  }
  return "unknown fault";
}

RowFault decode_header(std::string_view bytes, RowHeader& out) noexcept {
  if (bytes.size() < checked_header_bytes) return RowFault::too_short;
  ByteReader in(bytes);
  out.kind = static_cast<RowKind>(in.u8());
  out.format = in.u8();
  out.keyframe_distance = in.u16();
  out.version.seq = in.u32();
  out.version.token = token_of(in.bytes(token_bytes));
  out.next_turn = in.u32();
  // The format first: a newer one may know more kinds.
  if (out.format > sealed_format && out.format <= last_format) return RowFault::newer_format;
  const bool is_ours = out.format == format_version || out.format == sealed_format;
  return is_ours && is_known(out.kind) ? RowFault::none : RowFault::unknown_kind;
}

RowFault decode_row(std::string_view bytes, RowView& out) noexcept {
  if (bytes.size() > limits::row_bytes) return RowFault::too_large;
  if (bytes.size() < header_bytes) return RowFault::too_short;
  const RowFault header_fault = decode_header(bytes, out.header);
  if (header_fault == RowFault::newer_format) return header_fault;
  const std::uint32_t stored = ByteReader(bytes.substr(checked_header_bytes)).u32();
  if (stored != checksum_of(bytes)) return RowFault::bad_checksum;
  if (header_fault != RowFault::none) return header_fault;
  // A tombstone says nothing that could be sealed.
  if (out.is_sealed() && out.header.kind == RowKind::tombstone) return RowFault::unknown_kind;
  out.tokens = {};
  out.codec = 0;
  out.body = bytes.substr(header_bytes);
  return out.header.kind == RowKind::page ? split_page(out) : RowFault::none;
}

std::string encode_row(const RowHeader& header, std::string_view body) {
  std::string row;
  row.reserve(header_bytes + body.size());
  ByteWriter out(row);
  put_header(out, header);
  out.bytes(body);
  put_checksum(row);
  return row;
}

std::string encode_page_raw(const RowHeader& header, std::string_view tokens, std::uint8_t codec,
                            std::string_view payload) {
  // The newest are the ones that retries are checked against.
  const std::size_t count = std::min(tokens.size() / token_bytes, most_tokens);
  tokens = tokens.substr(tokens.size() - count * token_bytes);
  std::string row;
  row.reserve(header_bytes + 3 + tokens.size() + payload.size());
  ByteWriter out(row);
  put_header(out, header);
  out.u16(static_cast<std::uint16_t>(count));
  out.bytes(tokens);
  out.u8(codec);
  out.bytes(payload);
  put_checksum(row);
  return row;
}

std::string encode_page(const RowHeader& header, std::span<const Token> tokens, std::uint8_t codec,
                        std::string_view payload) {
  return encode_page_raw(header, encode_tokens(tokens), codec, payload);
}

void put_checksum(std::string& row) {
  std::string bytes;
  ByteWriter(bytes).u32(checksum_of(row));
  row.replace(checked_header_bytes, bytes.size(), bytes);
}

std::string encode_version(const Version& version) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u32(version.seq);
  out.bytes(text_of(version.token));
  return bytes;
}

std::optional<Version> decode_version(std::string_view bytes) noexcept {
  if (bytes.size() != version_bytes) return std::nullopt;
  ByteReader in(bytes);
  Version version;
  version.seq = in.u32();
  version.token = token_of(in.rest());
  return version;
}

std::string encode_tokens(std::span<const Token> tokens) {
  std::string bytes;
  bytes.reserve(tokens.size() * token_bytes);
  for (const Token& token : tokens) bytes.append(text_of(token));
  return bytes;
}

std::vector<Token> decode_tokens(std::string_view bytes) {
  std::vector<Token> tokens;
  tokens.reserve(bytes.size() / token_bytes);
  for (; bytes.size() >= token_bytes; bytes.remove_prefix(token_bytes)) {
    tokens.push_back(token_of(bytes.substr(0, token_bytes)));
  }
  return tokens;
}

}  // namespace dialogstore::format
