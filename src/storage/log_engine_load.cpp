// Reading: one command for a load, and a second only when the keyframe lies further back than
// usual.
#include <algorithm>
#include <span>

#include "dialogstore/limits.hpp"
#include "flow/together.hpp"
#include "storage/log_engine.hpp"

namespace dialogstore {

namespace {

constexpr std::chrono::milliseconds first_watch_pause{5};
constexpr std::chrono::milliseconds longest_watch_pause{200};
/// Contexts of which a check has all rows in memory at a time, and how many bytes of them, unless a
/// single one has more.
constexpr std::size_t checks_at_once = 16;
constexpr std::uint64_t checked_bytes_at_once = 64U << 20U;
constexpr int largest_windows = 8;  ///< a log that grows faster than we read it this often is busy

std::string where(std::size_t row, const std::string& why) {
  return "row " + std::to_string(row) + ": " + why;
}

bool has_no_pages(const LogPosition& position, const Rows& log) {
  return log.rows.size() == std::size_t{position.keyframe_distance} + 1;
}

/// How many contexts from this one on may be in memory together.
std::size_t fitting_together(std::span<const std::uint64_t> sizes) {
  std::uint64_t room = checked_bytes_at_once;
  std::size_t count = 0;
  while (count < std::min(checks_at_once, sizes.size()) && sizes[count] <= room) {
    room -= sizes[count++];
  }
  return std::max<std::size_t>(count, 1);
}

std::optional<Turn> parsed(const Context& context, std::int64_t index, std::int64_t from,
                           std::int64_t to) {
  if (index < from || index >= to) return std::nullopt;
  return context.turn(index);
}

}  // namespace

Task<std::optional<format::RowHeader>> LogEngine::last_row(ContextKey key, bool opens,
                                                           Settings settings) {
  Rows read = co_await rows_->read(key, 1, false, settings.deadline);
  if (read.rows.empty()) co_return std::nullopt;
  if (opens) open(key, read, false);
  format::RowView row;
  const auto fault = format::decode_row(read.rows.back(), row);
  if (fault == format::RowFault::newer_format) {
    throw Failure{errc::unsupported_format, "a newer version of this library wrote this context"};
  }
  if (fault != format::RowFault::none) {
    throw Failure{errc::corrupt,
                  "the last row is damaged: " + std::string(format::describe(fault))};
  }
  const format::RowHeader header = row.header;
  if (header.kind == format::RowKind::tombstone) co_return std::nullopt;
  if (header.kind == format::RowKind::page) {
    throw Failure{errc::corrupt, "the last row is damaged: it is a page"};
  }
  co_return header;
}

Task<bool> LogEngine::do_contains(ContextKey key, Settings settings) {
  key.check();
  const auto last = co_await last_row(std::move(key), false, settings);
  co_return last.has_value();
}

Task<std::optional<Context>> LogEngine::do_load(ContextKey key, Settings settings) {
  return read_context(std::move(key), settings, options().ttl.count() > 0 && options().ttl_on_read);
}

Task<std::optional<Context>> LogEngine::read_context(ContextKey key, Settings settings,
                                                     bool refresh) {
  key.check();
  return cache_ ? read_through_cache(std::move(key), settings, refresh)
                : read_rows(std::move(key), settings, refresh);
}

Task<std::optional<Context>> LogEngine::read_through_cache(ContextKey key, Settings settings,
                                                           bool refresh) {
  if (!refresh) {
    if (cache_->find_current(key, settings.history) != nullptr) co_return cache_->give(key.text());
  }
  const auto before = cache_->mark(key.text());
  if (cache_->find(key.text(), settings.history) != nullptr) {
    auto context = co_await read_cached(key, settings, refresh);
    if (context) co_return context;
  }
  auto context = co_await read_rows(key, settings, refresh);
  if (context) cache_->put(key.text(), *context, before);
  co_return context;
}

/// Nothing when the context in the cache is not the one that is stored now.
Task<std::optional<Context>> LogEngine::read_cached(ContextKey key, Settings settings,
                                                    bool refresh) {
  const auto before = cache_->mark(key.text());
  const Rows read = co_await rows_->read(key, 1, refresh, settings.deadline);
  format::RowHeader last;
  // Asked for after the read: a save of this process may have put a newer one there meanwhile.
  const auto* known = cache_->find(key.text(), settings.history);
  if (known == nullptr || read.rows.empty() ||
      format::decode_header(read.rows.back(), last) != format::RowFault::none ||
      last.version != ContextAccess::state(*known).position->version) {
    co_return std::nullopt;
  }
  cache_->confirm(key.text(), before);
  co_return cache_->give(key.text());
}

Task<std::optional<Context>> LogEngine::read_rows(ContextKey key, Settings settings, bool refresh) {
  const bool wants_recent = settings.history == History::recent;
  std::size_t window = wants_recent ? hints_.window(key.text()) : 0;
  for (int round = 0; round < largest_windows; ++round) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    Rows read = co_await rows_->read(key, window, refresh, settings.deadline);
    const bool outdated = open(key, read, window == 0);
    Context context(Json(0));  // cheaper than a fresh random id, which replay would replace
    auto& state = ContextAccess::state(context);
    const TextSource source(read.owner);
    auto result = format::replay(read.rows, window == 0, state, source);
    if (wants_recent && window == 0 && result.error == errc::unsupported_format) {
      result =
          format::replay(read.rows, false, state, source);  // an opaque page hides no recent turn
    }
    switch (result.status) {
      case format::ReplayStatus::absent:
      case format::ReplayStatus::deleted:
        co_return std::nullopt;
      case format::ReplayStatus::loaded:
        // Fewer rows than asked for are the whole log: without pages, nothing is missing.
        if (read.rows.size() < window && has_no_pages(*state.position, read)) {
          state.position->complete = true;
        }
        if (window != 0 && !knows_numbering(state)) {
          window = 0;  // all of it
          break;
        }
        hints_.found(key.text(), *state.position);
        state.position->outdated = outdated;
        state.stored_under = place_of(key);
        co_return context;
      case format::ReplayStatus::needs_window:
        window = result.window;
        break;
      case format::ReplayStatus::failed:
        throw Failure{result.error, where(result.row, result.why)};
    }
  }
  throw Failure{errc::server_busy, "the context grows faster than it can be read"};
}

Task<std::vector<Turn>> LogEngine::do_load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                                 Settings settings) {
  settings.history = History::recent;
  auto context = co_await read_context(key, settings, false);
  if (context && !context->is_complete()) {
    const auto& unsealed = ContextAccess::state(*context).position->unsealed_turns;
    if (unsealed.empty() || from < unsealed.front()) {
      settings.history = History::all;
      context = co_await read_context(key, settings, false);
    }
  }
  if (!context) throw Failure{errc::key_not_found, "no context is stored under this key"};
  std::vector<Turn> turns;
  for (const auto index : context->turn_indices()) {
    if (auto turn = parsed(*context, index, from, to)) turns.push_back(std::move(*turn));
  }
  co_return turns;
}

/// The turns from `from` on, when the last row is not the one seen before.
Task<std::vector<Turn>> LogEngine::newer_turns(ContextKey key, std::int64_t from,
                                               std::optional<Version>& seen, Settings settings) {
  const auto last = co_await last_row(key, false, settings);
  if (!last || std::int64_t{last->next_turn} <= from || seen == last->version)
    co_return std::vector<Turn>{};
  seen = last->version;
  co_return co_await do_load_turns(std::move(key), from, limits::turn_index_max + 1, settings);
}

Task<TurnUpdate> LogEngine::do_wait_turns(ContextKey key, std::int64_t from, Settings settings) {
  key.check();
  auto between = first_watch_pause;
  std::optional<Version> seen;
  TurnUpdate update{.turns = {}, .next_index = from};
  for (bool answered = false;; answered = true) {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    try {
      update.turns = co_await newer_turns(key, from, seen, settings);
    } catch (const Failure& failure) {
      // Time that runs out while looking again is waiting in vain, not a server that is away.
      if (!answered || failure.code != errc::timed_out) throw;
      co_return update;
    }
    if (!update.turns.empty()) {
      update.next_index = update.turns.back().index + 1;
      co_return update;
    }
    // A little before the deadline, so that waiting in vain ends as an answer, not as a timeout.
    if (Clock::now() + between >= settings.deadline) co_return update;
    co_await pause(between, settings.deadline);
    between = std::min(between * 2, longest_watch_pause);
  }
}

Task<void> LogEngine::check_one(ContextKey key, CheckReport* report, Settings settings) {
  try {
    Rows read = co_await rows_->read(key, 0, false, settings.deadline);
    if (read.rows.empty()) co_return;
    open(key, read, true);
    const auto faults = format::inspect(read.rows);
    if (faults.empty()) {
      ++report->contexts;
    } else {
      report->damaged.emplace_back(key.printable(), faults.front());
    }
  } catch (const Failure& failure) {
    // What is wrong with one context is a finding; a server that is away is not.
    if (failure.code != errc::wrong_type && failure.code != errc::corrupt &&
        failure.code != errc::wrong_key) {
      throw;
    }
    report->damaged.emplace_back(key.printable(), failure.detail);
  }
}

Task<CheckReport> LogEngine::do_check(bool repair, Settings settings) {
  CheckReport report = co_await rows_->check_listing(repair, settings.deadline);
  report.contexts = 0;  // the sound ones are counted below
  std::string cursor;
  do {
    throw_if_cancelled(co_await this_flow::is_cancelled);
    const ScanPage page =
        co_await rows_->scan(std::move(cursor), {.page_size = 500}, settings.deadline);
    const auto sizes = co_await rows_->sizes(page.keys, settings.deadline);
    for (std::size_t from = 0; from < page.keys.size();) {
      const auto until = from + fitting_together(std::span(sizes).subspan(from));
      Together some(co_await this_flow::executor);
      std::exception_ptr unread;
      for (; from < until; ++from) {
        some.add(check_one(page.keys[from], &report, settings), [&](std::exception_ptr error) {
          if (error) unread = std::move(error);
        });
      }
      co_await some.all();
      if (unread) std::rethrow_exception(unread);
    }
    cursor = page.cursor;
  } while (!cursor.empty());
  co_return report;
}

}  // namespace dialogstore
