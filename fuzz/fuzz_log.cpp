// Any bytes as the rows of a log: loaded both ways, its pages read, inspected, and when that
// succeeds changed, saved and loaded again; with pages that were read before and with such that
// were not.
//
//   input = flags:1 change:8 { size:2 row }
//   flags = 1 mend checksums, 2 mend numbers as well, 4 pages are read before the save
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "dialogstore/error.hpp"
#include "format/log.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::format;
using Rows = std::vector<std::string>;

constexpr std::uint8_t mend_checksums = 1;
constexpr std::uint8_t mend_numbers = 2;
constexpr std::uint8_t read_first = 4;

void require(bool held) {
  if (!held) std::abort();
}

std::vector<std::string_view> views(const Rows& rows) {
  return {rows.begin(), rows.end()};
}

/// Without this no input would get past the first checks.
void mend(Rows& rows, std::uint8_t flags) {
  std::uint16_t distance = 0;
  std::uint32_t seq = 100;
  for (std::string& row : rows) {
    if (row.size() < header_bytes) continue;
    if ((flags & mend_numbers) != 0) {
      distance = row[0] == 'D' ? static_cast<std::uint16_t>(distance + 1) : std::uint16_t{0};
      seq += row[0] == 'P' ? 0 : 1;
      std::string numbers;
      ByteWriter out(numbers);
      out.u16(distance);
      out.u32(seq);
      row.replace(2, numbers.size(), numbers);
    }
    std::string sum;
    ByteWriter(sum).u32(
        crc32(std::string_view(row).substr(24), crc32(std::string_view(row).substr(0, 20))));
    row.replace(20, 4, sum);
  }
}

void apply(Rows& rows, const SaveRequest& request) {
  const auto& added = request.rows;
  switch (request.op) {
    case SaveOp::touch:
      return;
    case SaveOp::replace:
    case SaveOp::erase:
      rows = added;
      return;
    case SaveOp::append:
    case SaveOp::drop_head:
      rows.insert(rows.end(), added.begin(), added.end());
      if (request.op == SaveOp::drop_head) rows.erase(rows.begin(), rows.begin() + request.n);
      return;
    case SaveOp::seal:
      rows.resize(rows.size() - static_cast<std::size_t>(request.n));
      rows.insert(rows.end(), added.begin(), added.end());
      return;
    case SaveOp::edit:
      rows.at(rows.size() - static_cast<std::size_t>(-request.n)) = added.at(0);
      rows.insert(rows.end(), added.begin() + 1, added.end());
      return;
  }
}

void change(ContextState& state, std::string_view bits) {
  ByteReader in(bits);
  const auto part = static_cast<TurnPart>(in.u8() % turn_parts);
  const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(part));
  const std::int64_t last = state.position->next_turn;
  const std::int64_t index = std::clamp<std::int64_t>(last + 4 - in.u8(), -10, 2147483646);
  const std::uint8_t what = in.u8();
  if ((what & 1U) != 0) {
    state.turns.set_part(index, part, part == TurnPart::label ? "[\"f\",\"n\"]" : "{}");
    state.changes.turns[index] |= bit;
  }
  if ((what & 2U) != 0) {
    state.turns.erase_part(index, part);
    state.changes.turns[index] |= bit;
  }
  if ((what & 4U) != 0) {
    FirstKept first{keep_all, keep_all, keep_all};
    for (std::int64_t& kept : first) kept = std::min(last, last + 1 - in.u8());
    state.changes.first = first;
    state.turns.trim(first);
  }
  if ((what & 8U) != 0) {
    state.misc.set("m", Json(1));
    state.changes.misc.note_set("m");
  }
}

/// Whether its pages can be read.
bool is_readable(const TurnTable& turns) {
  try {
    static_cast<void>(turns.all());
    return true;
  } catch (const StorageError& damage) {
    require(damage.detail().starts_with("row "));
    return false;
  }
}

/// A damaged page may be in the way of a save, and of nothing else.
void save_unread(const Rows& rows, std::string_view bits) {
  ContextState state;
  require(replay(views(rows), true, state).status == ReplayStatus::loaded);
  try {
    change(state, bits);
    static_cast<void>(plan_save(state, Token{1}, {}));
  } catch (const StorageError&) {
    require(!is_readable(state.turns));
  }
}

void save(Rows rows, ContextState& state, std::string_view bits) {
  const bool sound = inspect(views(rows)).empty();
  change(state, bits);
  LogOptions options;
  options.compression_level = 1;
  options.seal_after = static_cast<std::uint16_t>(static_cast<std::uint8_t>(bits[7]) % 4);
  const PlanResult planned = plan_save(state, Token{1, 2, 3, 4, 5, 6, 7, 8}, options);
  require(planned.status != PlanStatus::needs_everything);
  if (planned.status != PlanStatus::ready) return;
  apply(rows, planned.plan.request);
  ContextState fresh;
  const ReplayResult result = replay(views(rows), true, fresh);
  require(result.status == ReplayStatus::loaded);
  require(result.version == planned.plan.after.version);
  require(is_readable(fresh.turns));
  // A log that names a turn twice is read, but need not stay what it was.
  if (!sound) return;
  const auto& a = state.turns.all();
  const auto& b = fresh.turns.all();
  require(std::ranges::equal(a, b, [](const TurnText& x, const TurnText& y) {
    return x.index == y.index && x.parts == y.parts;
  }));
  require(inspect(views(rows)).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({reinterpret_cast<const char*>(data), size});
  const std::uint8_t flags = in.u8();
  const std::string_view bits = in.bytes(8);
  Rows rows;
  while (in.ok()) {
    const std::uint16_t length = in.u16();
    if (const std::string_view row = in.bytes(length); in.ok()) rows.emplace_back(row);
  }
  if ((flags & (mend_checksums | mend_numbers)) != 0) mend(rows, flags);

  ContextState recent;
  const ReplayResult tail = replay(views(rows), false, recent);
  require(tail.status != ReplayStatus::needs_window || tail.window > rows.size());
  ContextState state;
  const ReplayResult all = replay(views(rows), true, state);
  require(all.status != ReplayStatus::needs_window);
  require(all.status != ReplayStatus::failed || (all.row < rows.size() && !all.why.empty()));
  const bool is_loaded = all.status == ReplayStatus::loaded;
  const bool is_damaged =
      all.status == ReplayStatus::failed || (is_loaded && !is_readable(TurnTable(state.turns)));
  require(is_damaged <= !inspect(views(rows)).empty());
  if (!is_loaded) return 0;
  require(tail.status == ReplayStatus::loaded && tail.version == all.version);
  save_unread(rows, bits);
  if (is_damaged) return 0;
  if ((flags & read_first) != 0) state.turns.read();
  save(rows, state, bits);
  merge(recent, state);
  return 0;
}
