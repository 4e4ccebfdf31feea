#include "replay.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "interrupt.hpp"
#include "session.hpp"

namespace dialogstore::cli {
namespace {

constexpr int attempts = 5;

using Clock = std::chrono::steady_clock;

// How many turns shall be stored in the end: whole passes through the source.
std::size_t goal_of(std::size_t stored, std::size_t source, bool again) {
  if (source == 0) return stored;
  const std::size_t passes = (stored + source - 1) / source;
  const bool complete = stored > 0 && stored % source == 0;
  return source * (complete && again ? passes + 1 : std::max<std::size_t>(passes, 1));
}

// True when trying the same call with the same context again may mend this failure.
bool may_try_again(const std::exception_ptr& failure) {
  const auto code = code_of(failure);
  return is_transient(code) || is_outcome_unknown(code);
}

asio::awaitable<void> pause_before_attempt(int attempt) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(std::chrono::milliseconds(50) * (1 << attempt));
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

bool is_replay_of(const Context& stored, const Conversation& source) {
  std::size_t at = 0;
  for (const auto index : stored.turn_indices()) {
    const auto turn = stored.turn(index);
    if (source.turns.empty() || !turn) return false;
    const PlayedTurn& expected = source.turns[at++ % source.turns.size()];
    if (turn->label != expected.label || turn->request != expected.request ||
        turn->response != expected.response) {
      return false;
    }
  }
  return true;
}

Replay::Replay(DBContextStorage& storage, const std::vector<Conversation>& conversations,
               const ReplaySettings& settings, Progress& progress)
    : storage_(storage), conversations_(conversations), settings_(settings), progress_(progress) {}

ContextKey Replay::key_of(const Conversation& conversation) const {
  return ContextKey(settings_.prefix + conversation.key.text());
}

ReplayReport Replay::run() {
  const auto begin = Clock::now();
  run_concurrently(settings_.concurrency, [this] { return play_next_dialog(); });
  report_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report_.interrupted = interrupted();
  return std::move(report_);
}

asio::awaitable<bool> Replay::play_next_dialog() {
  if (next_ == conversations_.size()) co_return false;
  co_await play_dialog(conversations_[next_++]);
  co_return true;
}

asio::awaitable<void> Replay::play_dialog(const Conversation& source) {
  const ContextKey key = key_of(source);
  const auto found = co_await storage_.find_async(key, asio::use_awaitable, whole_history);
  const std::size_t stored = found ? found->turn_count() : 0;
  if (found) {
    ++report_.found;
    if (!is_replay_of(*found, source)) {
      report_.different.push_back(key.printable());
      progress_.advance(source.turns.size());
      co_return;
    }
    report_.verified_turns += stored;
    progress_.advance(std::min(stored, source.turns.size()));
  }
  const std::size_t goal = goal_of(stored, source.turns.size(), settings_.again);
  if (stored > 0 && goal > stored && !settings_.again) ++report_.resumed;
  for (std::size_t turn = stored; turn < goal; ++turn) {
    if (interrupted()) co_return;
    co_await play_turn(source, source.turns[turn % source.turns.size()]);
  }
  ++report_.dialogs;
}

asio::awaitable<void> Replay::play_turn(const Conversation& source, const PlayedTurn& turn) {
  const ContextKey key = key_of(source);
  const auto begin = Clock::now();
  Context context = co_await load(key, source.fresh_context());
  const auto indices = context.turn_indices();
  play(context, indices.empty() ? 0 : indices.back() + 1, turn);
  co_await save(key, context);
  report_.turns.add(Clock::now() - begin);
  progress_.advance();
}

asio::awaitable<Context> Replay::load(ContextKey key, Context otherwise) {
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    try {
      co_return co_await storage_.get_async(key, otherwise, asio::use_awaitable,
                                            CallOptions{.history = settings_.history});
    } catch (...) {
      failure = std::current_exception();
    }
    if (attempt == attempts || !may_try_again(failure)) std::rethrow_exception(failure);
    co_await pause_before_attempt(attempt);
  }
}

asio::awaitable<void> Replay::save(ContextKey key, Context& context) {
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    try {
      co_return co_await storage_.set_item_async(key, context);
    } catch (...) {
      failure = std::current_exception();
    }
    if (attempt == attempts || !may_try_again(failure)) std::rethrow_exception(failure);
    co_await pause_before_attempt(attempt);
  }
}

}  // namespace dialogstore::cli
