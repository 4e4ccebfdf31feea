// Saving, as PROTOCOL demands: every write names the exact state it replaces; a save whose outcome
// is unknown is settled before anything else; only a proven conflict is merged.
#include <algorithm>

#include "dialogstore/limits.hpp"
#include "storage/log_engine.hpp"
#include "storage/saving.hpp"

namespace dialogstore {

namespace {

constexpr int largest_rounds = 64;

/// An answer that proves neither way after an unanswered copy is for the caller to decide on.
[[noreturn]] void report(const SaveResult& result) {
  const std::string doubt =
      result.unanswered_copy ? " (an earlier copy of this save may have been applied before that)"
                             : "; nothing was written";
  switch (result.answer) {
    case SaveAnswer::conflict:
      throw Failure{errc::conflict,
                    "someone else saved this context in between; nothing was "
                    "written: load it again, or use the merge policy"};
    case SaveAnswer::history_changed:
      throw Failure{errc::history_changed,
                    "the version this context was loaded at is no longer stored: it was replaced, "
                    "trimmed or lost in a failover" +
                        doubt};
    case SaveAnswer::deleted:
    case SaveAnswer::gone:
      throw Failure{errc::gone, "the context was deleted or expired after it was loaded" + doubt};
    case SaveAnswer::saved:
    case SaveAnswer::already:
      break;
  }
  throw Failure{errc::protocol_error, "an answer to a save that makes no sense"};
}

format::SavePlan checked(format::PlanResult result) {
  if (result.status == format::PlanStatus::failed) throw Failure{result.error, result.why};
  if (result.status == format::PlanStatus::needs_everything) {
    throw Failure{errc::partial_context, "older turns were changed that are not loaded"};
  }
  return std::move(result.plan);
}

/// The whole of a context that was loaded in part: `mine`, and what it left in the store.
void add_older_turns(ContextAccess::State& mine, const ContextAccess::State& theirs) {
  const auto oldest =
      mine.turns.empty() ? limits::turn_index_max + 1 : mine.turns.all().front().index;
  for (const auto& turn : theirs.turns.all()) {
    if (turn.index < oldest) mine.turns.at(turn.index) = turn;
  }
  mine.turns.trim(mine.changes.first);
}

/// A context that was never stored, as changes to an empty one.
void count_all_as_changed(ContextAccess::State& state) {
  for (const auto& turn : state.turns.all()) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (!turn.parts[part].empty()) {
        state.changes.turns[turn.index] |= static_cast<std::uint8_t>(1U << part);
      }
    }
  }
  for (const auto& [name, value] : state.misc) state.changes.misc.note_set(name);
  for (const auto& [name, value] : state.framework_states) {
    state.changes.framework_states.note_set(name);
  }
  for (const auto& [name, value] : state.extra) state.changes.extra.note_set(name);
  state.changes.validation = state.validation;
  state.changes.id = false;  // the one who stored it first named it
  state.position.emplace();
}

/// Whether `version` is in the history that `later` was read from; nothing when what was read does
/// not reach back that far.
std::optional<bool> descends(const LogPosition& later, const Version& version) {
  if (version.seq == 0) return true;  // of a context that was never stored
  if (version.seq > later.version.seq) return false;
  const auto names_it = [&](const std::vector<Token>& tokens, std::uint32_t last_seq) {
    const auto back = std::size_t{last_seq} - version.seq;
    if (version.seq > last_seq || back >= tokens.size()) return std::optional<bool>();
    return std::optional<bool>(tokens[tokens.size() - 1 - back] == version.token);
  };
  if (const auto answer = names_it(later.unsealed_tokens, later.version.seq)) return answer;
  for (const auto& page : later.pages) {
    if (const auto answer = names_it(format::decode_tokens(page.tokens), page.version.seq)) {
      return answer;
    }
  }
  if (!later.complete) return std::nullopt;
  return false;
}

/// Puts the unsaved changes of `context` on top of what was just loaded, and that in its place.
void adopt(Context& context, Context theirs) {
  auto& stored = ContextAccess::state(theirs);
  format::merge(ContextAccess::state(context), stored);
  stored.saving = true;  // the save in progress goes on with it
  stored.merged = true;
  stored.in_doubt = ContextAccess::state(context).in_doubt;
  context = std::move(theirs);
}

}  // namespace

Task<void> LogEngine::do_save(ContextKey key, Context& context, SaveMode mode, Settings settings) {
  key.check();
  const Saving saving(context);
  std::optional<ContextCache::Writing> writing;
  if (cache_) writing.emplace(*cache_, key.text());
  auto& state = ContextAccess::state(context);
  if (state.pending) {
    const bool is_saved = co_await settle(key, state, settings);
    // Asking once more could only fail, and would tell a caller whose save has taken effect that
    // nothing was written.
    if (is_saved && state.changes.empty() && mode == SaveMode::set) {
      if (writing) writing->stored(context);
      co_return;
    }
  }
  // What may be stored already is for the caller to put together, who was told of the doubt.
  if (state.in_doubt && settings.on_conflict == ConflictPolicy::merge) {
    settings.on_conflict = ConflictPolicy::fail;
  }

  if (state.position && is_place_of(state.stored_under, key) && mode == SaveMode::set) {
    co_await save_changes(key, context, settings);
  } else if (context.is_complete()) {
    co_await save_whole(key, context, mode, std::nullopt, settings);
  } else {
    throw Failure{errc::partial_context,
                  "this context was loaded with history=recent and lacks its older turns; load it "
                  "with history=all to store it elsewhere"};
  }
  if (writing) writing->stored(context);
}

/// Sends a plan and takes its outcome down in the context: saved, pending, or unchanged.
Task<SaveResult> LogEngine::send(ContextKey key, State& state, format::SavePlan plan,
                                 Settings settings) {
  seal(key, plan.request);
  auto request = std::make_shared<const format::SaveRequest>(std::move(plan.request));
  const auto first_sent = Clock::now();
  try {
    const SaveResult result = co_await rows_->save(key, request, std::nullopt, settings.deadline);
    if (is_done(result)) saved(key, state, result, std::move(plan.after));
    co_return result;
  } catch (const Failure& failure) {
    if (failure.maybe_applied && request->op == format::SaveOp::touch) {
      throw Failure{errc::timed_out, "there was nothing to save, and no answer came"};
    }
    if (failure.maybe_applied) {
      state.pending = std::make_shared<const PendingSave>(
          PendingSave{place_of(key), request, first_sent, std::move(plan.after),
                      std::exchange(state.changes, {})});
    }
    throw;
  }
}

void LogEngine::saved(const ContextKey& key, State& state, const SaveResult& result,
                      LogPosition after) {
  // By an earlier copy: others may have saved behind it.
  if (cache_ && result.answer == SaveAnswer::already) cache_->doubt(key.text());
  hints_.left(key.text(), after);
  state.position = std::move(after);
  if (!is_place_of(state.stored_under, key)) state.stored_under = place_of(key);
  state.changes.clear();
  state.in_doubt = false;
}

/// Finds out what became of a save that nobody answered. Afterwards nothing is pending: its changes
/// are saved (true), or unsaved again. When neither is proven that is reported, once; no copy of it
/// can take effect any more, because the version it builds on is not the last one.
Task<bool> LogEngine::settle(ContextKey key, State& state, Settings settings) {
  const auto pending = state.pending;
  if (!is_place_of(pending->place, key)) {
    throw Failure{errc::outcome_unknown,
                  "an earlier save of this context under another key or to another storage has no "
                  "known outcome; save it there first"};
  }
  // The earlier call's copies count: whatever is answered now is the answer to one of several.
  SaveResult result =
      co_await rows_->save(key, pending->request, pending->first_sent, settings.deadline);
  result.unanswered_copy = true;
  const auto since = std::exchange(state.changes, {});
  state.pending = nullptr;
  if (is_done(result)) {
    saved(key, state, result, pending->after);
    state.changes = since;
    co_return true;
  }
  state.changes = pending->changes;
  state.changes.add(since);
  if (result.answer == SaveAnswer::conflict) co_return false;  // proven not applied
  state.in_doubt = true;
  report(result);
}

Task<void> LogEngine::save_changes(ContextKey key, Context& context, Settings settings) {
  for (int round = 0; round < largest_rounds; ++round) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    auto& state = ContextAccess::state(context);
    auto planned = plan_changes(state);
    if (planned.status == format::PlanStatus::needs_everything) {
      if (co_await save_with_history(key, context, settings)) co_return;
      continue;
    }
    const SaveResult result = co_await send(key, state, checked(std::move(planned)), settings);
    if (is_done(result)) co_return;

    const bool replaceable = result.answer == SaveAnswer::conflict || !result.unanswered_copy;
    if (settings.on_conflict == ConflictPolicy::overwrite && replaceable) {
      // The last writer wins: the whole context, on exactly the version that was answered.
      if (!context.is_complete()) {
        if (co_await save_with_history(key, context, settings)) co_return;
        continue;
      }
      std::optional<Version> replaced;
      if (result.answer != SaveAnswer::gone) replaced = header_to_build_on(result).version;
      co_await save_whole(std::move(key), context, SaveMode::set, replaced, settings);
      co_return;
    }
    if (result.answer != SaveAnswer::conflict || settings.on_conflict != ConflictPolicy::merge) {
      report(result);
    }
    co_await pause_between_rounds(round, settings.deadline);
    co_await rebase(key, context, settings);
  }
  throw Failure{errc::conflict, "others kept saving this context in between; nothing was written"};
}

/// Loads what is stored now and puts the unsaved changes on top of it.
Task<void> LogEngine::rebase(ContextKey key, Context& context, Settings settings) {
  const Version base = ContextAccess::state(context).position->version;
  settings.history = context.is_complete() ? History::all : History::recent;
  for (;;) {
    auto theirs = co_await read_context(key, settings, false);
    if (!theirs) {
      throw Failure{errc::gone,
                    "the context was deleted while it was being saved; nothing was written"};
    }
    // Replaced since the conflict was answered: edits and trims were meant for other turns.
    const auto is_same = descends(*ContextAccess::state(*theirs).position, base);
    if (is_same && !*is_same) report({.answer = SaveAnswer::history_changed, .last_header = {}});
    if (is_same) {
      adopt(context, std::move(*theirs));
      co_return;
    }
    settings.history = History::all;
  }
}

/// For a context whose older turns are still in the store: brings them. True when it was stored as
/// a whole then (others had saved, and the last writer wins); false to plan its save again.
Task<bool> LogEngine::save_with_history(ContextKey key, Context& context, Settings settings) {
  settings.history = History::all;
  auto theirs = co_await read_context(key, settings, false);
  if (!theirs) {
    throw Failure{errc::gone,
                  "the context was deleted or expired after it was loaded; nothing "
                  "was written"};
  }
  auto& mine = ContextAccess::state(context);
  const auto& stored = ContextAccess::state(*theirs);
  const bool same = stored.position->version == mine.position->version;
  if (!same && settings.on_conflict == ConflictPolicy::fail) {
    report({.answer = SaveAnswer::conflict, .last_header = {}});
  }
  if (!same && settings.on_conflict == ConflictPolicy::merge &&
      !*descends(*stored.position, mine.position->version)) {
    report({.answer = SaveAnswer::history_changed, .last_header = {}});
  }
  if (same || settings.on_conflict == ConflictPolicy::merge) {
    adopt(context, std::move(*theirs));
    co_return false;
  }
  add_older_turns(mine, stored);
  co_await save_whole(std::move(key), context, SaveMode::set, stored.position->version, settings);
  co_return true;
}

/// Stores all of a context: where there is nothing, or in place of exactly what is there.
Task<void> LogEngine::save_whole(ContextKey key, Context& context, SaveMode mode,
                                 std::optional<Version> replaced, Settings settings) {
  auto& state = ContextAccess::state(context);
  for (int round = 0; round < largest_rounds; ++round) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    auto planned =
        format::plan_replace(state, replaced ? &*replaced : nullptr, new_token(), log_options_);
    const SaveResult result = co_await send(key, state, checked(std::move(planned)), settings);
    if (is_done(result)) co_return;

    // Only the sole copy's answer proves that nothing was written; else writing again could undo
    // what happened since.
    if (result.unanswered_copy && result.answer != SaveAnswer::conflict) report(result);
    const bool something_there =
        result.answer == SaveAnswer::conflict || result.answer == SaveAnswer::history_changed;
    if (mode == SaveMode::create && something_there) {
      throw Failure{errc::already_exists, "a context is stored under this key already"};
    }
    // Whoever looked for it and found nothing must not undo what someone else created meanwhile.
    const bool was_absent = !state.position && is_place_of(state.stored_under, key);
    if (was_absent && something_there && settings.on_conflict != ConflictPolicy::overwrite) {
      if (settings.on_conflict == ConflictPolicy::fail) report(result);
      count_all_as_changed(state);
      // It has all turns that were ever its own; whether it gets theirs, the caller's setting says.
      state.position->complete = settings.history == History::all;
      co_await rebase(key, context, settings);
      co_await save_changes(std::move(key), context, settings);
      co_return;
    }
    replaced.reset();
    if (result.answer != SaveAnswer::gone) replaced = header_to_build_on(result).version;
    co_await pause_between_rounds(round, settings.deadline);
  }
  throw Failure{errc::conflict, "others kept saving this context in between; nothing was written"};
}

}  // namespace dialogstore
