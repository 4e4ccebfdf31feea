// The operations of the seed over whole values, each saved in place of exactly the one it was made
// on.
#include "redis/dff_engine.hpp"

#include <algorithm>
#include <set>

#include "dialogstore/limits.hpp"
#include "format/log.hpp"
#include "storage/call_steps.hpp"
#include "storage/pending_save.hpp"
#include "storage/saving.hpp"

namespace dialogstore::redis {
namespace {

constexpr int largest_rounds = 64;
constexpr std::size_t walk_count = 500;

// The digest of a value takes the place of a token: 16 digits, 8 bytes.
Token token_of(std::string_view digest) {
  const auto value_of = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Token token{};
  for (std::size_t i = 0; i < token.size(); ++i) {
    token[i] =
        static_cast<std::uint8_t>(value_of(digest[2 * i]) * 16 + value_of(digest[2 * i + 1]));
  }
  return token;
}

std::string digest_of(const Token& token) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : token) {
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  return out;
}

std::int64_t next_turn(const Context& context) {
  const auto& turns = ContextAccess::state(context).turns.all();
  return turns.empty() ? 0 : std::max<std::int64_t>(0, turns.back().index + 1);
}

[[noreturn]] void report_conflict(const SwapResult& result) {
  if (result.unanswered_copy) {
    throw Failure{errc::history_changed,
                  "someone else saved this context; an earlier copy of this save may have been "
                  "applied before that: load it again"};
  }
  if (result.found.empty()) {
    throw Failure{errc::gone,
                  "the context was deleted or expired after it was loaded; nothing was written"};
  }
  throw Failure{errc::conflict,
                "someone else saved this context in between; nothing was written: load it again, "
                "or use the merge policy"};
}

Failure foreign_value() {
  return {errc::wrong_type, "the key holds a text that is no context of DFF; it is left alone"};
}

void check_round(int round) {
  if (round < largest_rounds) return;
  throw Failure{errc::conflict, "others kept saving this context in between; nothing was written"};
}

}  // namespace

std::shared_ptr<StorageEngine> make_dff_engine(std::unique_ptr<IoThread> thread,
                                               std::shared_ptr<RedisClient> client,
                                               const StorageOptions& options,
                                               std::string identity) {
  return std::make_shared<DffEngine>(std::move(thread), std::move(client), options,
                                     std::move(identity));
}

DffEngine::DffEngine(std::unique_ptr<IoThread> thread, std::shared_ptr<RedisClient> client,
                     const StorageOptions& options, std::string identity)
    : CoroutineEngine(std::move(thread), options),
      client_(client),
      values_(std::move(client), options.ttl),
      identity_(std::move(identity)) {}

void DffEngine::do_close() {
  client_->close();
}

void DffEngine::set_stored(const ContextKey& key, Context& context, std::string_view digest) const {
  auto& state = ContextAccess::state(context);
  state.position.emplace();
  state.position->version = {1, token_of(digest)};
  state.position->next_turn = static_cast<std::uint32_t>(next_turn(context));
  state.position->complete = true;
  state.stored_under = place_of(key);
  state.changes.clear();
  state.pending = nullptr;
  state.in_doubt = false;
}

Task<bool> DffEngine::do_contains(ContextKey key, Settings settings) {
  key.check();
  co_return co_await values_.contains(key.text(), settings.deadline);
}

Task<std::optional<Context>> DffEngine::do_load(ContextKey key, Settings settings) {
  return read_context(std::move(key), options().ttl_on_read, settings);
}

Task<std::optional<Context>> DffEngine::read_context(ContextKey key, bool refresh,
                                                     Settings settings) {
  key.check();
  const auto value = co_await values_.get(key.text(), refresh, settings.deadline);
  if (!value) co_return std::nullopt;
  auto context = Context::from_json(*value);
  set_stored(key, context, value_digest(*value));
  co_return context;
}

// ---- saving
// --------------------------------------------------------------------------------------

Task<void> DffEngine::do_save(ContextKey key, Context& context, SaveMode mode, Settings settings) {
  key.check();
  const Saving saving(context);
  if (ContextAccess::state(context).pending) co_await settle(key, context, settings);
  const auto& state = ContextAccess::state(context);
  if (state.in_doubt && settings.on_conflict == ConflictPolicy::merge) {
    settings.on_conflict = ConflictPolicy::fail;  // what is stored may hold its changes already
  }
  const bool was_stored = state.position && state.stored_under == place_of(key);
  std::string expected;
  if (was_stored && mode == SaveMode::set) expected = digest_of(state.position->version.token);
  for (int round = 0;; ++round) {
    check_round(round);
    auto result = co_await send(key, context, expected, settings);
    if (result.answer == SwapAnswer::done) co_return;
    expected = co_await after_conflict(key, context, mode, std::move(result), settings);
  }
}

Task<SwapResult> DffEngine::send(ContextKey key, Context& context, std::string expected,
                                 Settings settings) {
  auto value = context.to_json();
  if (value.size() > limits::context_bytes) {
    throw Failure{errc::too_large, "the context has " + std::to_string(value.size()) + " bytes"};
  }
  const auto digest = value_digest(value);
  std::optional<Failure> failure;
  SwapResult result;
  try {
    result = co_await values_.swap(key.text(), expected, value, false, settings.deadline);
  } catch (Failure& error) {
    failure = std::move(error);
  }
  auto& state = ContextAccess::state(context);
  if (failure && failure->maybe_applied) {
    auto request = std::make_shared<format::SaveRequest>();
    request->base = std::move(expected);
    request->rows.push_back(std::move(value));
    auto pending = std::make_shared<PendingSave>();
    pending->place = place_of(key);
    pending->request = std::move(request);
    state.pending = std::move(pending);
  }
  if (failure) throw std::move(*failure);
  if (result.answer == SwapAnswer::done) set_stored(key, context, digest);
  co_return result;
}

Task<void> DffEngine::settle(ContextKey key, Context& context, Settings settings) {
  auto& state = ContextAccess::state(context);
  const auto pending = state.pending;
  if (pending->place != place_of(key)) {
    throw Failure{errc::outcome_unknown,
                  "an earlier save of this context under another key or to another storage has no "
                  "known outcome; save it there first"};
  }
  const auto& value = pending->request->rows.front();
  const auto result =
      co_await values_.swap(key.text(), pending->request->base, value, true, settings.deadline);
  state.pending = nullptr;
  if (result.answer == SwapAnswer::conflict) {
    state.in_doubt = true;
    report_conflict(result);
  }
  auto changes = std::move(state.changes);
  set_stored(key, context, value_digest(value));
  state.changes = std::move(changes);
}

Task<std::string> DffEngine::after_conflict(ContextKey key, Context& context, SaveMode mode,
                                            SwapResult result, Settings settings) {
  if (result.unanswered_copy) report_conflict(result);
  const auto& state = ContextAccess::state(context);
  const bool is_there = !result.found.empty();
  if (mode == SaveMode::create && is_there) {
    throw Failure{errc::already_exists, "a context is stored under this key already"};
  }
  const bool is_known_here = state.stored_under == place_of(key) && mode == SaveMode::set;
  // Never loaded from here: it takes the place of whatever is stored.
  if (!is_known_here || settings.on_conflict == ConflictPolicy::overwrite) {
    const auto value = co_await values_.get(key.text(), false, settings.deadline);
    if (value && !is_dff_value(*value)) throw foreign_value();
    co_return value ? value_digest(*value) : std::string();
  }
  // Looked for and not found before: what came since has no common past to merge with.
  if (settings.on_conflict == ConflictPolicy::fail || !state.position || !is_there) {
    report_conflict(result);
  }
  auto theirs = co_await read_context(key, false, settings);
  if (!theirs) {
    result.found.clear();
    report_conflict(result);
  }
  auto& stored = ContextAccess::state(*theirs);
  auto digest = digest_of(stored.position->version.token);
  format::merge(state, stored);
  stored.saving = true;
  stored.merged = true;
  context = std::move(*theirs);
  co_return digest;
}

Task<std::int64_t> DffEngine::do_append(ContextKey key, Turn turn, Settings settings) {
  if (!turn.label && !turn.request && !turn.response) {
    throw Failure{errc::invalid_argument, "the turn to append has no part"};
  }
  for (int round = 0;; ++round) {
    check_round(round);
    auto context = co_await read_context(key, false, settings);
    if (!context) throw Failure{errc::key_not_found, "no context is stored under this key"};
    auto expected = digest_of(ContextAccess::state(*context).position->version.token);
    const auto index = next_turn(*context);
    if (turn.label) context->set_label(index, *turn.label);
    if (turn.request) context->set_request(index, *turn.request);
    if (turn.response) context->set_response(index, *turn.response);
    const auto result = co_await send(key, *context, std::move(expected), settings);
    if (result.answer == SwapAnswer::done) co_return index;
    if (result.unanswered_copy) report_conflict(result);
  }
}

Task<bool> DffEngine::do_erase(ContextKey key, Settings settings) {
  key.check();
  for (int round = 0;; ++round) {
    check_round(round);
    const auto value = co_await values_.get(key.text(), false, settings.deadline);
    if (!value) co_return false;
    if (!is_dff_value(*value)) throw foreign_value();
    auto expected = value_digest(*value);
    std::string nothing;
    const auto result = co_await values_.swap(key.text(), std::move(expected), std::move(nothing),
                                              false, settings.deadline);
    if (result.answer == SwapAnswer::done) co_return true;
    if (result.unanswered_copy) {
      throw Failure{errc::outcome_unknown,
                    "others saved the context while it was being deleted; an earlier copy of this "
                    "delete may have been applied before that"};
    }
  }
}

// ---- reading turns
// -------------------------------------------------------------------------------

Task<std::vector<Turn>> DffEngine::do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                                 Settings settings) {
  const auto context = co_await read_context(key, false, settings);
  if (!context) throw Failure{errc::key_not_found, "no context is stored under this key"};
  std::vector<Turn> turns;
  for (const auto index : context->turn_indices()) {
    if (index < from || index >= to) continue;
    if (auto turn = context->turn(index)) turns.push_back(std::move(*turn));
  }
  co_return turns;
}

Task<TurnUpdate> DffEngine::do_wait_turns(ContextKey key, std::int64_t from, Settings settings) {
  constexpr std::chrono::milliseconds longest_pause{500};
  std::chrono::milliseconds between{20};
  TurnUpdate update;
  update.next_index = from;
  for (;;) {
    const auto context = co_await read_context(key, false, settings);
    if (context && next_turn(*context) > from) {
      for (const auto index : context->turn_indices()) {
        if (index >= from) update.turns.push_back(*context->turn(index));
      }
      update.next_index = next_turn(*context);
      co_return update;
    }
    if (Clock::now() + between >= settings.deadline) co_return update;
    co_await pause(between, settings.deadline);
    throw_if_cancelled(co_await this_flow::is_cancelled);
    between = std::min(between * 2, longest_pause);
  }
}

// ---- listing
// -------------------------------------------------------------------------------------

Task<std::uint64_t> DffEngine::do_count(Settings settings) {
  const auto report = co_await do_check(false, settings);
  co_return report.contexts;
}

Task<std::uint64_t> DffEngine::do_clear(Settings settings) {
  std::uint64_t removed = 0;
  std::string cursor;
  do {
    auto page = co_await values_.scan(std::move(cursor), walk_count, settings.deadline);
    cursor = std::move(page.cursor);
    for (auto& [key, value] : page.values) {
      std::string nothing;
      auto expected = value_digest(value);
      const auto result = co_await values_.swap(std::move(key), std::move(expected),
                                                std::move(nothing), false, settings.deadline);
      // One that was saved meanwhile stays, as one that was created meanwhile may.
      if (result.answer == SwapAnswer::done) ++removed;
    }
  } while (!cursor.empty());
  co_return removed;
}

Task<ScanPage> DffEngine::do_scan(std::string cursor, ScanOptions scan, Settings settings) {
  if (scan.order != ScanOrder::any) {
    throw Failure{errc::invalid_argument,
                  "layout=dff does not know which context was used last; scan in any order"};
  }
  ScanPage out;
  out.cursor = std::move(cursor);
  do {
    auto page = co_await values_.scan(std::move(out.cursor), scan.page_size, settings.deadline);
    out.cursor = std::move(page.cursor);
    for (auto& [key, value] : page.values) out.keys.emplace_back(std::move(key));
  } while (out.keys.empty() && !out.cursor.empty());
  co_return out;
}

// SCAN may show a key twice, so keys are remembered.
Task<CheckReport> DffEngine::do_check(bool /*repair*/, Settings settings) {
  CheckReport report;
  std::set<std::string> seen;
  std::string cursor;
  do {
    auto page = co_await values_.scan(std::move(cursor), walk_count, settings.deadline);
    cursor = std::move(page.cursor);
    for (auto& [key, value] : page.values) report.contexts += seen.insert(std::move(key)).second;
    for (auto& key : page.damaged) {
      if (!seen.insert(key).second) continue;
      report.damaged.emplace_back(ContextKey(std::move(key)).printable(),
                                  "begins as a context of DFF and cannot be read as one");
    }
  } while (!cursor.empty());
  co_return report;
}

Task<Statistics> DffEngine::do_statistics(Settings settings) {
  Statistics out;
  out.emplace_back("backend", "redis");
  out.emplace_back("layout", "dff");
  out.emplace_back("contexts", std::to_string(co_await do_count(settings)));
  const auto links = client_->statistics();
  out.emplace_back("connections", std::to_string(links.connections));
  out.emplace_back("requests", std::to_string(links.requests));
  co_return out;
}

}  // namespace dialogstore::redis
