#include "redis/server_links.hpp"

#include <utility>

namespace dialogstore::redis {

void add(LinkStatistics& sum, const LinkStatistics& more) noexcept {
  sum.connections += more.connections;
  sum.requests += more.requests;
  sum.writes += more.writes;
  sum.bytes_sent += more.bytes_sent;
  sum.bytes_received += more.bytes_received;
}

LinkSettings blocking_link(LinkSettings settings) {
  settings.tracking = nullptr;
  return settings;
}

ServerLinks::ServerLinks(const asio::any_io_executor& executor, const LinkSettings& settings,
                         unsigned connections)
    : executor_(executor),
      blocking_settings_(blocking_link(settings)),
      turns_(connections, settings.tracking != nullptr),
      blocking_(turns_.count()) {
  for (std::size_t i = 0; i < turns_.count(); ++i) {
    shared_.push_back(RedisLink::create(executor, settings));
  }
}

Task<ExecResult> ServerLinks::exec(std::uint16_t slot, std::string requests, unsigned count,
                                   Clock::time_point deadline, Line line) {
  const auto self = shared_from_this();
  const auto turn = turns_.next(slot);
  auto& place = line == Line::shared ? shared_[turn] : blocking_[turn];
  if (!place) {
    place = RedisLink::create(executor_, blocking_settings_);
    if (is_closed_) place->close();
  }
  const auto link = place;
  ++waiting_;
  auto end = co_await link->exec_together(std::move(requests), count, deadline);
  --waiting_;
  ++ended_since_pulse_;
  if (end.failure == errc::closed) {
    end.failure = errc::unavailable;
    end.detail = "the server was given up: it does not answer, or has another role now";
  }
  co_return end;
}

LinkStatistics ServerLinks::statistics() const {
  LinkStatistics sum;
  for (const auto& link : shared_) add(sum, link->statistics());
  for (const auto& link : blocking_) {
    if (link) add(sum, link->statistics());
  }
  return sum;
}

void ServerLinks::close() {
  is_closed_ = true;
  for (const auto& link : shared_) link->close();
  for (const auto& link : blocking_) {
    if (link) link->close();
  }
}

ServerLinks::Pulse ServerLinks::take_pulse() noexcept {
  const bool has_ended = std::exchange(ended_since_pulse_, 0) != 0;
  const bool has_waited = std::exchange(waited_at_pulse_, waiting_) != 0;
  if (has_ended) return Pulse::alive;
  if (waiting_ == 0) return Pulse::idle;
  return has_waited ? Pulse::silent : Pulse::alive;
}

}  // namespace dialogstore::redis
