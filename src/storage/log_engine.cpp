// The door: settings, limits and the bridge for each operation, and what the rooms behind share.
#include "storage/log_engine.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/random.hpp"
#include "dialogstore/limits.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore {

namespace {
constexpr std::size_t largest_scan_page = 100'000;
}

LogEngine::LogEngine(std::unique_ptr<IoThread> thread, std::unique_ptr<RowLog> rows,
                     const StorageOptions& options)
    : bridge_(std::make_shared<CallBridge>(std::move(thread))),
      rows_(std::move(rows)),
      options_(options) {
  log_options_.seal_after = options.seal_after;
  log_options_.compression_level = options.compression_level;
  if (options.cache > 0) cache_.emplace(options.cache, options.history);
}

std::shared_ptr<StorageEngine> make_log_engine(std::unique_ptr<IoThread> thread,
                                               std::unique_ptr<RowLog> rows,
                                               const StorageOptions& options) {
  return std::make_shared<LogEngine>(std::move(thread), std::move(rows), options);
}

Settings LogEngine::resolve(const CallOptions& call, Clock::time_point start) const {
  const auto timeout = call.timeout.value_or(options_.timeout);
  if (timeout < limits::timeout_min || timeout > limits::timeout_max) {
    throw Failure{errc::invalid_argument,
                  "timeout " + std::to_string(timeout.count()) + " ms is not between " +
                      std::to_string(limits::timeout_min.count()) + " and " +
                      std::to_string(limits::timeout_max.count())};
  }
  return {.deadline = start + timeout,
          .on_conflict = call.on_conflict.value_or(options_.on_conflict),
          .history = call.history.value_or(options_.history)};
}

std::string LogEngine::place_of(const ContextKey& key) const {
  return rows_->identity() + '\n' + key.text();
}

void LogEngine::expect_absent(const ContextKey& key, Context& context) const {
  auto& state = ContextAccess::state(context);
  if (!state.position && !state.pending) state.stored_under = place_of(key);
}

bool LogEngine::runs_in_this_thread() const noexcept {
  return bridge_->runs_in_this_thread();
}

asio::any_io_executor LogEngine::executor() const {
  return bridge_->executor();
}

void LogEngine::close() {
  bridge_->close([self = shared_from_this(), this] { rows_->close(); });
}

namespace {

/// Gives a call cancellation under its own control: it shows where a step asks for it, never as an
/// exception in the middle of a save.
template <class Work>
auto controlled(Work work) -> decltype(work()) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await work();
}

}  // namespace

template <class... Results, class Work>
void LogEngine::launch(const char* operation, std::string key, const CallOptions& call,
                       Handler<Results...> handler, Work work) {
  // The deadline runs from the call, not from when the thread gets to it.
  auto begin = [this, call, start = Clock::now(), work = std::move(work)]() mutable {
    return controlled([this, call, start, work = std::move(work)]() mutable {
      return work(resolve(call, start));
    });
  };
  bridge_->run(shared_from_this(), operation, std::move(key), std::move(begin), std::move(handler));
}

void LogEngine::contains(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("contains", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_contains(key, settings); });
}

void LogEngine::load(ContextKey key, CallOptions call, Handler<std::optional<Context>> handler) {
  launch("get_item", key.text(), call, std::move(handler), [this, key](Settings settings) {
    return do_load(key, settings, options_.ttl.count() > 0 && options_.ttl_on_read);
  });
}

void LogEngine::save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
                     Handler<> handler) {
  launch(mode == SaveMode::create ? "create" : "set_item", key.text(), call, std::move(handler),
         [this, key, &context, mode](Settings settings) {
           return do_save(key, context, mode, settings);
         });
}

void LogEngine::append(ContextKey key, Turn turn, CallOptions call, Handler<std::int64_t> handler) {
  launch("append", key.text(), call, std::move(handler),
         [this, key, turn = std::move(turn)](Settings settings) {
           return do_append(key, turn, settings);
         });
}

void LogEngine::erase(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("del_item", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_erase(key, settings); });
}

void LogEngine::load_turns(ContextKey key, std::int64_t from, std::int64_t to, CallOptions call,
                           Handler<std::vector<Turn>> handler) {
  launch(
      "load_turns", key.text(), call, std::move(handler),
      [this, key, from, to](Settings settings) { return do_load_turns(key, from, to, settings); });
}

void LogEngine::wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                           Handler<TurnUpdate> handler) {
  launch("watch", key.text(), call, std::move(handler),
         [this, key, from](Settings settings) { return do_wait_turns(key, from, settings); });
}

void LogEngine::count(CallOptions call, Handler<std::uint64_t> handler) {
  launch("len", {}, call, std::move(handler),
         [this](Settings settings) { return rows_->count(settings.deadline); });
}

void LogEngine::clear(CallOptions call, Handler<std::uint64_t> handler) {
  launch("clear", {}, call, std::move(handler),
         [this](Settings settings) { return do_clear(settings); });
}

void LogEngine::scan(std::string cursor, ScanOptions options, CallOptions call,
                     Handler<ScanPage> handler) {
  launch("scan", {}, call, std::move(handler),
         [this, cursor = std::move(cursor), options](Settings settings) {
           if (options.page_size < 1 || options.page_size > largest_scan_page) {
             throw Failure{errc::invalid_argument,
                           "page_size is not between 1 and " + std::to_string(largest_scan_page)};
           }
           return rows_->scan(cursor, options, settings.deadline);
         });
}

void LogEngine::check(bool repair, CallOptions call, Handler<CheckReport> handler) {
  launch("check", {}, call, std::move(handler),
         [this, repair](Settings settings) { return do_check(repair, settings); });
}

void LogEngine::statistics(CallOptions call, Handler<Statistics> handler) {
  launch("statistics", {}, call, std::move(handler),
         [this](Settings settings) { return rows_->statistics(settings.deadline); });
}

// ---- what the rooms share -----------------------------------------------------------------------

asio::awaitable<void> throw_if_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw Failure{errc::canceled, "the caller cancelled"};
  }
}

asio::awaitable<void> pause(std::chrono::milliseconds time, Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           std::min(Clock::now() + time, deadline));
  // An aborted wait is an early end; the caller's next step sees the cancellation.
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> pause_between_rounds(int round, Deadline deadline) {
  constexpr int quick_rounds = 2;
  constexpr int longest_shift = 6;
  if (round < quick_rounds) co_return;
  std::array<std::uint8_t, 1> random{};
  fill_random(random);
  const int range = 1 << std::min(round, longest_shift);
  co_await pause(std::chrono::milliseconds(1 + random[0] % range), deadline);
}

Token new_token() {
  Token token{};
  fill_random(token);
  return token;
}

}  // namespace dialogstore
