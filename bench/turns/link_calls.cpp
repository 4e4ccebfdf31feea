#include "link_calls.hpp"

#include <stdexcept>

#include "dialogstore/uri.hpp"
#include "run_on.hpp"

namespace dialogstore::bench {
namespace {

constexpr std::chrono::seconds deadline{60};

Task<std::shared_ptr<redis::RedisLink>> open(asio::any_io_executor executor,
                                             redis::LinkSettings settings) {
  co_return redis::RedisLink::create(std::move(executor), std::move(settings));
}

Task<void> shut(std::shared_ptr<redis::RedisLink> link) {
  link->close();
  co_return;
}

}  // namespace

LinkCalls::LinkCalls(const std::string& store) {
  const auto uri = parse_uri(store);
  redis::LinkSettings settings;
  settings.endpoint = {uri.redis.host, uri.redis.port, uri.redis.unix_path};
  settings.database = uri.redis.database;
  link_ = run_on(executor(), open(executor(), std::move(settings))).get();
}

LinkCalls::~LinkCalls() {
  run_on(executor(), shut(std::move(link_))).wait();
}

Task<redis::Reply> LinkCalls::call(std::string request) {
  auto result = co_await link_->exec(std::move(request), redis::Clock::now() + deadline);
  if (!result.ok()) throw std::runtime_error("no reply: " + result.detail);
  if (const auto& root = result.reply.root(); root.kind == redis::ReplyKind::error) {
    throw std::runtime_error(std::string(root.text));
  }
  co_return std::move(result.reply);
}

}  // namespace dialogstore::bench
