// Adding a turn and removing a context without loading it: the last row's header is enough.
#include "model/message_text.hpp"
#include "storage/log_engine.hpp"

namespace dialogstore {

namespace {

constexpr int largest_rounds = 64;
/// Appends never load, so they cannot seal; a log this far behind is loaded and sealed once.
constexpr int appends_before_seal = 4;

TurnText text_of(const Turn& turn) {
  TurnText text;
  if (turn.label) text.parts[0] = turn.label->to_json();
  if (turn.request) text.parts[1] = stored_text(*turn.request);
  if (turn.response) text.parts[2] = stored_text(*turn.response);
  return text;
}

/// A row that a delta may stand behind.
format::RowHeader not_a_page(const format::RowHeader& header) {
  if (header.kind == format::RowKind::page) {
    throw Failure{errc::corrupt, "the last row is damaged: it is a page"};
  }
  return header;
}

/// Others saved, and this save was not applied: it may be built again on what was answered.
bool is_rebuildable(const SaveResult& result) {
  return result.answer == SaveAnswer::conflict ||
         (result.answer == SaveAnswer::history_changed && !result.unanswered_copy);
}

Failure absent() {
  return {errc::key_not_found, "no context is stored under this key"};
}

}  // namespace

Task<std::int64_t> LogEngine::do_append(ContextKey key, Turn turn, Settings settings) {
  key.check();
  std::optional<ContextCache::Writing> writing;
  if (cache_) writing.emplace(*cache_, key.text());
  const TurnText text = text_of(turn);
  if (text.empty()) throw Failure{errc::invalid_argument, "the turn to append has no part"};
  auto last = co_await last_row(key, true, settings);
  for (int round = 0; round < largest_rounds; ++round) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    if (!last) throw absent();
    if (last->keyframe_distance >= appends_before_seal * log_options_.seal_after) {
      co_return co_await append_and_seal(std::move(key), std::move(turn), settings);
    }
    auto planned = format::plan_append(*last, text, new_token());
    if (planned.status != format::PlanStatus::ready) throw Failure{planned.error, planned.why};
    seal(key, planned.plan.request);
    auto request = std::make_shared<const format::SaveRequest>(std::move(planned.plan.request));
    const SaveResult result = co_await rows_->save(key, request, std::nullopt, settings.deadline);
    if (is_done(result)) co_return std::int64_t{last->next_turn};
    if (!is_rebuildable(result)) {
      if (!result.unanswered_copy) throw absent();
      throw Failure{errc::gone,
                    "the context was deleted or replaced while the turn was being "
                    "added; it may have been added before that"};
    }
    last = not_a_page(header_to_build_on(result));
    co_await pause_between_rounds(round, settings.deadline);
  }
  throw Failure{errc::conflict, "others kept saving this context in between; nothing was written"};
}

Task<std::int64_t> LogEngine::append_and_seal(ContextKey key, Turn turn, Settings settings) {
  settings.history = History::recent;
  settings.on_conflict = ConflictPolicy::merge;
  auto context = co_await read_context(key, settings, false);
  if (!context) throw absent();
  const std::int64_t index = ContextAccess::state(*context).position->next_turn;
  if (turn.label) context->set_label(index, *turn.label);
  if (turn.request) context->set_request(index, *turn.request);
  if (turn.response) context->set_response(index, *turn.response);
  co_await save_changes(std::move(key), *context, settings);
  // A merge may have moved it; it is the newest turn of what this save wrote either way.
  co_return std::int64_t{ContextAccess::state(*context).position->next_turn} - 1;
}

Task<bool> LogEngine::do_erase(ContextKey key, Settings settings) {
  key.check();
  std::optional<ContextCache::Writing> writing;
  if (cache_) {
    writing.emplace(*cache_, key.text());
    cache_->forget(key.text());
  }
  co_return co_await erase_rows(std::move(key), settings);
}

Task<bool> LogEngine::erase_rows(ContextKey key, Settings settings) {
  auto last = co_await last_row(key, false, settings);
  if (!last) co_return false;
  for (int round = 0; round < largest_rounds; ++round) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    auto request =
        std::make_shared<const format::SaveRequest>(format::plan_erase(last->version, new_token()));
    const SaveResult result = co_await rows_->save(key, request, std::nullopt, settings.deadline);
    if (is_done(result)) co_return true;
    if (!is_rebuildable(result)) {
      if (!result.unanswered_copy) co_return false;  // another call deleted it
      throw Failure{errc::outcome_unknown,
                    "others deleted or replaced the context while it was being deleted; an earlier "
                    "copy of this delete may have been applied before that"};
    }
    last = not_a_page(answered_header(result));
    co_await pause_between_rounds(round, settings.deadline);
  }
  throw Failure{errc::conflict, "others kept saving this context while it was to be deleted"};
}

}  // namespace dialogstore
