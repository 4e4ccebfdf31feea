#include "storage/coroutine_engine.hpp"

#include "dialogstore/limits.hpp"
#include "model/context_access.hpp"

namespace dialogstore {

namespace {
constexpr std::size_t largest_scan_page = 100'000;
}

CoroutineEngine::CoroutineEngine(std::unique_ptr<IoThread> thread, const StorageOptions& options)
    : bridge_(std::make_shared<CallBridge>(std::move(thread))), options_(options) {}

Settings CoroutineEngine::resolve(const CallOptions& call, Clock::time_point start) const {
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

std::string CoroutineEngine::place_of(const ContextKey& key) const {
  std::string place;
  place.reserve(identity().size() + 1 + key.text().size());
  place.append(identity()).append(1, '\n').append(key.text());
  return place;
}

bool CoroutineEngine::is_place_of(std::string_view place, const ContextKey& key) const noexcept {
  const std::string& store = identity();
  return place.size() == store.size() + 1 + key.text().size() && place[store.size()] == '\n' &&
         place.ends_with(key.text()) && place.starts_with(store);
}

void CoroutineEngine::expect_absent(const ContextKey& key, Context& context) const {
  auto& state = ContextAccess::state(context);
  if (!state.position && !state.pending) state.stored_under = place_of(key);
}

bool CoroutineEngine::runs_in_this_thread() const noexcept {
  return bridge_->runs_in_this_thread();
}

asio::any_io_executor CoroutineEngine::executor() const {
  return bridge_->executor();
}

void CoroutineEngine::close() {
  bridge_->close([self = shared_from_this(), this] { do_close(); });
}

template <class... Results, class Work>
void CoroutineEngine::launch(const char* operation, std::string key, const CallOptions& call,
                             Handler<Results...> handler, Work work) {
  // The deadline runs from the call, not from when the thread gets to it.
  auto begin = [this, call, start = Clock::now(), work = std::move(work)]() mutable {
    return work(resolve(call, start));
  };
  bridge_->run(shared_from_this(), operation, std::move(key), std::move(begin), std::move(handler));
}

void CoroutineEngine::contains(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("contains", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_contains(key, settings); });
}

void CoroutineEngine::load(ContextKey key, CallOptions call,
                           Handler<std::optional<Context>> handler) {
  std::string name = key.text();
  launch("get_item", std::move(name), call, std::move(handler),
         [this, key = std::move(key)](Settings settings) mutable {
           return do_load(std::move(key), settings);
         });
}

void CoroutineEngine::save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
                           Handler<> handler) {
  std::string name = key.text();
  launch(mode == SaveMode::create ? "create" : "set_item", std::move(name), call,
         std::move(handler),
         [this, key = std::move(key), &context, mode](Settings settings) mutable {
           return do_save(std::move(key), context, mode, settings);
         });
}

void CoroutineEngine::append(ContextKey key, Turn turn, CallOptions call,
                             Handler<std::int64_t> handler) {
  launch("append", key.text(), call, std::move(handler),
         [this, key, turn = std::move(turn)](Settings settings) {
           return do_append(key, turn, settings);
         });
}

void CoroutineEngine::erase(ContextKey key, CallOptions call, Handler<bool> handler) {
  launch("del_item", key.text(), call, std::move(handler),
         [this, key](Settings settings) { return do_erase(key, settings); });
}

void CoroutineEngine::load_turns(ContextKey key, std::int64_t from, std::int64_t to,
                                 CallOptions call, Handler<std::vector<Turn>> handler) {
  launch(
      "load_turns", key.text(), call, std::move(handler),
      [this, key, from, to](Settings settings) { return do_load_turns(key, from, to, settings); });
}

void CoroutineEngine::wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                                 Handler<TurnUpdate> handler) {
  launch("watch", key.text(), call, std::move(handler),
         [this, key, from](Settings settings) { return do_wait_turns(key, from, settings); });
}

void CoroutineEngine::count(CallOptions call, Handler<std::uint64_t> handler) {
  launch("len", {}, call, std::move(handler),
         [this](Settings settings) { return do_count(settings); });
}

void CoroutineEngine::clear(CallOptions call, Handler<std::uint64_t> handler) {
  launch("clear", {}, call, std::move(handler),
         [this](Settings settings) { return do_clear(settings); });
}

void CoroutineEngine::scan(std::string cursor, ScanOptions options, CallOptions call,
                           Handler<ScanPage> handler) {
  launch("scan", {}, call, std::move(handler),
         [this, cursor = std::move(cursor), options](Settings settings) {
           if (options.page_size < 1 || options.page_size > largest_scan_page) {
             throw Failure{errc::invalid_argument,
                           "page_size is not between 1 and " + std::to_string(largest_scan_page)};
           }
           return do_scan(cursor, options, settings);
         });
}

void CoroutineEngine::check(bool repair, CallOptions call, Handler<CheckReport> handler) {
  launch("check", {}, call, std::move(handler),
         [this, repair](Settings settings) { return do_check(repair, settings); });
}

void CoroutineEngine::statistics(CallOptions call, Handler<Statistics> handler) {
  launch("statistics", {}, call, std::move(handler),
         [this](Settings settings) { return do_statistics(settings); });
}

}  // namespace dialogstore
