// Encrypted rows: any bytes as rows that are opened, and any bytes sealed, altered and opened.
//
//   input = what:1 at:2 rest      what: 1 the rest is rows { size:2 row }, else a body to be sealed
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "dialogstore/encryption.hpp"
#include "format/log.hpp"
#include "format/sealed_row.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::format;

constexpr std::uint8_t given_rows = 1;

void require(bool held) {
  if (!held) std::abort();
}

/// That of the example in docs/format.md.
const RowSealer& sealer() {
  static const RowSealer made(
      EncryptionKeys::from_text(
          "2026-11 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
          "older ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100")
          .read(),
      "dialogstore");
  return made;
}

std::vector<std::string_view> views(const std::vector<std::string>& rows) {
  return {rows.begin(), rows.end()};
}

void open_rows(ByteReader in, bool everything) {
  std::vector<std::string> rows;
  while (in.ok()) {
    const std::uint16_t length = in.u16();
    const std::string_view row = in.bytes(length);
    if (!in.ok()) break;
    rows.emplace_back(row);
    if (row.size() >= header_bytes) put_checksum(rows.back());
  }
  const OpenedRows opened = sealer().open("d1", views(rows), everything);
  require(opened.rows.size() == rows.size());
  if (opened.error != errc{}) {
    require(opened.row < rows.size() && !opened.why.empty());
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    require(opened.rows[i].size() <= rows[i].size());
  }
  ContextState state;
  static_cast<void>(replay(opened.rows, everything, state));
}

void seal_and_alter(std::uint8_t what, std::uint16_t at, std::string_view body) {
  constexpr RowKind kinds[] = {RowKind::page, RowKind::keyframe, RowKind::delta};
  RowHeader header;
  header.kind = kinds[(what >> 1U) % 3U];
  header.version.seq = at;
  const std::vector<Token> tokens((what >> 4U) % 4U);
  std::vector<std::string> rows = {header.kind == RowKind::page
                                       ? encode_page(header, tokens, 0, body)
                                       : encode_row(header, body)};
  const std::string plain = rows[0];
  sealer().seal("d1", rows);
  const OpenedRows opened = sealer().open("d1", views(rows), true);
  require(opened.error == errc{} && !opened.outdated && opened.rows[0] == plain);
  require(sealer().open("d2", views(rows), true).error == errc::wrong_key);
  std::string& row = rows[0];
  char& byte = row[at % row.size()];
  byte = static_cast<char>(byte ^ (1 << (what >> 5U)));
  put_checksum(row);
  RowView view;
  if (decode_row(row, view) != RowFault::none || !view.is_sealed()) return;
  // A bit of the old checksum is none of the row's.
  const bool same = at % row.size() >= header_bytes - 4 && at % row.size() < header_bytes;
  require(same == (sealer().open("d1", views(rows), true).error == errc{}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({reinterpret_cast<const char*>(data), size});
  const std::uint8_t what = in.u8();
  const std::uint16_t at = in.u16();
  if (!in.ok()) return 0;
  if ((what & given_rows) != 0) {
    open_rows(ByteReader(in.rest()), (what & 2U) != 0);
  } else {
    seal_and_alter(what, at, in.rest());
  }
  return 0;
}
