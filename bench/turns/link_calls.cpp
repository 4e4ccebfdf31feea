#include "link_calls.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <stdexcept>

#include "dialogstore/uri.hpp"

namespace dialogstore::bench {
namespace {

constexpr std::chrono::seconds deadline{60};

asio::awaitable<std::shared_ptr<redis::RedisLink>> open(asio::any_io_executor executor,
                                                        redis::LinkSettings settings) {
  co_return redis::RedisLink::create(std::move(executor), std::move(settings));
}

asio::awaitable<void> shut(std::shared_ptr<redis::RedisLink> link) {
  link->close();
  co_return;
}

}  // namespace

LinkCalls::LinkCalls(const std::string& store) {
  const auto uri = parse_uri(store);
  redis::LinkSettings settings;
  settings.endpoint = {uri.redis.host, uri.redis.port, uri.redis.unix_path};
  settings.database = uri.redis.database;
  link_ = asio::co_spawn(executor(), open(executor(), std::move(settings)), asio::use_future).get();
}

LinkCalls::~LinkCalls() {
  asio::co_spawn(executor(), shut(std::move(link_)), asio::use_future).wait();
}

asio::awaitable<redis::Reply> LinkCalls::call(std::string request) {
  auto result = co_await link_->exec(std::move(request), redis::Clock::now() + deadline);
  if (!result.ok()) throw std::runtime_error("no reply: " + result.detail);
  if (const auto& root = result.reply.root(); root.kind == redis::ReplyKind::error) {
    throw std::runtime_error(std::string(root.text));
  }
  co_return std::move(result.reply);
}

}  // namespace dialogstore::bench
