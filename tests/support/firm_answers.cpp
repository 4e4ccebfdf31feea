#include "support/firm_answers.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;
using What = AllowedLoss::What;

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

bool takes_turns_away(const ContextHistory& history) {
  const auto is_erase = [](const RecordedCall& call) {
    return call.kind == Kind::erase && call.ending != Ending::refused;
  };
  const auto is_everything = [](const AllowedLoss& loss) { return loss.what == What::everything; };
  return std::any_of(history.calls.begin(), history.calls.end(), is_erase) ||
         std::any_of(history.losses.begin(), history.losses.end(), is_everything);
}

bool is_away_from(const RecordedCall& call, const std::vector<AllowedLoss>& losses) {
  return std::all_of(losses.begin(), losses.end(), [&](const auto& loss) {
    return call.begin > loss.to || call.end < loss.from;
  });
}

bool is_answer(const RecordedCall& call) {
  return call.kind == Kind::load || call.seen;
}

bool has_more(const Seen& one, const Seen& other) {
  return one && (!other || one->size() > other->size());
}

bool has_place(const Seen& content, std::size_t place) {
  return content && content->size() > place;
}

}  // namespace

FirmAnswers::FirmAnswers(const ContextHistory& history) {
  if (takes_turns_away(history)) return;
  for (const auto& call : history.calls) {
    if (call.ending != Ending::done || !is_away_from(call, history.losses)) continue;
    if (call.kind == Kind::append) appends_.push_back(&call);
    if (is_answer(call)) answers_.push_back(&call);
  }
  compare_contents(history);
  if (contradiction_.empty()) compare_times();
}

void FirmAnswers::compare_contents(const ContextHistory& history) {
  const auto most = std::max_element(
      answers_.begin(), answers_.end(),
      [](const auto* one, const auto* other) { return has_more(other->seen, one->seen); });
  if (most == answers_.end() || !(*most)->seen) return;
  longest_ = *(*most)->seen;
  for (const auto* answer : answers_) {
    const auto turns = answer->seen.value_or(Turns{});
    if (!std::equal(turns.begin(), turns.end(), longest_.begin())) {
      contradict(*answer, "while there was at some time\n  " + describe(**most));
    }
  }
  std::map<int, Moment> begins;
  for (const auto& call : history.calls) {
    if (call.kind == Kind::append && call.ending != Ending::refused) {
      begins.emplace(call.turn, call.begin);
    }
  }
  auto begun = Moment::min();
  for (std::size_t place = 0; place < longest_.size(); ++place) {
    const int turn = longest_[place];
    if (!places_.emplace(turn, place).second) {
      contradict(**most, "which has turn " + std::to_string(turn) + " twice");
    }
    const auto begin = begins.find(turn);
    begun = std::max(begun, begin == begins.end() ? Moment::max() : begin->second);
    begun_.push_back(begun);
  }
}

// By their begins and ends: what had ended when another began came before it.
void FirmAnswers::compare_times() {
  struct Event {
    Moment moment;
    bool is_end;
    const RecordedCall* call;
  };
  std::vector<Event> events;
  const auto add = [&](const RecordedCall* call) {
    events.push_back({call->begin, false, call});
    events.push_back({call->end, true, call});
  };
  for (const auto* call : answers_) add(call);
  for (const auto* call : appends_) {
    if (!is_answer(*call)) add(call);
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::tie(a.moment, a.is_end) < std::tie(b.moment, b.is_end);
  });
  for (const auto& event : events) {
    event.is_end ? note_end(*event.call) : note_begin(*event.call);
    if (!contradiction_.empty()) return;
  }
}

void FirmAnswers::note_begin(const RecordedCall& call) {
  if (most_seen_ != nullptr) {
    const bool has_less = is_answer(call) && has_more(most_seen_->seen, call.seen);
    const bool was_there =
        call.kind == Kind::append && has_place(most_seen_->seen, place_of(call.turn));
    if (has_less || was_there)
      contradict(call, "which began later than\n  " + describe(*most_seen_));
  }
  const bool is_lost = last_saved_ != nullptr && is_answer(call) &&
                       !has_place(call.seen, place_of(last_saved_->turn));
  if (is_lost) contradict(call, "which began later than\n  " + describe(*last_saved_));
}

void FirmAnswers::note_end(const RecordedCall& call) {
  if (is_answer(call)) {
    const auto count = call.seen.value_or(Turns{}).size();
    if (count > 0 && begun_[count - 1] > call.end) {
      contradict(call, "which ended before all that it has was saved");
    }
    if (most_seen_ == nullptr || has_more(call.seen, most_seen_->seen)) most_seen_ = &call;
  }
  if (call.kind == Kind::append &&
      (last_saved_ == nullptr || place_of(call.turn) > place_of(last_saved_->turn))) {
    last_saved_ = &call;
  }
}

std::size_t FirmAnswers::place_of(int turn) const {
  const auto found = places_.find(turn);
  return found == places_.end() ? nowhere : found->second;
}

void FirmAnswers::contradict(const RecordedCall& call, const std::string& why) {
  if (contradiction_.empty()) {
    contradiction_ = "no order explains\n  " + describe(call) + "\n" + why;
  }
}

}  // namespace dialogstore::test
