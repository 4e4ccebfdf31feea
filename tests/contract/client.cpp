#include "contract/client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

namespace dialogstore::test {
namespace {

template <class Result>
struct Promise {
  std::promise<Result> promise;
  void operator()(std::exception_ptr error, Result result) {
    if (error) {
      promise.set_exception(error);
    } else {
      promise.set_value(std::move(result));
    }
  }
};

template <>
struct Promise<void> {
  std::promise<void> promise;
  void operator()(std::exception_ptr error) {
    if (error) {
      promise.set_exception(error);
    } else {
      promise.set_value();
    }
  }
};

// The start lives in the caller's frame, which waits: no coroutine outlives it.
template <class Result, class Start>
asio::awaitable<Result> awaited(Start* start) {
  co_return co_await (*start)(asio::use_awaitable);
}

}  // namespace

struct Client::Loop {
  asio::thread_pool pool{1};
};

Client::Client(std::unique_ptr<DBContextStorage> storage, Face face)
    : loop_(face == Face::async ? std::make_unique<Loop>() : nullptr),
      storage_(std::move(storage)),
      face_(face),
      turn_(std::make_unique<std::atomic<unsigned>>(0)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

template <class Result, class Start>
Result Client::run(Start start) {
  switch (turn_->fetch_add(1) % 4) {
    case 0:
      return start(asio::use_future).get();
    case 1: {
      Promise<Result> end;
      auto future = end.promise.get_future();
      start(std::move(end));
      return future.get();
    }
    case 2:
      return asio::co_spawn(loop_->pool, awaited<Result>(&start), asio::use_future).get();
    default:
      return asio::co_spawn(storage_->get_executor(), awaited<Result>(&start), asio::use_future)
          .get();
  }
}

bool Client::contains(const ContextKey& key, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->contains(key, call);
  }
  return run<bool>(
      [&](auto token) { return storage_->contains_async(key, std::move(token), call); });
}

void Client::set_item(const ContextKey& key, Context& context, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->set_item(key, context, call);
  }
  run<void>(
      [&](auto token) { return storage_->set_item_async(key, context, std::move(token), call); });
}

void Client::set_item(const ContextKey& key, Context&& context, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->set_item(key, std::move(context), call);
  }
  run<void>([&](auto token) {
    return storage_->set_item_async(key, std::move(context), std::move(token), call);
  });
}

Context Client::get_item(const ContextKey& key, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->get_item(key, call);
  }
  return run<Context>(
      [&](auto token) { return storage_->get_item_async(key, std::move(token), call); });
}

Context Client::get(const ContextKey& key, Context otherwise, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->get(key, std::move(otherwise), call);
  }
  return run<Context>([&](auto token) {
    return storage_->get_async(key, std::move(otherwise), std::move(token), call);
  });
}

std::optional<Context> Client::find(const ContextKey& key, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->find(key, call);
  }
  return run<std::optional<Context>>(
      [&](auto token) { return storage_->find_async(key, std::move(token), call); });
}

bool Client::del_item(const ContextKey& key, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->del_item(key, call);
  }
  return run<bool>(
      [&](auto token) { return storage_->del_item_async(key, std::move(token), call); });
}

std::uint64_t Client::len(CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->len(call);
  }
  return run<std::uint64_t>(
      [&](auto token) { return storage_->len_async(std::move(token), call); });
}

std::uint64_t Client::clear(CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->clear(call);
  }
  return run<std::uint64_t>(
      [&](auto token) { return storage_->clear_async(std::move(token), call); });
}

void Client::create(const ContextKey& key, Context& context, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->create(key, context, call);
  }
  run<void>(
      [&](auto token) { return storage_->create_async(key, context, std::move(token), call); });
}

std::int64_t Client::append(const ContextKey& key, Turn turn, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->append(key, std::move(turn), call);
  }
  return run<std::int64_t>([&](auto token) {
    return storage_->append_async(key, std::move(turn), std::move(token), call);
  });
}

std::vector<Turn> Client::load_turns(const ContextKey& key, std::int64_t from, std::int64_t to,
                                     CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->load_turns(key, from, to, call);
  }
  return run<std::vector<Turn>>([&](auto token) {
    return storage_->load_turns_async(key, from, to, std::move(token), call);
  });
}

TurnUpdate Client::watch(const ContextKey& key, std::int64_t from, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->watch(key, from, call);
  }
  return run<TurnUpdate>(
      [&](auto token) { return storage_->watch_async(key, from, std::move(token), call); });
}

ScanPage Client::scan(std::string cursor, ScanOptions options, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->scan(std::move(cursor), options, call);
  }
  return run<ScanPage>([&](auto token) {
    return storage_->scan_async(std::move(cursor), options, std::move(token), call);
  });
}

std::vector<std::optional<Context>> Client::get_items(std::vector<ContextKey> keys,
                                                      CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->get_items(std::move(keys), call);
  }
  return run<std::vector<std::optional<Context>>>([&](auto token) {
    return storage_->get_items_async(std::move(keys), std::move(token), call);
  });
}

std::vector<std::exception_ptr> Client::set_items(
    std::vector<std::pair<ContextKey, Context*>> items, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->set_items(std::move(items), call);
  }
  return run<std::vector<std::exception_ptr>>([&](auto token) {
    return storage_->set_items_async(std::move(items), std::move(token), call);
  });
}

std::uint64_t Client::del_items(std::vector<ContextKey> keys, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->del_items(std::move(keys), call);
  }
  return run<std::uint64_t>([&](auto token) {
    return storage_->del_items_async(std::move(keys), std::move(token), call);
  });
}

CheckReport Client::check(bool repair, CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->check(repair, call);
  }
  return run<CheckReport>(
      [&](auto token) { return storage_->check_async(repair, std::move(token), call); });
}

Statistics Client::statistics(CallOptions call) {
  if (face_ == Face::blocking) {
    return storage_->statistics(call);
  }
  return run<Statistics>(
      [&](auto token) { return storage_->statistics_async(std::move(token), call); });
}

std::vector<std::string> Client::keys(ScanOptions options) {
  std::vector<std::string> all;
  std::string cursor;
  do {
    ScanPage page = scan(cursor, options);
    for (const ContextKey& key : page.keys) {
      all.push_back(key.text());
    }
    cursor = page.cursor;
  } while (!cursor.empty());
  return all;
}

}  // namespace dialogstore::test
