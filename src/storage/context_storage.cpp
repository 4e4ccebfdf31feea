// The public face: blocking calls, batches, and the small rules that are the same for every engine.
#include "dialogstore/context_storage.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/system_executor.hpp>
#include <deque>
#include <future>
#include <mutex>

#include "flow/frame_pool.hpp"
#include "storage/completion.hpp"

namespace dialogstore {

namespace {

KeyError absent(const std::string& key) {
  return KeyError(errc::key_not_found, "get_item", key, "no context is stored under this key");
}

/// A completion that takes the place of a handler whose executor is `own`: on that, when it is one
/// of its own, else (the system's) wherever the engine completes, which may be another thread once
/// the storage is closed.
template <class... Values, class Function>
Handler<Values...> in_place_of(asio::any_completion_executor own, asio::cancellation_slot slot,
                               Function function) {
  // Dispatching to the system executor is calling at once. (An empty executor would say "none" more
  // plainly, but Boost 1.81 leaks it.)
  auto with_memory = asio::bind_allocator(FrameAllocator<void>(), std::move(function));
  if (own == asio::any_completion_executor(asio::system_executor())) {
    return asio::bind_cancellation_slot(slot, std::move(with_memory));
  }
  return asio::bind_cancellation_slot(slot,
                                      asio::bind_executor(std::move(own), std::move(with_memory)));
}

/// The same for a call that ends with another one: `function(handler, error, values…)`.
template <class... Values, class AnyHandler, class Function>
Handler<Values...> in_front_of(AnyHandler handler, Function function) {
  const auto slot = asio::get_associated_cancellation_slot(handler);
  const asio::any_completion_executor own =
      asio::get_associated_executor(handler, asio::system_executor());
  return in_place_of<Values...>(own, slot,
                                [handler = std::move(handler), function = std::move(function)](
                                    std::exception_ptr error, Values... values) mutable {
                                  function(std::move(handler), std::move(error),
                                           std::move(values)...);
                                });
}

/// Runs one asynchronous call and waits for it.
template <class Result, class Start>
Result wait_for(const StorageEngine& engine, const char* operation, const std::string& key,
                Start start) {
  if (engine.runs_in_this_thread()) {
    throw_error(errc::would_deadlock, operation, key,
                "a blocking call on the storage's own thread would wait for itself; use the "
                "asynchronous one");
  }
  // Shared with the handler: set_value may still be returning when the result is taken.
  auto promise = std::make_shared<std::promise<Result>>();
  auto future = promise->get_future();
  if constexpr (std::is_void_v<Result>) {
    start(Handler<>([promise](std::exception_ptr error) {
      error ? promise->set_exception(std::move(error)) : promise->set_value();
    }));
  } else {
    start(Handler<Result>([promise](std::exception_ptr error, Result result) {
      error ? promise->set_exception(std::move(error)) : promise->set_value(std::move(result));
    }));
  }
  return future.get();
}

/// One call made of several: collects their ends, passes a cancellation on to each of them, and
/// completes with the last.
template <class Result, class Total>
class Batch : public std::enable_shared_from_this<Batch<Result, Total>> {
 public:
  Batch(std::size_t count, Handler<Total> handler)
      : results(count),
        errors(count),
        missing_(count),
        signals_(count),
        handler_(std::move(handler)) {
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type type) {
        for (auto& signal : signals_) signal.emit(type);
      });
    }
  }

  /// The handler of call `place`; `finish(batch)` makes the total from results and errors.
  template <class... Values, class Finish>
  Handler<Values...> handler(std::size_t place, Finish finish) {
    return in_place_of<Values...>(asio::get_associated_executor(handler_, asio::system_executor()),
                                  signals_[place].slot(),
                                  [self = this->shared_from_this(), place, finish](
                                      std::exception_ptr error, Values... value) {
                                    if (self->take(place, std::move(error), std::move(value)...))
                                      self->end(finish);
                                  });
  }

  [[nodiscard]] std::exception_ptr first_error() const {
    for (const auto& error : errors) {
      if (error) return error;
    }
    return nullptr;
  }

  std::vector<Result> results;
  std::vector<std::exception_ptr> errors;

 private:
  /// True for the last one.
  template <class... Value>
  bool take(std::size_t place, std::exception_ptr error, Value... value) {
    const std::lock_guard lock(mutex_);  // the caller's executor may have several threads
    errors[place] = std::move(error);
    if constexpr (sizeof...(Value) == 1) results[place] = (std::move(value), ...);
    return --missing_ == 0;
  }
  template <class Finish>
  void end(Finish finish) {
    if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
      slot.clear();
    }
    finish(*this, std::move(handler_));
  }

  std::mutex mutex_;
  std::size_t missing_;
  std::deque<asio::cancellation_signal> signals_;
  Handler<Total> handler_;
};

}  // namespace

DBContextStorage::DBContextStorage(std::string full_path, std::shared_ptr<StorageEngine> engine)
    : full_path_(std::move(full_path)), engine_(std::move(engine)) {}

DBContextStorage::~DBContextStorage() {
  close();
}

void DBContextStorage::close() {
  engine_->close();
}

std::string_view DBContextStorage::path() const noexcept {
  const std::string_view full = full_path_;
  const auto scheme = full.find("://");
  return scheme == std::string_view::npos ? full : full.substr(scheme + 3);
}

ContextReference DBContextStorage::operator[](ContextKey key) {
  return ContextReference(*this, std::move(key));
}

void DBContextStorage::expect_absent(const ContextKey& key, Context& context) const {
  engine_->expect_absent(key, context);
}

// ---- what several calls share -------------------------------------------------------------------

void DBContextStorage::save_owned(StorageEngine& engine, ContextKey key,
                                  std::shared_ptr<Context> context, CallOptions call,
                                  Handler<> handler) {
  Context& target = *context;
  auto done = in_front_of<>(
      std::move(handler),
      [context = std::move(context)](Handler<> last, std::exception_ptr error) mutable {
        context.reset();
        std::move(last)(std::move(error));
      });
  engine.save(std::move(key), target, SaveMode::set, call, std::move(done));
}

void DBContextStorage::load_or_throw(StorageEngine& engine, ContextKey key, CallOptions call,
                                     Handler<Context> handler) {
  auto done = in_front_of<std::optional<Context>>(
      std::move(handler),
      [key](Handler<Context> last, std::exception_ptr error, std::optional<Context> found) {
        if (!error && !found) error = std::make_exception_ptr(absent(key.printable()));
        std::move(last)(std::move(error), found ? std::move(*found) : Context{});
      });
  engine.load(std::move(key), call, std::move(done));
}

void DBContextStorage::load_or_default(StorageEngine& engine, ContextKey key,
                                       std::shared_ptr<Context> otherwise, CallOptions call,
                                       Handler<Context> handler) {
  engine.expect_absent(key, *otherwise);
  auto done = in_front_of<std::optional<Context>>(
      std::move(handler),
      [otherwise = std::move(otherwise)](Handler<Context> last, std::exception_ptr error,
                                         std::optional<Context> found) {
        std::move(last)(std::move(error), found ? std::move(*found) : std::move(*otherwise));
      });
  engine.load(std::move(key), call, std::move(done));
}

void DBContextStorage::load_many(std::shared_ptr<StorageEngine> engine,
                                 std::vector<ContextKey> keys, CallOptions call,
                                 Handler<std::vector<std::optional<Context>>> handler) {
  using Found = std::optional<Context>;
  if (keys.empty()) return complete_soon(std::move(handler), nullptr, {});
  auto batch = std::make_shared<Batch<Found, std::vector<Found>>>(keys.size(), std::move(handler));
  const auto finish = [](auto& all, Handler<std::vector<Found>> last) {
    std::move(last)(all.first_error(), std::move(all.results));
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    engine->load(std::move(keys[i]), call, batch->handler<Found>(i, finish));
  }
}

void DBContextStorage::save_many(std::shared_ptr<StorageEngine> engine,
                                 std::vector<std::pair<ContextKey, Context*>> items,
                                 CallOptions call,
                                 Handler<std::vector<std::exception_ptr>> handler) {
  using Errors = std::vector<std::exception_ptr>;
  if (items.empty()) return complete_soon(std::move(handler), nullptr, {});
  auto batch = std::make_shared<Batch<char, Errors>>(items.size(), std::move(handler));
  const auto finish = [](auto& all, Handler<Errors> last) {
    std::move(last)(std::exception_ptr{}, std::move(all.errors));
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    engine->save(std::move(items[i].first), *items[i].second, SaveMode::set, call,
                 batch->handler<>(i, finish));
  }
}

void DBContextStorage::erase_many(std::shared_ptr<StorageEngine> engine,
                                  std::vector<ContextKey> keys, CallOptions call,
                                  Handler<std::uint64_t> handler) {
  if (keys.empty()) return complete_soon(std::move(handler), nullptr, 0U);
  auto batch = std::make_shared<Batch<char, std::uint64_t>>(keys.size(), std::move(handler));
  const auto finish = [](auto& all, Handler<std::uint64_t> last) {
    std::uint64_t existed = 0;
    for (const auto one : all.results) existed += one ? 1U : 0U;
    std::move(last)(all.first_error(), existed);
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    engine->erase(std::move(keys[i]), call, batch->handler<bool>(i, finish));
  }
}

// ---- blocking -----------------------------------------------------------------------------------

bool DBContextStorage::contains(const ContextKey& key, CallOptions call) {
  return wait_for<bool>(*engine_, "contains", key.printable(), [&](Handler<bool> handler) {
    engine_->contains(key, call, std::move(handler));
  });
}

void DBContextStorage::set_item(const ContextKey& key, Context& context, CallOptions call) {
  wait_for<void>(*engine_, "set_item", key.printable(), [&](Handler<> handler) {
    engine_->save(key, context, SaveMode::set, call, std::move(handler));
  });
}

void DBContextStorage::set_item(const ContextKey& key, Context&& context, CallOptions call) {
  Context owned = std::move(context);
  set_item(key, owned, call);
}

std::optional<Context> DBContextStorage::find(const ContextKey& key, CallOptions call) {
  return wait_for<std::optional<Context>>(*engine_, "get_item", key.printable(),
                                          [&](Handler<std::optional<Context>> handler) {
                                            engine_->load(key, call, std::move(handler));
                                          });
}

Context DBContextStorage::get_item(const ContextKey& key, CallOptions call) {
  auto found = find(key, call);
  if (!found) throw absent(key.printable());
  return std::move(*found);
}

Context DBContextStorage::get(const ContextKey& key, Context otherwise, CallOptions call) {
  auto found = find(key, call);
  if (found) return std::move(*found);
  engine_->expect_absent(key, otherwise);
  return otherwise;
}

bool DBContextStorage::del_item(const ContextKey& key, CallOptions call) {
  return wait_for<bool>(*engine_, "del_item", key.printable(), [&](Handler<bool> handler) {
    engine_->erase(key, call, std::move(handler));
  });
}

std::uint64_t DBContextStorage::len(CallOptions call) {
  return wait_for<std::uint64_t>(*engine_, "len", {}, [&](Handler<std::uint64_t> handler) {
    engine_->count(call, std::move(handler));
  });
}

std::uint64_t DBContextStorage::clear(CallOptions call) {
  return wait_for<std::uint64_t>(*engine_, "clear", {}, [&](Handler<std::uint64_t> handler) {
    engine_->clear(call, std::move(handler));
  });
}

void DBContextStorage::create(const ContextKey& key, Context& context, CallOptions call) {
  wait_for<void>(*engine_, "create", key.printable(), [&](Handler<> handler) {
    engine_->save(key, context, SaveMode::create, call, std::move(handler));
  });
}

std::int64_t DBContextStorage::append(const ContextKey& key, Turn turn, CallOptions call) {
  return wait_for<std::int64_t>(*engine_, "append", key.printable(),
                                [&](Handler<std::int64_t> handler) {
                                  engine_->append(key, std::move(turn), call, std::move(handler));
                                });
}

std::vector<Turn> DBContextStorage::load_turns(const ContextKey& key, std::int64_t from,
                                               std::int64_t to, CallOptions call) {
  return wait_for<std::vector<Turn>>(*engine_, "load_turns", key.printable(),
                                     [&](Handler<std::vector<Turn>> handler) {
                                       engine_->load_turns(key, from, to, call, std::move(handler));
                                     });
}

TurnUpdate DBContextStorage::watch(const ContextKey& key, std::int64_t from, CallOptions call) {
  return wait_for<TurnUpdate>(*engine_, "watch", key.printable(), [&](Handler<TurnUpdate> handler) {
    engine_->wait_turns(key, from, call, std::move(handler));
  });
}

ScanPage DBContextStorage::scan(std::string cursor, ScanOptions options, CallOptions call) {
  return wait_for<ScanPage>(*engine_, "scan", {}, [&](Handler<ScanPage> handler) {
    engine_->scan(std::move(cursor), options, call, std::move(handler));
  });
}

std::vector<std::optional<Context>> DBContextStorage::get_items(std::vector<ContextKey> keys,
                                                                CallOptions call) {
  using Found = std::vector<std::optional<Context>>;
  return wait_for<Found>(*engine_, "get_items", {}, [&](Handler<Found> handler) {
    load_many(engine_, std::move(keys), call, std::move(handler));
  });
}

std::vector<std::exception_ptr> DBContextStorage::set_items(
    std::vector<std::pair<ContextKey, Context*>> items, CallOptions call) {
  using Errors = std::vector<std::exception_ptr>;
  return wait_for<Errors>(*engine_, "set_items", {}, [&](Handler<Errors> handler) {
    save_many(engine_, std::move(items), call, std::move(handler));
  });
}

std::uint64_t DBContextStorage::del_items(std::vector<ContextKey> keys, CallOptions call) {
  return wait_for<std::uint64_t>(*engine_, "del_items", {}, [&](Handler<std::uint64_t> handler) {
    erase_many(engine_, std::move(keys), call, std::move(handler));
  });
}

CheckReport DBContextStorage::check(bool repair, CallOptions call) {
  return wait_for<CheckReport>(*engine_, "check", {}, [&](Handler<CheckReport> handler) {
    engine_->check(repair, call, std::move(handler));
  });
}

Statistics DBContextStorage::statistics(CallOptions call) {
  return wait_for<Statistics>(*engine_, "statistics", {}, [&](Handler<Statistics> handler) {
    engine_->statistics(call, std::move(handler));
  });
}

}  // namespace dialogstore
