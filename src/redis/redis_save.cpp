// Saving: the listing first where it must be, then the script until its outcome is known.

#include "dialogstore/limits.hpp"
#include "flow/together.hpp"
#include "redis/redis_rows.hpp"

namespace dialogstore::redis {
namespace {

using format::SaveOp;
using std::chrono::milliseconds;

// A create's copies must be late before what they created can have expired (PROTOCOL §2, Expiry).
constexpr milliseconds before_expiry{5'000};

void check_size(const format::SaveRequest& request) {
  if (request.rows.size() > limits::save_rows) {
    throw Failure{errc::too_large, "the save has " + std::to_string(request.rows.size()) +
                                       " rows, the limit is " + std::to_string(limits::save_rows)};
  }
  if (request.bytes() > limits::save_bytes) {
    throw Failure{errc::too_large, "the save has " + std::to_string(request.bytes()) +
                                       " bytes, the limit is " +
                                       std::to_string(limits::save_bytes)};
  }
}

Need need_of(SaveOp op) {
  return op == SaveOp::replace ? Need::creating : Need::writing;
}

bool has_taken_effect(SaveAnswer answer) {
  return answer == SaveAnswer::saved || answer == SaveAnswer::already;
}

milliseconds to_milliseconds(std::chrono::microseconds time) {
  return std::chrono::duration_cast<milliseconds>(time);
}

// Whether there is nothing that the entry in the listing could name.
bool leaves_nothing(SaveOp op, const SaveResult& result, const std::optional<Failure>& failure) {
  if (op == SaveOp::erase) return !failure && has_taken_effect(result.answer);
  if (!failure) return result.answer == SaveAnswer::gone;
  const bool is_foreign = failure->code == errc::wrong_type || failure->code == errc::corrupt;
  return is_foreign && !failure->maybe_applied;
}

SaveResult gone_unanswered() {
  SaveResult result;
  result.answer = SaveAnswer::gone;
  result.unanswered_copy = true;
  return result;
}

}  // namespace

Task<SaveResult> RedisRowLog::save(ContextKey key, Saving request, SentBefore first_sent,
                                   Deadline deadline) {
  check_size(*request);
  if (options_.ttl.count() > 0) {
    deadline = std::min(deadline, Clock::now() + options_.ttl - before_expiry);
  }
  const auto op = request->op;
  std::optional<std::string> score;
  auto name = names_.context(key.text());
  const bool is_ready = state_->is_ready(Need::writing, name);
  if (op == SaveOp::replace || op == SaveOp::erase || !is_ready) {
    score = co_await get_ready(key.text(), op, first_sent.has_value(), deadline);
  }
  SaveResult result;
  std::optional<Failure> failure;
  try {
    result = co_await send(key.text(), std::move(name), std::move(request), first_sent, deadline);
  } catch (Failure& thrown) {
    failure = std::move(thrown);
  }
  if (score && leaves_nothing(op, result, failure)) {
    std::vector<IndexEntry> entries;
    entries.push_back({key.text(), std::move(*score)});
    co_await index_->unlist(std::move(entries), deadline);
  }
  if (failure) throw std::move(*failure);
  if (op == SaveOp::replace && has_taken_effect(result.answer)) index_->sweep_soon();
  co_return result;
}

Task<std::optional<std::string>> RedisRowLog::get_ready(std::string key, SaveOp op, bool resent,
                                                        Deadline deadline) {
  try {
    co_await state_->prepare(need_of(op), names_.context(key), deadline);
    if (op == SaveOp::replace) co_return co_await index_->list(key, deadline);
    if (op == SaveOp::erase) co_return co_await index_->score_of(key, deadline);
  } catch (Failure& failure) {
    throw SaveAttempts(resent).ended_by(std::move(failure));
  }
  co_return std::nullopt;
}

milliseconds RedisRowLog::life_after(SaveOp op) const {
  // A tombstone outlives every copy of every call that began before the delete, whoever sent it:
  // no call lasts longer than timeout_max.
  return op == SaveOp::erase ? limits::timeout_max + settings_.clock_tolerance : options_.ttl;
}

// A create that is stored later might bring back what is no more: of what an unanswered copy made
// the tombstone may be gone by then, or it has expired.
Deadline RedisRowLog::last_create(Clock::time_point first_sent) const {
  const auto ttl = options_.ttl.count() > 0 ? options_.ttl - before_expiry : limits::timeout_max;
  return first_sent + std::min(limits::timeout_max, ttl);
}

std::string RedisRowLog::copy_of(const KeyName& name, const format::SaveRequest& request,
                                 const SaveAttempts& attempts, Deadline fence) {
  SaveCopy copy;
  copy.ttl = life_after(request.op);
  copy.fence = to_milliseconds(state_->time_at(name.slot, fence));
  copy.first = attempts.is_first();
  copy.tracked = settings_.tracking && tells_of_saved();
  copy.form = attempts.form();
  return save_request(name.text, request, copy);
}

Task<SaveResult> RedisRowLog::send(std::string key, KeyName name, Saving request,
                                   SentBefore first_sent, Deadline deadline) {
  auto listing = listing_for(key, request->op);
  const bool is_late_create =
      first_sent && request->base.empty() && last_create(*first_sent) < deadline;
  const auto fence = is_late_create ? last_create(*first_sent) : deadline;
  SaveAttempts attempts(first_sent.has_value());
  const auto clock_jumps = state_->clock_jumps();
  Backoff backoff;
  for (;;) {
    if (co_await this_flow::is_cancelled) {
      throw attempts.ended_by(cancelled_between());
    }
    const auto asked = Clock::now();
    auto bytes = copy_of(name, *request, attempts, fence);
    ExecResult end;
    Confirmation confirmed;
    if (listing == Listing::due) {
      end = co_await send_and_refresh(key, name.slot, std::move(bytes), &listing, &confirmed,
                                      deadline);
    } else {
      end = co_await exec_save(name.slot, std::move(bytes), &confirmed, deadline);
    }
    auto decision = attempts.on_end(end, Clock::now() >= deadline);
    learn_from(decision, name.slot, asked);
    switch (decision.next) {
      case NextStep::fail:
        throw std::move(decision.failure);
      case NextStep::finish:
        if (clock_jumps != state_->clock_jumps() && request->op != SaveOp::erase &&
            listing == Listing::fine) {
          listing = Listing::outdated;
        }
        if (listing != Listing::fine && has_taken_effect(decision.result.answer)) {
          co_await mend(listing, key, deadline);
        }
        if (settings_.durability.waits()) {
          co_await confirm_durable(name, decision.result.answer, std::move(confirmed), deadline);
        }
        co_return std::move(decision.result);
      case NextStep::send_after_pause:
        co_await wait_for_server(backoff, attempts, std::move(decision.failure), request->op, name,
                                 deadline);
        // Another server may answer now, which never got the entry.
        if (request->op == SaveOp::replace) co_await list_again(key, attempts, deadline);
        break;
      case NextStep::send:
        if (!decision.server_time || request->op != SaveOp::replace) break;
        // Nothing is there, and nothing will be: all copies are late now.
        if (is_late_create && Clock::now() >= fence) {
          co_return gone_unanswered();
        }
        // Late by a clock that was set: the entry was written with the same wrong time, and may
        // have been taken for an old one.
        co_await list_again(key, attempts, deadline);
        break;
    }
  }
}

Task<void> RedisRowLog::list_again(std::string key, const SaveAttempts& attempts,
                                   Deadline deadline) {
  try {
    co_await index_->list(std::move(key), deadline);
  } catch (Failure& failure) {
    throw attempts.ended_by(std::move(failure));
  }
}

RedisRowLog::Listing RedisRowLog::listing_for(const std::string& key, SaveOp op) const {
  const bool is_written = op == SaveOp::replace || op == SaveOp::erase;
  return !is_written && index_->is_refresh_due(key) ? Listing::due : Listing::fine;
}

void RedisRowLog::learn_from(const SaveDecision& decision, std::uint16_t slot,
                             Clock::time_point asked) {
  if (decision.server_time) {
    state_->sample(slot, *decision.server_time + half_a_millisecond, asked);
  }
  if (decision.is_connection_new) state_->forget();
}

// Outdated is what was listed before the clock jumped, or not listed since it was a short while
// ago: it has the time of before the jump, and would count as expired while the context lives on.
// When there is no entry, the server of the listing lost it.
Task<void> RedisRowLog::mend(Listing listing, std::string key, Deadline deadline) {
  if (listing == Listing::outdated) {
    const bool is_listed = co_await index_->refresh(key, deadline);
    if (is_listed) {
      co_return;
    }
  }
  try {
    co_await index_->list(std::move(key), deadline);
  } catch (const Failure&) {
    // The save has taken effect, whatever becomes of this; the next use tries again.
  }
}

Task<void> RedisRowLog::wait_for_server(Backoff& backoff, SaveAttempts& attempts, Failure cause,
                                        SaveOp op, KeyName name, Deadline deadline) {
  const bool has_time = co_await backoff.pause(deadline);
  if (co_await this_flow::is_cancelled) {
    throw attempts.ended_by(cancelled_between());
  }
  if (!has_time) throw cause;
  try {
    co_await state_->prepare(need_of(op), std::move(name), deadline);
  } catch (Failure& failure) {
    throw attempts.ended_by(std::move(failure));
  }
}

// Both leave in the same write, so that renewing the listing costs no round trip.
Task<ExecResult> RedisRowLog::send_and_refresh(std::string key, std::uint16_t slot,
                                               std::string bytes, Listing* listing,
                                               Confirmation* confirmed, Deadline deadline) {
  std::exception_ptr unsaved;
  ExecResult end;
  Together both(co_await this_flow::executor);
  both.add(index_->refresh(std::move(key), deadline),
           [&](const std::exception_ptr& error, bool is_listed) {
             *listing = error || is_listed ? Listing::fine : Listing::missing;
           });
  both.add(exec_save(slot, std::move(bytes), confirmed, deadline),
           [&](std::exception_ptr error, ExecResult result) {
             unsaved = std::move(error);
             end = std::move(result);
           });
  co_await both.all();
  if (unsaved) std::rethrow_exception(unsaved);
  co_return end;
}

}  // namespace dialogstore::redis
