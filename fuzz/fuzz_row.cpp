// Any bytes as a row: decoded, decompressed, its tokens and its body read.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "format/compress.hpp"
#include "format/row.hpp"
#include "format/row_json.hpp"
#include "format/sealed_row.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::format;

constexpr std::size_t largest_payload = 1U << 20;

void require(bool held) {
  if (!held) std::abort();
}

std::string with_checksum(std::string row) {
  if (row.size() < header_bytes) return row;
  std::string sum;
  ByteWriter(sum).u32(
      crc32(std::string_view(row).substr(24), crc32(std::string_view(row).substr(0, 20))));
  return row.replace(20, 4, sum);
}

void read_body(const RowView& row) {
  TailContent content;
  TurnPatches turns;
  PartIndices next{};
  PageContent range;
  std::string payload;
  switch (row.header.kind) {
    case RowKind::page:
      if (decompress(row.codec, row.body, largest_payload, payload) == CompressFault::none) {
        require(payload.size() <= largest_payload);
        static_cast<void>(read_page(payload, {}, turns, next, range));
      }
      break;
    case RowKind::keyframe:
      static_cast<void>(read_keyframe(row.body, row.header.next_turn, content));
      break;
    case RowKind::delta:
      static_cast<void>(read_delta(row.body, content));
      break;
    case RowKind::tombstone:
      break;
  }
}

void read_row(std::string_view bytes) {
  RowView row;
  RowHeader header;
  const RowFault fault = decode_row(bytes, row);
  require(!describe(fault).empty());
  if (fault != RowFault::none) return;
  require(decode_header(bytes.substr(0, 20), header) == RowFault::none);
  require(header.version == row.header.version);
  require(decode_version(encode_version(header.version)) == header.version);
  if (row.is_sealed()) {
    static_cast<void>(split_sealed(row.body));  // fuzz_sealed goes on from here
    return;
  }
  const auto tokens = decode_tokens(row.tokens);
  // What was read is what would be written.
  const std::string again = row.header.kind == RowKind::page
                                ? encode_page(row.header, tokens, row.codec, row.body)
                                : encode_row(row.header, row.body);
  require(again == bytes);
  read_body(row);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_row(bytes);
  read_row(with_checksum(bytes));
  return 0;
}
