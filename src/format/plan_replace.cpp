// Saves that need no position: a whole context anew, one turn behind an unknown context, a
// tombstone.
#include <algorithm>
#include <cassert>
#include <utility>

#include "dialogstore/limits.hpp"
#include "format/change_set.hpp"
#include "format/log.hpp"
#include "format/log_writer.hpp"

namespace dialogstore::format {
namespace {

PlanResult too_many_bytes(std::size_t bytes) {
  return failed({errc::too_large, "the context takes " + std::to_string(bytes) +
                                      " bytes, the limit is " +
                                      std::to_string(limits::context_bytes) +
                                      " (limits::context_bytes): drop older turns"});
}

}  // namespace

PlanResult plan_replace(const ContextState& state, const Version* replaced, const Token& own,
                        const LogOptions& options) {
  if (state.position && !state.position->complete) return needs_everything();
  if (replaced != nullptr && replaced->seq == last_seq) return too_many_saves();
  LogDraft log;
  log.keyframe_version = {(replaced != nullptr ? replaced->seq : 0) + 1, own};
  log.page_version = log.keyframe_version;
  const std::int64_t next_turn = std::ranges::max(numbering(state));
  if (next_turn > limits::turn_index_max + 1) return beyond_last_turn();
  log.next_turn = static_cast<std::uint32_t>(std::max<std::int64_t>(next_turn, 0));
  std::size_t bytes = 0;
  for (const TurnText& turn : state.turns.all()) {
    bytes += json_size(turn);
    log.turns.push_back(&turn);
  }
  // Compressed it may fit a save, but nobody would read it in whole again.
  if (bytes > limits::context_bytes) return too_many_bytes(bytes);
  WrittenLog written;
  if (Failure failure = write_log(state, log, options, written)) return failed(std::move(failure));
  SavePlan plan;
  if (replaced != nullptr) plan.request.base = encode_version(*replaced);
  plan.request.own = own;
  plan.request.op = SaveOp::replace;
  plan.request.rows = std::move(written.rows);
  plan.after = position_after(log, written);
  plan.after.complete = true;
  plan.after.pages = std::move(written.pages);
  return checked(std::move(plan));
}

PlanResult plan_append(const RowHeader& last, TurnText turn, const Token& own) {
  if (last.version.seq == last_seq) return too_many_saves();
  if (last.next_turn > limits::turn_index_max) return beyond_last_turn();
  if (last.keyframe_distance == last_distance) {
    return failed({errc::too_large,
                   "65535 rows were appended since the log was last sealed: load the context and "
                   "save it"});
  }
  assert(last.kind == RowKind::keyframe || last.kind == RowKind::delta);
  turn.index = last.next_turn;
  RowHeader header;
  header.kind = RowKind::delta;
  header.keyframe_distance = static_cast<std::uint16_t>(last.keyframe_distance + 1);
  header.version = {last.version.seq + 1, own};
  header.next_turn = last.next_turn + 1;
  SavePlan plan;
  plan.request.base = encode_version(last.version);
  plan.request.own = own;
  plan.request.op = SaveOp::append;
  plan.request.rows.push_back(encode_row(header, append_json(turn)));
  plan.after.version = header.version;
  plan.after.keyframe_distance = header.keyframe_distance;
  plan.after.next_turn = header.next_turn;
  return checked(std::move(plan));
}

SaveRequest plan_erase(const Version& version, const Token& own) {
  RowHeader header;
  header.kind = RowKind::tombstone;
  // Deleting must stay possible when the numbers are used up; the token tells the two apart.
  header.version = {version.seq == last_seq ? last_seq : version.seq + 1, own};
  SaveRequest request;
  request.base = encode_version(version);
  request.own = own;
  request.op = SaveOp::erase;
  request.rows.push_back(encode_row(header, {}));
  return request;
}

}  // namespace dialogstore::format
