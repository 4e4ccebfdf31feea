#include <algorithm>

#include "redis/redis_client.hpp"

namespace dialogstore::redis {
namespace {

class SingleServer final : public RedisClient {
 public:
  SingleServer(asio::any_io_executor executor, const LinkSettings& settings, unsigned connections)
      : executor_(std::move(executor)) {
    for (unsigned i = 0; i < std::max(1U, connections); ++i) {
      links_.push_back(RedisLink::create(executor_, settings));
    }
  }

  asio::awaitable<ExecResult> exec(std::uint16_t /*slot*/, std::string request,
                                   Clock::time_point deadline) override {
    return next_link().exec(std::move(request), deadline);
  }

  asio::awaitable<ExecResult> exec_together(std::uint16_t /*slot*/, std::string requests,
                                            unsigned count, Clock::time_point deadline) override {
    return next_link().exec_together(std::move(requests), count, deadline);
  }

  [[nodiscard]] bool spans_slots() const noexcept override { return true; }

  [[nodiscard]] LinkStatistics statistics() const override {
    LinkStatistics sum;
    for (const auto& link : links_) {
      const auto one = link->statistics();
      sum.connections += one.connections;
      sum.requests += one.requests;
      sum.writes += one.writes;
      sum.bytes_sent += one.bytes_sent;
      sum.bytes_received += one.bytes_received;
    }
    return sum;
  }

  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }

  void close() override {
    for (const auto& link : links_) link->close();
  }

 private:
  RedisLink& next_link() {
    auto& link = *links_[next_];
    next_ = next_ + 1 < links_.size() ? next_ + 1 : 0;
    return link;
  }

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<RedisLink>> links_;
  std::size_t next_ = 0;
};

}  // namespace

asio::awaitable<RedisClient::Servers> RedisClient::servers(Clock::time_point /*deadline*/) {
  Servers only;
  only.names.emplace_back();
  co_return only;
}

asio::awaitable<ExecResult> RedisClient::exec_at(std::string /*server*/, std::string request,
                                                 Clock::time_point deadline) {
  return exec(0, std::move(request), deadline);
}

std::shared_ptr<RedisClient> make_single_server(asio::any_io_executor executor,
                                                const LinkSettings& settings,
                                                unsigned connections) {
  return std::make_shared<SingleServer>(std::move(executor), settings, connections);
}

}  // namespace dialogstore::redis
