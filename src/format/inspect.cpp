// What `check` says of a log: everything that is wrong with it, not only the first.
#include <algorithm>
#include <new>
#include <optional>
#include <set>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "format/compress.hpp"
#include "format/log.hpp"
#include "format/row_json.hpp"
#include "format/sealed_row.hpp"

namespace dialogstore::format {
namespace {

constexpr std::size_t most_problems = 100;

class Inspector {
 public:
  explicit Inspector(std::span<const std::string_view> rows) : rows_(rows) {}
  std::vector<std::string> run();

 private:
  void look_at(std::size_t row);
  void look_at_page(std::size_t row, const RowView& view);
  void look_at_keyframe(std::size_t row, const RowView& view);
  void look_at_delta(std::size_t row, const RowView& view);
  void look_at_body(std::size_t row, const RowView& view);
  void look_at_tokens(std::size_t row, const RowView& view);
  void look_at_payload(std::size_t row, const RowView& view);
  void add(std::size_t row, std::string_view what);

  std::span<const std::string_view> rows_;
  std::vector<std::string> problems_;
  std::optional<std::size_t> keyframe_;
  std::optional<std::uint32_t> last_seq_;  // of the rows before, sealed ones counted
  std::uint32_t next_turn_ = 0;
  std::set<std::int64_t> paged_;  // turns of the pages
  std::string payload_;
  std::size_t bytes_left_ = limits::context_bytes;
};

void Inspector::add(std::size_t row, std::string_view what) {
  problems_.push_back("row " + std::to_string(row) + ": " + std::string(what));
}

/// Sealed versions are counted back from the page's own number.
void Inspector::look_at_tokens(std::size_t row, const RowView& view) {
  const auto count = static_cast<std::uint32_t>(view.tokens.size() / sizeof(Token));
  if (count == 0) return;
  if (count > view.header.version.seq) return add(row, "the page lists more tokens than saves");
  if (last_seq_ && view.header.version.seq - count != *last_seq_) {
    add(row, "the page's tokens do not follow those before");
  }
  last_seq_ = view.header.version.seq;
}

void Inspector::look_at_payload(std::size_t row, const RowView& view) {
  TurnPatches turns;
  PartIndices next{};
  PageContent content;
  bytes_left_ -= payload_.size();
  if (BodyFault fault = read_page(payload_, {}, turns, next, content)) return add(row, fault.why);
  if (std::ranges::max(next) > std::int64_t{view.header.next_turn}) {
    add(row, "a turn lies beyond the next turn index");
  }
  for (const std::int64_t index : turns.indices()) {
    if (!paged_.insert(index).second) {
      add(row, "turn " + std::to_string(index) + " lies in an earlier page too");
    }
  }
}

void Inspector::look_at_page(std::size_t row, const RowView& view) {
  if (keyframe_) return add(row, "a page lies behind the keyframe");
  if (view.header.keyframe_distance != 0) add(row, "the distance to the keyframe is wrong");
  look_at_tokens(row, view);
  const std::size_t largest = std::min(limits::page_bytes, bytes_left_);
  switch (decompress(view.codec, view.body, largest, payload_)) {
    case CompressFault::none:
      return look_at_payload(row, view);
    case CompressFault::unknown_codec:
      return add(row, "the page's codec is unknown");
    case CompressFault::damaged:
      return add(row, "the page's payload cannot be decompressed");
    case CompressFault::too_large:
      return add(row, "the page is too large when decompressed");
  }
}

void Inspector::look_at_keyframe(std::size_t row, const RowView& view) {
  if (keyframe_) return add(row, "there is a second keyframe");
  keyframe_ = row;
  if (view.header.keyframe_distance != 0) add(row, "the distance to the keyframe is wrong");
  // Rows of an import have the keyframe's own number.
  if (last_seq_ && *last_seq_ + 1 != view.header.version.seq) {
    add(row, "the keyframe's number does not follow the pages' tokens");
  }
  look_at_body(row, view);
}

void Inspector::look_at_delta(std::size_t row, const RowView& view) {
  if (!keyframe_) return add(row, "a delta lies before the keyframe");
  if (view.header.keyframe_distance != row - *keyframe_) {
    add(row, "the distance to the keyframe is wrong");
  }
  if (last_seq_ && *last_seq_ + 1 != view.header.version.seq) {
    add(row, "the sequence numbers have a gap");
  }
  look_at_body(row, view);
}

void Inspector::look_at_body(std::size_t row, const RowView& view) {
  last_seq_ = view.header.version.seq;
  TailContent alone;
  const bool is_keyframe = view.header.kind == RowKind::keyframe;
  const BodyFault fault = is_keyframe ? read_keyframe(view.body, view.header.next_turn, alone)
                                      : read_delta(view.body, alone);
  if (fault) return add(row, fault.why);
  const std::int64_t next = std::max(std::ranges::max(alone.next), std::ranges::max(alone.first));
  if (next > std::int64_t{view.header.next_turn}) {
    add(row, "a turn lies beyond the next turn index");
  }
  for (const std::int64_t index : alone.turns.indices()) {
    if (paged_.contains(index)) {
      add(row, "turn " + std::to_string(index) + " lies in a page too");
    }
  }
}

void Inspector::look_at(std::size_t row) {
  RowView view;
  if (const RowFault fault = decode_row(rows_[row], view); fault != RowFault::none) {
    return add(row, describe(fault));
  }
  if (view.is_sealed()) {
    keyframe_ = keyframe_ ? keyframe_ : row;  // it may be one
    return add(row, sealed_text());
  }
  if (view.header.next_turn < next_turn_) add(row, "the next turn index goes back");
  next_turn_ = std::max(next_turn_, view.header.next_turn);
  switch (view.header.kind) {
    case RowKind::page:
      return look_at_page(row, view);
    case RowKind::keyframe:
      return look_at_keyframe(row, view);
    case RowKind::delta:
      return look_at_delta(row, view);
    case RowKind::tombstone:
      if (rows_.size() != 1) add(row, "a tombstone is not alone");
      if (!view.body.empty()) add(row, "the tombstone has a body");
      keyframe_ = row;
      return;
  }
}

std::vector<std::string> Inspector::run() {
  if (rows_.size() > limits::rows_per_context) {
    return {"there are more rows than limits::rows_per_context"};
  }
  for (std::size_t row = 0; row < rows_.size() && problems_.size() < most_problems; ++row) {
    look_at(row);
  }
  if (problems_.size() >= most_problems) {
    problems_.emplace_back("further rows were not looked at");
  } else if (!rows_.empty() && !keyframe_) {
    problems_.emplace_back("there is no keyframe");
  }
  return std::move(problems_);
}

}  // namespace

std::vector<std::string> inspect(std::span<const std::string_view> rows) {
  try {
    std::vector<std::string> problems = Inspector(rows).run();
    if (!problems.empty()) return problems;
    // What only shows in the whole: the sum of sizes, names repeated across rows.
    ContextState context;
    const ReplayResult result = replay(rows, true, context);
    if (result.status == ReplayStatus::failed) {
      problems.push_back("row " + std::to_string(result.row) + ": " + result.why);
    }
    context.turns.read();
    return problems;
  } catch (const StorageError& damage) {
    return {damage.detail()};
  } catch (const std::bad_alloc&) {
    return {"there is not enough memory to read it"};
  }
}

}  // namespace dialogstore::format
