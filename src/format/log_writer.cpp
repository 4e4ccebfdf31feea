#include "format/log_writer.hpp"

#include <algorithm>

#include "dialogstore/limits.hpp"
#include "format/change_set.hpp"
#include "format/compress.hpp"

namespace dialogstore::format {
namespace {

/// A page stops growing here, so that it fits a row even when it cannot be compressed.
constexpr std::size_t page_target_bytes = limits::row_bytes / 2;
/// Rows of a save that splitting by bytes may add to those that splitting by turns makes.
constexpr std::size_t spare_rows = 100;
constexpr std::size_t most_tokens = 0xFFFF;

/// One page up to twice the usual number of turns: a page of the one or two turns left over would
/// cost more than it saves.
std::size_t turns_per_page(std::size_t turns, const LogOptions& options) {
  const std::size_t usual = std::max<std::size_t>(options.page_turns, 1);
  if (turns <= 2 * usual) return std::max<std::size_t>(turns, 1);
  constexpr std::size_t most_pages = limits::save_rows - spare_rows;
  const std::size_t needed = (turns + most_pages - 1) / most_pages;
  const std::size_t pages = (turns + std::max(usual, needed) - 1) / std::max(usual, needed);
  return (turns + pages - 1) / pages;
}

/// How many of the newest turns stay in the keyframe. One that lacks a part is still being said,
/// and bots go back to the turn before it then; one that has all is done: what a keyframe holds is
/// sent again with every seal.
std::size_t turns_of_keyframe(std::span<const TurnText* const> turns) {
  if (turns.size() <= 2) return turns.size();  // a page of one turn saves nothing
  const auto& parts = turns.back()->parts;
  return std::ranges::any_of(parts, [](const auto& part) { return part.empty(); }) ? 2 : 1;
}

/// How many of `turns` the next page takes.
std::size_t next_page(std::span<const TurnText* const> turns, std::size_t most) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (; count < std::min(most, turns.size()); ++count) {
    bytes += json_size(*turns[count]);
    if (count > 0 && bytes > page_target_bytes) break;
  }
  return count;
}

SharedText newest(std::span<const Token> tokens) {
  return encode_tokens(tokens.last(std::min(tokens.size(), most_tokens)));
}

Failure write_pages(std::span<const TurnText* const> turns, const LogDraft& draft,
                    const LogOptions& options, WrittenLog& out) {
  const std::size_t most = turns_per_page(turns.size(), options);
  bool tokens_due = !draft.tokens.empty();
  while (!turns.empty() || tokens_due) {
    const std::size_t count = next_page(turns, most);
    PageMark mark;
    mark.version = draft.page_version;
    mark.next_turn = draft.next_turn;
    if (tokens_due) mark.tokens = newest(draft.tokens);
    tokens_due = false;
    std::string row;
    if (Failure failure = write_page(turns.first(count), options, mark, row)) return failure;
    out.rows.push_back(std::move(row));
    out.pages.push_back(std::move(mark));
    turns = turns.subspan(count);
  }
  return {};
}

std::string write_keyframe(const ContextState& state, std::span<const TurnText* const> turns,
                           const LogDraft& draft, const PartIndices& next) {
  RowHeader header;
  header.kind = RowKind::keyframe;
  header.version = draft.keyframe_version;
  header.next_turn = draft.next_turn;
  return encode_row(header, keyframe_json(state, turns, draft.first, next, draft.next_turn));
}

PartIndices numbering_after(const ContextState& state, const FirstKept& first) {
  PartIndices next = numbering(state);
  for (std::size_t part = 0; part < turn_parts; ++part) {
    next[part] = std::max(next[part], first[part]);
  }
  return next;
}

}  // namespace

Failure check_row(const std::string& row) {
  if (row.size() <= limits::row_bytes) return {};
  return {errc::too_large, "one row takes " + std::to_string(row.size()) + " bytes, the limit is " +
                               std::to_string(limits::row_bytes) +
                               " (limits::row_bytes): store large values of turns or state "
                               "elsewhere, or save more often"};
}

Failure write_page(std::span<const TurnText* const> turns, const LogOptions& options,
                   PageMark& mark, std::string& row) {
  const std::string plain = page_json(turns);
  if (plain.size() > limits::page_bytes) {
    return {errc::too_large, "a turn takes " + std::to_string(plain.size()) +
                                 " bytes, the limit is " + std::to_string(limits::page_bytes) +
                                 " (limits::page_bytes): store large values elsewhere"};
  }
  RowHeader header;
  header.kind = RowKind::page;
  header.version = mark.version;
  header.next_turn = mark.next_turn;
  std::uint8_t codec = codec_stored;
  const std::string payload = compress(plain, options.compression_level, codec);
  row = encode_page_raw(header, mark.tokens, codec, payload);
  mark.turns = turns.empty() ? TurnRange() : TurnRange{turns.front()->index, turns.back()->index};
  mark.opaque = false;
  return check_row(row);
}

Failure write_log(const ContextState& state, const LogDraft& draft, const LogOptions& options,
                  WrittenLog& out) {
  const std::span<const TurnText* const> turns(draft.turns);
  const PartIndices next = numbering_after(state, draft.first);
  std::size_t kept = turns_of_keyframe(turns);
  std::string keyframe = write_keyframe(state, turns.last(kept), draft, next);
  if (kept > 1 && check_row(keyframe)) {
    kept = 1;
    keyframe = write_keyframe(state, turns.last(kept), draft, next);
  }
  if (Failure failure = check_row(keyframe)) return failure;
  if (Failure failure = write_pages(turns.first(turns.size() - kept), draft, options, out)) {
    return failure;
  }
  out.rows.push_back(std::move(keyframe));
  for (const TurnText* turn : turns.last(kept)) out.keyframe_turns.push_back(turn->index);
  return {};
}

LogPosition position_after(const LogDraft& draft, const WrittenLog& written) {
  LogPosition after;
  after.version = draft.keyframe_version;
  after.next_turn = draft.next_turn;
  after.unsealed_tokens = {draft.keyframe_version.token};
  after.unsealed_turns = written.keyframe_turns;
  after.first = draft.first;
  return after;
}

}  // namespace dialogstore::format
