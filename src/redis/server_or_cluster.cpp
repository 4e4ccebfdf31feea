// One address that may be one server or a node of a cluster: the server is asked before the first
// request, over a connection of its own.
#include <utility>

#include "redis/command.hpp"
#include "redis/redis_client.hpp"

namespace dialogstore::redis {
namespace {

LinkSettings question_link(LinkSettings link) {
  link.require_master = false;  // any node of a cluster knows
  link.tracking = nullptr;
  return link;
}

class ServerOrCluster final : public RedisClient {
 public:
  ServerOrCluster(asio::any_io_executor executor, ClientSettings settings)
      : executor_(std::move(executor)),
        settings_(std::move(settings)),
        question_(RedisLink::create(executor_, question_link(settings_.link))) {}

  Task<ExecResult> exec(std::uint16_t slot, std::string request,
                        Clock::time_point deadline) override {
    if (client_) return client_->exec(slot, std::move(request), deadline);
    return exec_first(slot, std::move(request), 1, deadline);
  }

  Task<ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                 Clock::time_point deadline) override {
    if (client_) return client_->exec_together(slot, std::move(requests), count, deadline);
    return exec_first(slot, std::move(requests), count, deadline);
  }

  Task<ExecResult> exec_read(std::uint16_t slot, std::string request,
                             Clock::time_point deadline) override {
    if (client_) return client_->exec_read(slot, std::move(request), deadline);
    return exec_first(slot, std::move(request), 1, deadline);
  }

  Task<Servers> servers(Clock::time_point deadline) override {
    if (!client_) {
      auto end = co_await find_out(deadline);
      if (!end.ok()) {
        Servers none;
        none.failure = Failure{end.failure, std::move(end.detail)};
        co_return none;
      }
    }
    co_return co_await client_->servers(deadline);
  }

  Task<ExecResult> exec_at(std::string server, std::string request,
                           Clock::time_point deadline) override {
    // Nobody has a server's name before it was asked for.
    return client_ ? client_->exec_at(std::move(server), std::move(request), deadline)
                   : exec_first(0, std::move(request), 1, deadline);
  }

  [[nodiscard]] std::uint64_t server_of(std::uint16_t slot) const override {
    return client_ ? client_->server_of(slot) : 0;
  }
  [[nodiscard]] Clock::time_point heard(std::uint16_t slot) const override {
    return client_ ? client_->heard(slot) : Clock::time_point::min();
  }
  [[nodiscard]] bool spans_slots() const noexcept override {
    return client_ && client_->spans_slots();
  }
  [[nodiscard]] LinkStatistics statistics() const override {
    return client_ ? client_->statistics() : LinkStatistics();
  }
  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }

  void close() override {
    question_->close();
    if (client_) client_->close();
  }

 private:
  Task<ExecResult> exec_first(std::uint16_t slot, std::string requests, unsigned count,
                              Clock::time_point deadline) {
    auto end = co_await find_out(deadline);
    if (!end.ok()) co_return end;
    if (count == 1) co_return co_await client_->exec(slot, std::move(requests), deadline);
    co_return co_await client_->exec_together(slot, std::move(requests), count, deadline);
  }

  // Each of the first calls asks for itself. A failure is none of its request, which was not sent.
  Task<ExecResult> find_out(Clock::time_point deadline) {
    const auto question = question_;
    auto request = encode_command({"INFO", "cluster"});
    auto end = co_await question->exec(std::move(request), deadline);
    end.sent = Sent::no;
    if (!client_ && end.ok()) {
      const auto& info = end.reply.root();
      // A user who may not ask is told by MOVED if it was one.
      const bool is_cluster = info.kind == ReplyKind::string &&
                              info.text.find("cluster_enabled:1") != std::string_view::npos;
      client_ = is_cluster ? make_cluster(executor_, settings_)
                           : make_single_server(executor_, settings_.link, settings_.connections);
    }
    if (client_) {
      question_->close();
      end.failure = errc{};
    }
    co_return end;
  }

  asio::any_io_executor executor_;
  ClientSettings settings_;
  std::shared_ptr<RedisLink> question_;
  std::shared_ptr<RedisClient> client_;
};

}  // namespace

std::shared_ptr<RedisClient> make_server_or_cluster(asio::any_io_executor executor,
                                                    const ClientSettings& settings) {
  return std::make_shared<ServerOrCluster>(std::move(executor), settings);
}

}  // namespace dialogstore::redis
