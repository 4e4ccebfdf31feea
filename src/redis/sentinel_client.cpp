// The primary that Sentinels name, as a RedisClient. They are asked before the first request, and
// again whenever something shows that it may be another: a link that was lost, a replica where the
// primary should be, a server that does not answer. And once more when a connection is up, before
// anything is sent on it: between their word and the connection the server may have been deposed,
// and started again with what it had long ago. And now and then while there are requests, without
// any of them waiting: a deposed primary that was cut off from everybody but us shows nothing.
#include <functional>
#include <utility>

#include "flow/together.hpp"
#include "flow/wait_on.hpp"
#include "redis/calls.hpp"
#include "redis/cluster_router.hpp"
#include "redis/sentinel_answers.hpp"
#include "redis/server_links.hpp"
#include "redis/waiters.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::chrono::milliseconds reconnect_max{300};
// For the answers of all Sentinels; doubles as long as none answers.
constexpr std::chrono::milliseconds answer_time{500};
constexpr int most_doublings = 6;
constexpr std::chrono::milliseconds question_gap{100};
// So long at the most a deposed primary is believed that goes on as if nothing had happened.
constexpr std::chrono::milliseconds check_interval{1000};
// A server that answers nothing for two of these may not be the primary any more.
constexpr std::chrono::milliseconds pulse_interval{500};

LinkSettings fast(LinkSettings link, const ServerAddress& address) {
  link.endpoint = {address.host, address.port, {}};
  link.fails_fast = true;
  link.reconnect_max = std::min(link.reconnect_max, reconnect_max);
  return link;
}

bool is_readonly_error(const ExecResult& end) {
  const auto& reply = end.earlier.empty() ? end.reply.root() : end.earlier.front().root();
  return end.ok() && reply.kind == ReplyKind::error && reply.text.starts_with("READONLY");
}

class SentinelClient final : public RedisClient,
                             public std::enable_shared_from_this<SentinelClient> {
 public:
  SentinelClient(asio::any_io_executor executor, ClientSettings settings)
      : executor_(std::move(executor)),
        settings_(std::move(settings)),
        book_(settings_.announced),
        question_timer_(executor_),
        waiters_(executor_),
        watch_timer_(executor_) {
    for (const auto& address : settings_.servers) {
      auto link = fast(settings_.sentinel, address);
      link.require_master = false;
      sentinels_.push_back(RedisLink::create(executor_, std::move(link)));
    }
  }
  ~SentinelClient() override { close(); }

  Task<ExecResult> exec(std::uint16_t slot, std::string request,
                        Clock::time_point deadline) override {
    return exec_together(slot, std::move(request), 1, deadline);
  }
  Task<ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                 Clock::time_point deadline) override {
    return run(shared_from_this(), slot, std::move(requests), count, deadline);
  }
  [[nodiscard]] Clock::time_point heard(std::uint16_t slot) const override {
    return is_doubtful_ ? Clock::time_point::min() : primary_->heard(slot);
  }
  [[nodiscard]] std::uint64_t server_of(std::uint16_t /*slot*/) const override { return number_; }
  [[nodiscard]] bool spans_slots() const noexcept override { return true; }
  [[nodiscard]] LinkStatistics statistics() const override {
    LinkStatistics sum = gone_;
    if (primary_) add(sum, primary_->statistics());
    return sum;
  }
  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }

  void close() override {
    if (std::exchange(is_closed_, true)) return;
    question_timer_.cancel();
    watch_timer_.cancel();
    waiters_.wake();
    for (const auto& sentinel : sentinels_) sentinel->close();
    if (primary_) primary_->close();
  }

 private:
  using Self = std::shared_ptr<SentinelClient>;

  static Task<ExecResult> run(Self self, std::uint16_t slot, std::string requests, unsigned count,
                              Clock::time_point deadline);
  static Task<std::string> confirm(std::weak_ptr<SentinelClient> client, ServerAddress address);
  static Task<std::optional<ExecResult>> look_up(Self self, Clock::time_point deadline);
  void judge(ExecResult& end);
  void ask_soon();
  static Task<void> ask(Self self);
  static Task<SentinelAnswer> ask_one(Self self, std::size_t sentinel, Clock::time_point deadline);
  void take(SentinelAnswer answer);
  void watch();
  static Task<void> tend(Self self);

  asio::any_io_executor executor_;
  ClientSettings settings_;
  AddressBook book_;
  std::vector<std::shared_ptr<RedisLink>> sentinels_;

  std::shared_ptr<ServerLinks> primary_;
  ServerAddress address_;
  std::uint64_t number_ = 0;
  std::uint64_t followed_ = 0;  ///< the configuration that named it
  LinkStatistics gone_;
  std::optional<Failure> problem_;  ///< of the last question
  bool is_doubtful_ = true;
  bool is_asking_ = false;
  bool is_closed_ = false;
  int unanswered_ = 0;  ///< questions in a row that no Sentinel answered
  Clock::time_point next_question_{};
  Clock::time_point next_check_{};
  asio::steady_timer question_timer_;
  Waiters waiters_;
  bool is_watching_ = false;
  asio::steady_timer watch_timer_;
};

Task<ExecResult> SentinelClient::run(Self self, std::uint16_t slot, std::string requests,
                                     unsigned count, Clock::time_point deadline) {
  if (self->is_doubtful_ && !self->is_closed_) {
    auto stopped = co_await look_up(self, deadline);
    if (stopped) co_return std::move(*stopped);
  }
  if (self->is_closed_) co_return not_sent(errc::closed, "the storage was closed");
  if (Clock::now() >= self->next_check_) self->ask_soon();
  self->watch();
  const auto primary = self->primary_;
  const auto line = count > 1 ? Line::blocking : Line::shared;
  auto end = co_await primary->exec(slot, std::move(requests), count, deadline, line);
  self->judge(end);
  co_return end;
}

// What the call ends with when it cannot go on.
Task<std::optional<ExecResult>> SentinelClient::look_up(Self self, Clock::time_point deadline) {
  self->ask_soon();
  const bool is_woken = co_await self->waiters_.wait(deadline);
  if (co_await this_flow::is_cancelled) {
    auto cancelled = cancelled_between();
    co_return not_sent(cancelled.code, std::move(cancelled.detail));
  }
  if (self->is_closed_) co_return std::nullopt;
  if (self->problem_) co_return not_sent(self->problem_->code, self->problem_->detail);
  if (is_woken && self->primary_) co_return std::nullopt;
  co_return not_sent(errc::unavailable, "no Sentinel answered before the deadline");
}

// What a link asks for that is connected to `address`: only a question that begins then tells
// whether that is the primary.
Task<std::string> SentinelClient::confirm(std::weak_ptr<SentinelClient> client,
                                          ServerAddress address) {
  const auto self = client.lock();
  if (!self || self->is_closed_) {
    co_return std::string("the storage was closed");
  }
  const auto deadline = Clock::now() + self->settings_.link.connect_timeout;
  if (self->is_asking_) {
    static_cast<void>(co_await self->waiters_.wait(deadline));
  }
  // Connections come seldom, so that they need not keep to the pause between questions.
  self->next_question_ = Clock::now();
  self->ask_soon();
  const bool is_woken = co_await self->waiters_.wait(deadline);
  std::string objection;
  if (self->is_closed_) {
    objection = "the storage was closed";
  } else if (!is_woken) {
    objection = "no Sentinel answered in time";
  } else if (self->problem_) {
    objection = self->problem_->detail;
  } else if (self->address_ != address) {
    objection = "the Sentinels name another primary by now";
  }
  co_return objection;
}

// A request that only met the wrong server was not executed there.
void SentinelClient::judge(ExecResult& end) {
  if (is_closed_) {
    if (end.failure == errc::unavailable) end.failure = errc::closed;
    return;
  }
  const bool is_replica = end.failure == errc::read_only || is_readonly_error(end);
  if (is_replica) {
    end = not_sent(errc::unavailable,
                   "the Sentinels name " + to_text(address_) + ", which is a replica");
  }
  const bool is_away = end.failure == errc::unavailable || end.failure == errc::timed_out ||
                       end.failure == errc::protocol_error;
  if (is_away) is_doubtful_ = true;
}

void SentinelClient::ask_soon() {
  if (is_asking_ || is_closed_) return;
  is_asking_ = true;
  spawn(executor_, ask(shared_from_this()));
}

Task<void> SentinelClient::ask(Self self) {
  self->question_timer_.expires_at(self->next_question_);
  co_await wait_on(&self->question_timer_);
  if (self->is_closed_) co_return;
  const auto now = Clock::now();
  self->next_question_ = now + question_gap;
  std::vector<Task<SentinelAnswer>> works;
  for (std::size_t i = 0; i < self->sentinels_.size(); ++i) {
    works.push_back(ask_one(self, i, now + answer_time * (1 << self->unanswered_)));
  }
  const auto answers = co_await gather(std::move(works));
  self->is_asking_ = false;
  self->next_check_ = Clock::now() + check_interval;
  self->take(choose_primary(answers, self->followed_));
  self->waiters_.wake();
}

Task<SentinelAnswer> SentinelClient::ask_one(Self self, std::size_t sentinel,
                                             Clock::time_point deadline) {
  const auto& settings = self->settings_;
  const auto link = self->sentinels_[sentinel];
  auto question = sentinel_question(settings.service);
  const auto end =
      co_await link->exec_together(std::move(question), sentinel_question_commands, deadline);
  co_return read_sentinel_answer(end, settings.servers[sentinel], settings.service, self->book_);
}

void SentinelClient::take(SentinelAnswer answer) {
  if (is_closed_) return;
  problem_ = std::move(answer.failure);
  unanswered_ = answer.primary ? 0 : std::min(unanswered_ + 1, most_doublings);
  if (!answer.primary) return;
  is_doubtful_ = false;
  followed_ = answer.epoch;
  if (primary_ && *answer.primary == address_) return;
  if (primary_) {
    add(gone_, primary_->statistics());
    primary_->close();
  }
  address_ = *std::move(answer.primary);
  number_ = std::hash<std::string>{}(to_text(address_));
  auto link = fast(settings_.link, address_);
  link.confirm = [client = weak_from_this(), address = address_] {
    return confirm(client, address);
  };
  primary_ = std::make_shared<ServerLinks>(executor_, link, settings_.connections);
}

void SentinelClient::watch() {
  if (is_watching_ || is_closed_) return;
  is_watching_ = true;
  spawn(executor_, tend(shared_from_this()));
}

// As long as there are requests: a server that hangs ends none of them by itself.
Task<void> SentinelClient::tend(Self self) {
  for (;;) {
    self->watch_timer_.expires_after(pulse_interval);
    co_await wait_on(&self->watch_timer_);
    if (self->is_closed_ || !self->primary_) break;
    const auto pulse = self->primary_->take_pulse();
    if (pulse == ServerLinks::Pulse::idle) break;
    if (pulse == ServerLinks::Pulse::silent) self->ask_soon();
  }
  self->is_watching_ = false;
}

}  // namespace

std::shared_ptr<RedisClient> make_sentinel_service(asio::any_io_executor executor,
                                                   const ClientSettings& settings) {
  return std::make_shared<SentinelClient>(std::move(executor), settings);
}

}  // namespace dialogstore::redis
