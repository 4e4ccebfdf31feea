// Rows -> context. The last row says where the keyframe is; everything else follows from there.
#include <algorithm>
#include <memory>
#include <utility>

#include "dialogstore/limits.hpp"
#include "format/compress.hpp"
#include "format/log.hpp"
#include "format/row_json.hpp"
#include "format/sealed_row.hpp"
#include "format/unread_pages.hpp"

namespace dialogstore::format {
namespace {

errc error_of(RowFault fault) noexcept {
  switch (fault) {
    case RowFault::newer_format:
      return errc::unsupported_format;
    case RowFault::too_large:
      return errc::too_large;
    default:
      return errc::corrupt;
  }
}

class Replayer {
 public:
  Replayer(std::span<const std::string_view> rows, bool everything, const TextSource& source)
      : rows_(rows), everything_(everything) {
    tail_.source = source;
  }

  ReplayResult run(ContextState& out);

 private:
  bool find_keyframe();
  bool look_at_pages();
  bool look_at_page(std::size_t row);
  bool read_tail();
  bool read_tail_row(std::size_t row);
  bool check_indices();
  [[nodiscard]] std::shared_ptr<const UnreadPages> unread_pages();
  void hand_over(ContextState& out);

  bool decode(std::size_t row, RowView& view);
  bool take_bytes(std::size_t row, std::size_t count);
  bool fail(std::size_t row, errc error, std::string why);
  bool fail(std::size_t row, BodyFault fault) {
    return fail(row, fault.error, std::move(fault.why));
  }

  std::span<const std::string_view> rows_;
  bool everything_;
  ReplayResult result_;
  RowView last_;
  std::size_t keyframe_ = 0;  // its place in rows_
  std::size_t bytes_left_ = limits::context_bytes;
  TailContent tail_;
  std::vector<RowView> pages_;
  LogPosition position_;
};

bool Replayer::fail(std::size_t row, errc error, std::string why) {
  result_.status = ReplayStatus::failed;
  result_.error = error;
  result_.row = row;
  result_.why = std::move(why);
  return false;
}

bool Replayer::decode(std::size_t row, RowView& view) {
  const RowFault fault = decode_row(rows_[row], view);
  if (fault == RowFault::none && view.is_sealed()) return fail(row, errc::wrong_key, sealed_text());
  if (fault == RowFault::none) return true;
  return fail(row, error_of(fault), std::string(describe(fault)));
}

bool Replayer::take_bytes(std::size_t row, std::size_t count) {
  if (count > bytes_left_) return fail(row, errc::too_large, "beyond limits::context_bytes");
  bytes_left_ -= count;
  return true;
}

/// Looks at the last row only. False as well when the answer is known already: a tombstone, or a
/// keyframe further back than these rows.
bool Replayer::find_keyframe() {
  const std::size_t last = rows_.size() - 1;
  if (rows_.size() > limits::rows_per_context) {
    return fail(last, errc::too_large, "more rows than limits::rows_per_context");
  }
  if (!decode(last, last_)) return false;
  result_.version = last_.header.version;
  if (last_.header.kind == RowKind::page) {
    return fail(last, errc::corrupt, "the last row is a page");
  }
  if (last_.header.kind == RowKind::tombstone) {
    if (last != 0) return fail(last, errc::corrupt, "a tombstone has rows before it");
    if (!last_.body.empty()) return fail(last, errc::corrupt, "a tombstone has a body");
    result_.status = ReplayStatus::deleted;
    return false;
  }
  const std::size_t distance = last_.header.keyframe_distance;
  if (distance <= last) {
    keyframe_ = last - distance;
    return true;
  }
  if (everything_) return fail(last, errc::corrupt, "the log has no keyframe");
  result_.status = ReplayStatus::needs_window;
  result_.window = distance + 2;
  return false;
}

bool Replayer::look_at_pages() {
  pages_.reserve(keyframe_);
  for (std::size_t row = 0; row < keyframe_; ++row) {
    if (!look_at_page(row)) return false;
  }
  return true;
}

/// All that tells damage without decompressing, and what it would take.
bool Replayer::look_at_page(std::size_t row) {
  RowView& page = pages_.emplace_back();
  if (!decode(row, page)) return false;
  if (page.header.kind != RowKind::page) {
    return fail(row, errc::corrupt, "a row that is not a page lies before the keyframe");
  }
  const std::size_t largest = std::min(limits::page_bytes, bytes_left_);
  std::size_t size = 0;
  switch (stated_size(page.codec, page.body, largest, size)) {
    case CompressFault::none:
      break;
    case CompressFault::unknown_codec:
      return fail(row, errc::unsupported_format,
                  "a page is compressed with the unknown codec " + std::to_string(page.codec));
    case CompressFault::damaged:
      return fail(row, errc::corrupt, "a page's payload cannot be decompressed");
    case CompressFault::too_large:
      return fail(row, errc::too_large, "a page is too large when decompressed");
  }
  return take_bytes(row, size);
}

bool Replayer::read_tail() {
  position_.unsealed_tokens.reserve(rows_.size() - keyframe_);
  // A keyframe has one or two turns, a delta mostly one.
  tail_.turns.all().reserve(rows_.size() - keyframe_ + 1);
  for (std::size_t row = keyframe_; row < rows_.size(); ++row) {
    if (!read_tail_row(row)) return false;
  }
  return true;
}

bool Replayer::read_tail_row(std::size_t row) {
  RowView view;
  if (row + 1 == rows_.size()) {
    view = last_;
  } else if (!decode(row, view)) {
    return false;
  }
  const RowHeader& header = view.header;
  const bool is_keyframe = row == keyframe_;
  const auto distance = static_cast<std::uint32_t>(row - keyframe_);
  if (header.kind != (is_keyframe ? RowKind::keyframe : RowKind::delta)) {
    return fail(row, errc::corrupt,
                is_keyframe ? "there is no keyframe where the last row points to"
                            : "a row that is not a delta lies behind the keyframe");
  }
  if (header.keyframe_distance != distance) {
    return fail(row, errc::corrupt, "the distance to the keyframe is wrong");
  }
  const std::uint64_t rows_to_last = last_.header.keyframe_distance - distance;
  if (header.version.seq == 0) return fail(row, errc::corrupt, "the sequence number is zero");
  if (header.version.seq + rows_to_last != last_.header.version.seq) {
    return fail(row, errc::corrupt, "the sequence numbers have a gap");
  }
  if (!take_bytes(row, view.body.size())) return false;
  BodyFault fault = is_keyframe ? read_keyframe(view.body, header.next_turn, tail_)
                                : read_delta(view.body, tail_);
  if (fault) return fail(row, std::move(fault));
  position_.unsealed_tokens.push_back(header.version.token);
  return true;
}

/// Numbering behind what is stored must not meet it again: an append would hide a turn.
bool Replayer::check_indices() {
  const std::int64_t next_turn = last_.header.next_turn;
  if (next_turn > limits::turn_index_max + 1) {
    return fail(rows_.size() - 1, errc::corrupt, "the next turn index is out of range");
  }
  for (std::size_t part = 0; part < turn_parts; ++part) {
    tail_.next[part] = std::max(tail_.next[part], tail_.first[part]);
    if (tail_.next[part] > next_turn) {
      return fail(rows_.size() - 1, errc::corrupt, "a turn lies beyond the next turn index");
    }
  }
  return true;
}

/// Null when there are none, or none were wanted.
std::shared_ptr<const UnreadPages> Replayer::unread_pages() {
  if (pages_.empty()) return nullptr;
  const std::uint32_t next_turn = last_.header.next_turn;
  const auto& unsealed = position_.unsealed_turns;
  UnreadPages::Tail tail;
  tail.end = unsealed.empty() ? std::int64_t{next_turn} : unsealed.front();
  // Else the last turn is among the newest, and where there is none of a sequence, `next` says
  // where the last one in a page was.
  const bool has_last = unsealed.empty() || unsealed.back() + 1 == std::int64_t{next_turn};
  tail.needed_to_number = !has_last || tail_.delta_has_next;
  tail.next_turn = next_turn;
  tail.first = tail_.first;
  tail.removals = tail_.turns.removals();
  return std::make_shared<const UnreadPages>(std::move(pages_), tail_.source, std::move(tail));
}

std::vector<PageMark> marks_of(const std::shared_ptr<const UnreadPages>& pages, std::size_t count) {
  std::vector<PageMark> marks;
  marks.reserve(count);
  for (std::size_t page = 0; page < count; ++page) {
    const RowHeader& header = pages->header(page);
    marks.push_back(
        {header.version, header.next_turn, pages->tokens(page), PageRange(pages, page), false});
  }
  return marks;
}

void Replayer::hand_over(ContextState& out) {
  tail_.turns.settle();
  position_.version = last_.header.version;
  position_.keyframe_distance = last_.header.keyframe_distance;
  position_.next_turn = last_.header.next_turn;
  position_.unsealed_turns = tail_.turns.indices();
  position_.first = tail_.first;
  position_.complete = everything_;
  const std::size_t pages = pages_.size();
  const auto unread = unread_pages();
  if (unread) position_.pages = marks_of(unread, pages);

  out.id = std::move(tail_.id);
  out.turns = {};
  out.turns.all_to_change() = tail_.turns.take();
  out.turns.trim(tail_.first);
  out.turns.put_below(unread);
  out.misc = std::move(tail_.misc);
  out.framework_states = std::move(tail_.framework_states);
  out.extra = std::move(tail_.extra);
  out.validation = tail_.validation;
  out.next = tail_.next;
  out.changes.clear();
  out.position = std::move(position_);
}

ReplayResult Replayer::run(ContextState& out) {
  if (rows_.empty()) return {};
  const bool sound =
      find_keyframe() && (!everything_ || look_at_pages()) && read_tail() && check_indices();
  if (sound) {
    hand_over(out);
    result_.status = ReplayStatus::loaded;
  }
  return std::move(result_);
}

}  // namespace

ReplayResult replay(std::span<const std::string_view> rows, bool everything, ContextState& out,
                    const TextSource& source) {
  return Replayer(rows, everything, source).run(out);
}

}  // namespace dialogstore::format
