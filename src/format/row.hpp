// A row: one element of a context's log. docs/format.md is the full description.
//
//   row       = header body
//   header    = kind:1 format:1 kfdist:2 seq:4 token:8 nturns:4 crc:4      (24 bytes, big-endian)
//   kind      = "P" page | "K" keyframe | "D" delta | "T" tombstone
//   format    = "1" readable | "2" sealed (sealed_row.hpp); "3" to "9" are for newer formats, of
//   which kind, format, seq and token are known
//   kfdist    = rows from this row back to the keyframe (0 on the keyframe, on pages and
//   tombstones) seq token = the version: number and random name of the save that wrote the row
//   nturns    = one past the largest turn index stored so far (0 when there is none)
//   crc       = CRC-32 (zlib) of the first 20 bytes of the header and the body
//   body of K and D = one JSON object; of T = nothing
//   body of P = ntokens:2 token:8 … codec:1 payload
//   codec     = 0 stored | 1 zstd            payload = one JSON object, turn index -> turn
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/log_position.hpp"

namespace dialogstore::format {

// Stored numbers: do not change them.
enum class RowKind : std::uint8_t { page = 'P', keyframe = 'K', delta = 'D', tombstone = 'T' };
inline constexpr std::uint8_t format_version = '1';
inline constexpr std::uint8_t sealed_format = '2';  ///< the same, with its body encrypted
/// Formats above ours up to this one are a newer library's; any other byte makes it no row of ours.
inline constexpr std::uint8_t last_format = '9';
inline constexpr std::size_t header_bytes = 24;
inline constexpr std::size_t version_bytes = 12;  ///< seq and token as they lie in a header

enum class RowFault : std::uint8_t {
  none,
  too_short,
  unknown_kind,
  newer_format,
  bad_checksum,
  bad_token_list,
  too_large
};
std::string_view describe(RowFault fault) noexcept;

struct RowHeader {
  RowKind kind = RowKind::delta;
  std::uint8_t format = format_version;
  std::uint16_t keyframe_distance = 0;
  Version version;
  std::uint32_t next_turn = 0;
};

/// A decoded row; the views lie in the bytes it was decoded from.
struct RowView {
  RowHeader header;
  std::string_view tokens;  ///< of a page: 8 bytes each
  std::uint8_t codec = 0;   ///< of a page that is not sealed
  std::string_view body;    ///< JSON, or a page's payload; of a sealed row what takes their place
  [[nodiscard]] bool is_sealed() const noexcept { return header.format == sealed_format; }
};

/// Header alone, without the checksum test: from a whole row, or from the first 20 bytes that the
/// save script answers with.
[[nodiscard]] RowFault decode_header(std::string_view bytes, RowHeader& out) noexcept;
/// Whole row, checksum tested first. A newer format is newer_format, never bad_checksum.
[[nodiscard]] RowFault decode_row(std::string_view bytes, RowView& out) noexcept;

std::string encode_row(const RowHeader& header, std::string_view body);
std::string encode_page(const RowHeader& header, std::span<const Token> tokens, std::uint8_t codec,
                        std::string_view payload);
/// The same with tokens as they lie in a page.
std::string encode_page_raw(const RowHeader& header, std::string_view tokens, std::uint8_t codec,
                            std::string_view payload);

/// Writes the checksum of a row that was put together.
void put_checksum(std::string& row);

/// The 12 bytes that name a version on the wire; empty for "absent".
std::string encode_version(const Version& version);
std::optional<Version> decode_version(std::string_view bytes) noexcept;
std::string encode_tokens(std::span<const Token> tokens);
std::vector<Token> decode_tokens(std::string_view bytes);

}  // namespace dialogstore::format
