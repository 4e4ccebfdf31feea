// What a save sends: chooses the smallest operation that is legal, and says where the context then
// stands. docs/format.md "Writing" gives the rules in words.
#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "format/change_set.hpp"
#include "format/log.hpp"
#include "format/log_writer.hpp"

namespace dialogstore::format {
namespace {

// ---- one save of a known context ---------------------------------------------------------------

class SavePlanner {
 public:
  SavePlanner(const ContextState& state, const Token& own, const LogOptions& options)
      : state_(state), position_(*state.position), own_(own), options_(options) {}

  PlanResult run();
  PlanResult run_anew();

 private:
  PlanResult touch() const;
  PlanResult change_tail() const;
  PlanResult change_pages() const;
  PlanResult append() const;
  PlanResult seal() const;
  PlanResult edit(std::size_t page) const;
  PlanResult rewrite() const;

  [[nodiscard]] SavePlan draft(SaveOp op) const;
  [[nodiscard]] LogDraft log_draft() const;
  void add_delta(SavePlan& plan) const;
  void drop_sealed_nothings();
  [[nodiscard]] std::optional<std::size_t> only_page_touched() const;
  [[nodiscard]] bool overlaps_another(std::size_t page) const;
  [[nodiscard]] TurnList turns_of_page(const PageMark& page) const;
  [[nodiscard]] TurnList unsealed_turns() const;
  [[nodiscard]] std::size_t droppable_pages() const;
  [[nodiscard]] std::vector<Token> all_tokens() const;

  const ContextState& state_;
  const LogPosition& position_;
  const Token& own_;
  const LogOptions& options_;
  ChangeSet changes_;
};

bool covers(const PageMark& page, std::int64_t index) {
  return page.turns.get().covers(index);
}

PlanResult SavePlanner::run() {
  if (state_.changes.empty()) return touch();
  changes_ = classify(state_);
  if (position_.complete) drop_sealed_nothings();
  if (changes_.empty()) return touch();
  if (changes_.beyond_last_index) return beyond_last_turn();
  if (position_.version.seq == last_seq) return too_many_saves();
  if (!changes_.below_first && changes_.sealed.empty()) return change_tail();
  return position_.complete ? change_pages() : needs_everything();
}

PlanResult SavePlanner::run_anew() {
  if (!position_.complete) return needs_everything();
  changes_ = classify(state_);
  if (changes_.beyond_last_index) return beyond_last_turn();
  if (position_.version.seq == last_seq) return too_many_saves();
  return rewrite();
}

/// Erasing what no page holds changes nothing.
void SavePlanner::drop_sealed_nothings() {
  std::erase_if(changes_.sealed, [&](const TurnEdit& edit) {
    return edit.turn == nullptr && std::ranges::none_of(position_.pages, [&](const PageMark& page) {
             return page.opaque || covers(page, edit.index);
           });
  });
}

PlanResult SavePlanner::touch() const {
  SavePlan plan = draft(SaveOp::touch);
  plan.after = position_;
  return checked(std::move(plan));
}

SavePlan SavePlanner::draft(SaveOp op) const {
  SavePlan plan;
  plan.request.base = encode_version(position_.version);
  plan.request.own = own_;
  plan.request.op = op;
  return plan;
}

/// When to seal is a matter of cost, not of correctness; so what one way has no room for goes the
/// other way.
PlanResult SavePlanner::change_tail() const {
  const bool must_seal = position_.keyframe_distance == last_distance;
  const bool should_seal = must_seal || position_.keyframe_distance >= options_.seal_after ||
                           changes_.new_turns > options_.delta_turns;
  PlanResult result = should_seal ? seal() : append();
  if (result.status == PlanStatus::ready || must_seal) return result;
  PlanResult other = should_seal ? append() : seal();
  return other.status == PlanStatus::ready ? other : result;
}

PlanResult SavePlanner::change_pages() const {
  const auto page = only_page_touched();
  if (!page || position_.keyframe_distance == last_distance) return rewrite();
  if (position_.pages[*page].opaque) {
    return failed({errc::unsupported_format,
                   "the turn lies in a page that only a newer version of this library can read"});
  }
  PlanResult result = edit(*page);
  if (result.status == PlanStatus::ready) return result;
  PlanResult other = rewrite();
  return other.status == PlanStatus::ready ? other : result;
}

// ---- rows behind the last ----------------------------------------------------------------------

/// The delta with everything that changed outside of pages, and the position behind it.
void SavePlanner::add_delta(SavePlan& plan) const {
  LogPosition& after = plan.after;
  // Before they are copied: they are about to grow.
  after.unsealed_tokens.reserve(position_.unsealed_tokens.size() + 1);
  after.unsealed_turns.reserve(position_.unsealed_turns.size() + changes_.tail.size());
  after = position_;
  after.version = {position_.version.seq + 1, own_};
  after.keyframe_distance = static_cast<std::uint16_t>(position_.keyframe_distance + 1);
  after.next_turn = changes_.next_turn;
  after.first = changes_.first;
  after.unsealed_tokens.push_back(own_);
  for (const TurnEdit& edit : changes_.tail) {
    auto& turns = after.unsealed_turns;
    const auto place = std::ranges::lower_bound(turns, edit.index);
    if (place == turns.end() || *place != edit.index) turns.insert(place, edit.index);
  }
  RowHeader header;
  header.kind = RowKind::delta;
  header.keyframe_distance = after.keyframe_distance;
  header.version = after.version;
  header.next_turn = after.next_turn;
  // Who loads the recent rows only does not see what is edited in a page, but must number behind
  // it.
  const PartIndices next = changes_.sealed.empty() ? PartIndices{} : numbering(state_);
  plan.request.rows.push_back(encode_row(
      header, delta_json(state_, changes_.tail, changes_.trims ? &changes_.first : nullptr,
                         changes_.sealed.empty() ? nullptr : &next)));
}

PlanResult SavePlanner::append() const {
  SavePlan plan = draft(SaveOp::append);
  add_delta(plan);
  if (const std::size_t pages = droppable_pages(); pages > 0) {
    plan.request.op = SaveOp::drop_head;
    plan.request.n = static_cast<std::int64_t>(pages);
    plan.after.pages = std::vector(position_.pages.begin() + pages, position_.pages.end());
  }
  return checked(std::move(plan));
}

/// Pages at the head that hold nothing above what is trimmed. Never the newest: its tokens are what
/// retries are checked against.
std::size_t SavePlanner::droppable_pages() const {
  if (!position_.complete) return 0;
  const std::int64_t kept_from = *std::ranges::min_element(changes_.first);
  if (kept_from == keep_all) return 0;
  const auto& unsealed = position_.unsealed_turns;
  const bool none_is_kept = !unsealed.empty() && unsealed.front() <= kept_from;
  std::size_t count = 0;
  for (; count + 1 < position_.pages.size(); ++count) {
    const PageMark& page = position_.pages[count];
    // Not every save after a trim is to read pages: one of which its header does not tell may stay
    // for a while.
    const bool may_go =
        changes_.trims || none_is_kept || page.next_turn <= kept_from || page.turns.is_known();
    if (!may_go || page.opaque || page.turns.get().highest >= kept_from) break;
  }
  return count;
}

// ---- rows in place of others -------------------------------------------------------------------

LogDraft SavePlanner::log_draft() const {
  LogDraft log;
  log.page_version = {position_.version.seq, own_};
  log.keyframe_version = {position_.version.seq + 1, own_};
  log.first = changes_.first;
  log.next_turn = changes_.next_turn;
  return log;
}

TurnList SavePlanner::unsealed_turns() const {
  std::vector<std::int64_t> changed;
  for (const TurnEdit& edit : changes_.tail) changed.push_back(edit.index);
  std::vector<std::int64_t> indices;
  std::ranges::set_union(position_.unsealed_turns, changed, std::back_inserter(indices));
  TurnList turns;
  turns.reserve(indices.size());
  for (const std::int64_t index : indices) {
    if (const TurnText* turn = state_.turns.find(index)) turns.push_back(turn);
  }
  return turns;
}

PlanResult SavePlanner::seal() const {
  if (!knows_numbering(state_)) return needs_everything();  // a keyframe says how turns go on
  LogDraft log = log_draft();
  log.turns = unsealed_turns();
  log.tokens = position_.unsealed_tokens;
  WrittenLog written;
  if (Failure failure = write_log(state_, log, options_, written)) {
    return failed(std::move(failure));
  }
  SavePlan plan = draft(SaveOp::seal);
  plan.request.n = position_.keyframe_distance + 1;
  plan.request.rows = std::move(written.rows);
  plan.after = position_after(log, written);
  plan.after.complete = position_.complete;
  if (position_.complete) {
    auto pages = position_.pages.to_vector();
    std::ranges::move(written.pages, std::back_inserter(pages));
    plan.after.pages = std::move(pages);
  }
  return checked(std::move(plan));
}

/// Tokens without a gap up to the last row's: the script finds a version by counting back.
std::vector<Token> SavePlanner::all_tokens() const {
  std::vector<Token> newest_first(position_.unsealed_tokens.rbegin(),
                                  position_.unsealed_tokens.rend());
  std::int64_t seq = std::int64_t{position_.version.seq} - position_.keyframe_distance - 1;
  for (std::size_t left = position_.pages.size(); left > 0; --left) {
    const PageMark& page = position_.pages[left - 1];
    if (page.tokens.empty()) continue;
    if (page.version.seq != seq) break;
    const auto tokens = decode_tokens(page.tokens);
    newest_first.insert(newest_first.end(), tokens.rbegin(), tokens.rend());
    seq -= static_cast<std::int64_t>(tokens.size());
  }
  return {newest_first.rbegin(), newest_first.rend()};
}

PlanResult SavePlanner::rewrite() const {
  if (std::ranges::any_of(position_.pages, &PageMark::opaque)) {
    return failed({errc::unsupported_format,
                   "the log has a page that only a newer version of this library can read"});
  }
  LogDraft log = log_draft();
  for (const TurnText& turn : state_.turns.all()) {
    log.turns.push_back(&turn);
    for (std::size_t part = 0; part < turn_parts; ++part) {
      // What was set below the trimmed turns is there again, and nothing between.
      if (!turn.parts[part].empty()) log.first[part] = std::min(log.first[part], turn.index);
    }
  }
  log.tokens = all_tokens();
  WrittenLog written;
  if (Failure failure = write_log(state_, log, options_, written)) {
    return failed(std::move(failure));
  }
  SavePlan plan = draft(SaveOp::replace);
  plan.request.rows = std::move(written.rows);
  plan.after = position_after(log, written);
  plan.after.complete = true;
  plan.after.pages = std::move(written.pages);
  return checked(std::move(plan));
}

// ---- a page in place ---------------------------------------------------------------------------

/// The one page that holds, or would hold, every sealed turn that was touched.
std::optional<std::size_t> SavePlanner::only_page_touched() const {
  if (changes_.below_first) return std::nullopt;
  std::optional<std::size_t> found;
  for (const TurnEdit& edit : changes_.sealed) {
    const auto page = std::ranges::find_if(
        position_.pages, [&](const PageMark& mark) { return covers(mark, edit.index); });
    if (page == position_.pages.end()) return std::nullopt;
    const auto place = static_cast<std::size_t>(page - position_.pages.begin());
    if (found && *found != place) return std::nullopt;
    found = place;
  }
  return found && !overlaps_another(*found) ? found : std::nullopt;
}

/// Then it would not be clear which turns are in which.
bool SavePlanner::overlaps_another(std::size_t page) const {
  const TurnRange mine = position_.pages[page].turns.get();
  for (std::size_t i = 0; i < position_.pages.size(); ++i) {
    const TurnRange other = position_.pages[i].turns.get();
    if (i != page && other.lowest <= mine.highest && mine.lowest <= other.highest) return true;
  }
  return false;
}

TurnList SavePlanner::turns_of_page(const PageMark& page) const {
  TurnList turns;
  const TurnRange range = page.turns.get();
  for (const TurnText& turn : state_.turns.all()) {
    if (range.covers(turn.index) &&
        !std::ranges::binary_search(position_.unsealed_turns, turn.index)) {
      turns.push_back(&turn);
    }
  }
  return turns;
}

PlanResult SavePlanner::edit(std::size_t page) const {
  SavePlan plan = draft(SaveOp::edit);
  PageMark mark = position_.pages[page];
  mark.version.token = own_;
  std::string row;
  if (Failure failure = write_page(turns_of_page(mark), options_, mark, row)) {
    return failed(std::move(failure));
  }
  const std::size_t rows = position_.pages.size() + position_.keyframe_distance + 1;
  plan.request.n = static_cast<std::int64_t>(page) - static_cast<std::int64_t>(rows);
  plan.request.rows.push_back(std::move(row));
  add_delta(plan);
  auto pages = position_.pages.to_vector();
  pages[page] = std::move(mark);
  plan.after.pages = std::move(pages);
  return checked(std::move(plan));
}

}  // namespace

PlanResult plan_save(const ContextState& state, const Token& own, const LogOptions& options) {
  assert(state.position);
  return SavePlanner(state, own, options).run();
}

PlanResult plan_rewrite(const ContextState& state, const Token& own, const LogOptions& options) {
  assert(state.position);
  return SavePlanner(state, own, options).run_anew();
}

}  // namespace dialogstore::format
