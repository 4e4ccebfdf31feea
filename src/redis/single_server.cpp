#include <algorithm>

#include "redis/redis_client.hpp"
#include "redis/server_links.hpp"

namespace dialogstore::redis {
namespace {

class SingleServer final : public RedisClient {
 public:
  SingleServer(asio::any_io_executor executor, const LinkSettings& settings, unsigned connections)
      : executor_(std::move(executor)), settings_(settings), blocking_(std::max(1U, connections)) {
    for (std::size_t i = 0; i < blocking_.size(); ++i) {
      links_.push_back(RedisLink::create(executor_, settings));
    }
  }

  Task<ExecResult> exec(std::uint16_t /*slot*/, std::string request,
                        Clock::time_point deadline) override {
    auto& link = *links_[next_];
    next_ = next_ + 1 < links_.size() ? next_ + 1 : 0;
    return link.exec(std::move(request), deadline);
  }

  Task<ExecResult> exec_together(std::uint16_t /*slot*/, std::string requests, unsigned count,
                                 Clock::time_point deadline) override {
    auto& link = blocking_[next_];
    if (!link) {
      link = RedisLink::create(executor_, settings_);
      if (is_closed_) link->close();
    }
    next_ = next_ + 1 < links_.size() ? next_ + 1 : 0;
    return link->exec_together(std::move(requests), count, deadline);
  }

  [[nodiscard]] bool spans_slots() const noexcept override { return true; }

  [[nodiscard]] LinkStatistics statistics() const override {
    LinkStatistics sum;
    for (const auto& link : links_) add(sum, link->statistics());
    for (const auto& link : blocking_) {
      if (link) add(sum, link->statistics());
    }
    return sum;
  }

  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }

  void close() override {
    is_closed_ = true;
    for (const auto* links : {&links_, &blocking_}) {
      for (const auto& link : *links) {
        if (link) link->close();
      }
    }
  }

 private:
  asio::any_io_executor executor_;
  LinkSettings settings_;
  std::vector<std::shared_ptr<RedisLink>> links_;
  std::vector<std::shared_ptr<RedisLink>> blocking_;  ///< made when first needed
  std::size_t next_ = 0;
  bool is_closed_ = false;
};

}  // namespace

Task<RedisClient::Servers> RedisClient::servers(Clock::time_point /*deadline*/) {
  Servers only;
  only.names.emplace_back();
  co_return only;
}

Task<ExecResult> RedisClient::exec_at(std::string /*server*/, std::string request,
                                      Clock::time_point deadline) {
  return exec(0, std::move(request), deadline);
}

std::shared_ptr<RedisClient> make_single_server(asio::any_io_executor executor,
                                                const LinkSettings& settings,
                                                unsigned connections) {
  return std::make_shared<SingleServer>(std::move(executor), settings, connections);
}

}  // namespace dialogstore::redis
