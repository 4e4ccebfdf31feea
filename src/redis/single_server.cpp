#include "redis/redis_client.hpp"
#include "redis/server_links.hpp"

namespace dialogstore::redis {
namespace {

class SingleServer final : public RedisClient {
 public:
  SingleServer(asio::any_io_executor executor, const LinkSettings& settings, unsigned connections)
      : executor_(std::move(executor)),
        blocking_settings_(blocking_link(settings)),
        turns_(connections, settings.tracking != nullptr),
        blocking_(turns_.count()) {
    for (std::size_t i = 0; i < turns_.count(); ++i) {
      links_.push_back(RedisLink::create(executor_, settings));
    }
  }

  Task<ExecResult> exec(std::uint16_t slot, std::string request,
                        Clock::time_point deadline) override {
    return links_[turns_.next(slot)]->exec(std::move(request), deadline);
  }

  Task<ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                 Clock::time_point deadline) override {
    auto& link = blocking_[turns_.next(slot)];
    if (!link) {
      link = RedisLink::create(executor_, blocking_settings_);
      if (is_closed_) link->close();
    }
    return link->exec_together(std::move(requests), count, deadline);
  }

  [[nodiscard]] Clock::time_point heard(std::uint16_t slot) const override {
    return links_[turns_.of(slot)]->heard();
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
  LinkSettings blocking_settings_;
  LinkTurns turns_;
  std::vector<std::shared_ptr<RedisLink>> links_;
  std::vector<std::shared_ptr<RedisLink>> blocking_;  ///< made when first needed
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
