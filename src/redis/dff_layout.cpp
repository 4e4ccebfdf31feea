// The door: settings and the bridge for each operation.
#include "redis/dff_layout.hpp"

#include <boost/asio/this_coro.hpp>

#include "dialogstore/limits.hpp"
#include "redis/dff_engine.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::size_t largest_scan_page = 100'000;

// Cancellation shows where a step asks for it, never as an exception in the middle of a save.
template <class Work>
auto controlled(Work work) -> decltype(work()) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await work();
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
    : bridge_(std::make_shared<CallBridge>(std::move(thread))),
      client_(client),
      values_(std::move(client), options.ttl),
      options_(options),
      identity_(std::move(identity)) {}

DffEngine::Settings DffEngine::resolve(const CallOptions& call, Clock::time_point start) const {
  const auto timeout = call.timeout.value_or(options_.timeout);
  if (timeout < limits::timeout_min || timeout > limits::timeout_max) {
    throw Failure{errc::invalid_argument, "timeout " + std::to_string(timeout.count()) +
                                              " ms is not between 1 ms and 10 minutes"};
  }
  return {start + timeout, call.on_conflict.value_or(options_.on_conflict)};
}

std::string DffEngine::place_of(const ContextKey& key) const {
  return identity_ + '\n' + key.text();
}

void DffEngine::expect_absent(const ContextKey& key, Context& context) const {
  auto& state = ContextAccess::state(context);
  if (!state.position && !state.pending) state.stored_under = place_of(key);
}

bool DffEngine::runs_in_this_thread() const noexcept {
  return bridge_->runs_in_this_thread();
}
asio::any_io_executor DffEngine::executor() const {
  return bridge_->executor();
}
void DffEngine::close() {
  bridge_->close([self = shared_from_this(), client = client_] { client->close(); });
}

template <class... Results, class Work>
void DffEngine::launch(const char* operation, std::string key, const CallOptions& call,
                       Handler<Results...> handler, Work work) {
  auto begin = [this, call, start = Clock::now(), work = std::move(work)]() mutable {
    return controlled([this, call, start, work = std::move(work)]() mutable {
      return work(resolve(call, start));
    });
  };
  bridge_->run(shared_from_this(), operation, std::move(key), std::move(begin), std::move(handler));
}

void DffEngine::contains(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("contains", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_contains(key, settings); });
}

void DffEngine::load(ContextKey key, CallOptions call, Handler<std::optional<Context>> handler) {
  launch("get_item", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_load(key, options_.ttl_on_read, settings); });
}

void DffEngine::save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
                     Handler<> handler) {
  launch(mode == SaveMode::create ? "create" : "set_item", key.text(), call, std::move(handler),
         [this, key, context = &context, mode](Settings settings) {
           return do_save(key, context, mode, settings);
         });
}

void DffEngine::append(ContextKey key, Turn turn, CallOptions call, Handler<std::int64_t> handler) {
  launch("append", key.text(), call, std::move(handler),
         [this, key, turn = std::move(turn)](Settings settings) {
           return do_append(key, turn, settings);
         });
}

void DffEngine::erase(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("del_item", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_erase(key, settings); });
}

void DffEngine::load_turns(ContextKey key, std::int64_t from, std::int64_t to, CallOptions call,
                           Handler<std::vector<Turn>> handler) {
  launch(
      "load_turns", key.text(), call, std::move(handler),
      [this, key, from, to](Settings settings) { return do_load_turns(key, from, to, settings); });
}

void DffEngine::wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                           Handler<TurnUpdate> handler) {
  launch("watch", key.text(), call, std::move(handler),
         [this, key, from](Settings settings) { return do_wait_turns(key, from, settings); });
}

void DffEngine::count(CallOptions call, Handler<std::uint64_t> handler) {
  launch("len", {}, call, std::move(handler),
         [this](Settings settings) { return do_count(settings); });
}

void DffEngine::clear(CallOptions call, Handler<std::uint64_t> handler) {
  launch("clear", {}, call, std::move(handler),
         [this](Settings settings) { return do_clear(settings); });
}

void DffEngine::scan(std::string cursor, ScanOptions options, CallOptions call,
                     Handler<ScanPage> handler) {
  launch("scan", {}, call, std::move(handler),
         [this, cursor = std::move(cursor), options](Settings settings) {
           if (options.page_size < 1 || options.page_size > largest_scan_page) {
             throw Failure{errc::invalid_argument,
                           "page_size is not between 1 and " + std::to_string(largest_scan_page)};
           }
           if (options.order != ScanOrder::any) {
             throw Failure{errc::invalid_argument,
                           "layout=dff does not know which context was used last; scan in any "
                           "order"};
           }
           return do_scan(cursor, options, settings);
         });
}

void DffEngine::check(bool /*repair*/, CallOptions call, Handler<CheckReport> handler) {
  launch("check", {}, call, std::move(handler),
         [this](Settings settings) { return do_check(settings); });
}

void DffEngine::statistics(CallOptions call, Handler<Statistics> handler) {
  launch("statistics", {}, call, std::move(handler),
         [this](Settings settings) { return do_statistics(settings); });
}

}  // namespace dialogstore::redis
