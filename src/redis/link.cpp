#include "redis/link.hpp"

#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "dialogstore/limits.hpp"
#include "redis/link_core.hpp"

namespace dialogstore::redis {
namespace {

using boost::system::error_code;

// A server that answers nothing for two deadlines in a row is gone, unless the deadlines are so
// short that even a sound server could have missed both.
constexpr int strikes_to_recycle = 2;
constexpr std::chrono::milliseconds min_silence{250};

// So much is written without waiting for what other callers add: the server works on it while they
// are still at it.
constexpr std::size_t eager_bytes = 1400;

constexpr std::size_t max_spare_requests = 1024;

ExecResult failed(errc code, Sent sent, std::string detail) {
  ExecResult result;
  result.failure = code;
  result.sent = sent;
  result.detail = std::move(detail);
  return result;
}

class Link final : public RedisLink {
 public:
  Link(asio::any_io_executor executor, LinkSettings settings)
      : core_(std::make_shared<LinkCore>(std::move(executor), std::move(settings))) {}
  ~Link() override { core_->close(); }

  Task<ExecResult> exec(std::string request, Clock::time_point deadline) override {
    return exec_together(std::move(request), 1, deadline);
  }
  Task<ExecResult> exec_together(std::string requests, unsigned count,
                                 Clock::time_point deadline) override {
    return submitted(core_, std::move(requests), count, deadline);
  }
  void close() override { core_->close(); }
  Clock::time_point heard() const override { return core_->heard(); }
  LinkStatistics statistics() const override { return core_->statistics(); }

 private:
  static Task<ExecResult> submitted(std::shared_ptr<LinkCore> core, std::string bytes,
                                    unsigned replies, Clock::time_point deadline) {
    co_return co_await operation<ExecResult>([&](auto done) {
      asio::any_io_executor executor = done.get_executor();
      if (executor == core->executor()) executor = nullptr;
      core->submit(std::move(bytes), replies, deadline, {std::move(done), std::move(executor)});
    });
  }

  std::shared_ptr<LinkCore> core_;
};

}  // namespace

std::shared_ptr<RedisLink> RedisLink::create(asio::any_io_executor executor,
                                             LinkSettings settings) {
  return std::make_shared<Link>(std::move(executor), std::move(settings));
}

// Destroyed without having been called when the execution context goes away. Every caller that
// waits is behind one of these two, so that none of their coroutines is left over.
struct LinkCore::DeadlineWait {
  std::shared_ptr<LinkCore> core;
  explicit DeadlineWait(std::shared_ptr<LinkCore> c) : core(std::move(c)) {}
  DeadlineWait(DeadlineWait&&) = default;
  ~DeadlineWait() {
    if (core) {
      core->abandon();
    }
  }
  void operator()(error_code error) {
    const auto self = std::move(core);
    if (!error) {
      self->on_deadline();
    }
  }
};

struct LinkCore::Delivery {
  std::shared_ptr<LinkCore> core;
  explicit Delivery(std::shared_ptr<LinkCore> c) : core(std::move(c)) {}
  Delivery(Delivery&&) = default;
  ~Delivery() {
    if (core) {
      core->abandon();
    }
  }
  void operator()() {
    const auto self = std::move(core);
    self->is_delivery_posted_ = false;
    self->deliver();
  }
};

LinkCore::LinkCore(asio::any_io_executor executor, LinkSettings settings)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      deadline_timer_(executor_),
      pause_timer_(executor_),
      random_(std::random_device{}()) {
  const auto set_default = [](std::size_t& value, std::size_t standard) {
    if (value == 0) {
      value = standard;
    }
  };
  set_default(settings_.max_reply_bytes, limits::reply_bytes);
  set_default(settings_.max_queued_requests, limits::queued_requests);
  set_default(settings_.max_queued_bytes, limits::queued_bytes);
}

void LinkCore::submit(std::string request, unsigned replies, Clock::time_point deadline,
                      Caller caller) {
  std::string detail;
  const auto now = Clock::now();
  if (const errc refusal = admission(request, now, deadline, detail); refusal != errc{}) {
    finished_.push_back({std::move(caller.handler), std::move(caller.executor),
                         failed(refusal, Sent::no, std::move(detail))});
    deliver_later();
    return;
  }
  enqueue(std::move(request), replies, now, deadline, std::move(caller));
  if (state_ != State::up) {
    connect_if_needed();
  } else if (queued_bytes_ >= eager_bytes) {
    flush();
  } else {
    flush_later();
  }
}

errc LinkCore::admission(const std::string& request, Clock::time_point now,
                         Clock::time_point deadline, std::string& detail) const {
  if (state_ == State::closed) {
    detail = "the link is closed";
    return errc::closed;
  }
  if (request.size() > settings_.max_queued_bytes) {
    detail = "the request is larger than " + std::to_string(settings_.max_queued_bytes) + " bytes";
    return errc::too_large;
  }
  if (waiting_.size() + in_flight_.size() >= settings_.max_queued_requests ||
      request.size() > settings_.max_queued_bytes - queued_bytes_) {
    detail = "too many requests wait for the server already";
    return errc::overloaded;
  }
  if (deadline <= now) {
    detail = "the deadline had passed before the request could be sent";
    return errc::timed_out;
  }
  return errc{};
}

void LinkCore::enqueue(std::string request, unsigned replies, Clock::time_point now,
                       Clock::time_point deadline, Caller caller) {
  if (spare_.empty()) {
    spare_.emplace_back();
    spare_.front().core = this;
    spare_.front().place = spare_.begin();
  }
  const auto added = spare_.begin();
  waiting_.splice(waiting_.end(), spare_, added);
  added->size = request.size();
  added->bytes = std::move(request);
  added->caller.emplace(std::move(caller));
  added->replies = replies;
  added->submitted = now;
  added->is_in_flight = false;
  // Mostly the last of all, as calls mostly have the same time.
  added->deadline = deadlines_.emplace_hint(deadlines_.end(), deadline, added);
  queued_bytes_ += added->size;
  added->caller->handler.flow().set_awaited(&*added);
  arm_deadline();
}

// The caller's part of a request ends; its place in a list is the business of whoever calls.
void LinkCore::finish(Request& request, ExecResult result) {
  if (!request.caller) {
    return;
  }
  deadlines_.erase(request.deadline);
  Caller& caller = *request.caller;
  caller.handler.flow().set_awaited(nullptr);
  finished_.push_back({std::move(caller.handler), std::move(caller.executor), std::move(result)});
  request.caller.reset();
}

void LinkCore::release(Requests& from, Requests::iterator request) {
  if (!request->is_in_flight) {
    queued_bytes_ -= request->size;
  }
  if (spare_.size() >= max_spare_requests) {
    from.erase(request);
    return;
  }
  request->bytes = std::string();
  request->earlier.clear();
  spare_.splice(spare_.begin(), from, request);
}

void LinkCore::cancel(Requests::iterator request) {
  const Sent sent = request->is_in_flight ? Sent::maybe : Sent::no;
  finish(*request, failed(errc::canceled, sent, "the call was cancelled"));
  if (!request->is_in_flight) {
    release(waiting_, request);
  }
  arm_deadline();
  deliver_later();
}

void LinkCore::fail_waiting(errc code, const std::string& detail) {
  while (!waiting_.empty()) {
    finish(waiting_.front(), failed(code, Sent::no, detail));
    release(waiting_, waiting_.begin());
  }
  arm_deadline();
  deliver_later();
}

// Runs callers' code, which may do anything: call exec() or close(), throw.
void LinkCore::deliver() {
  std::vector<Finished> batch = std::exchange(finished_, {});
  std::size_t next = 0;
  try {
    while (next < batch.size()) {
      Finished& one = batch[next++];
      if (!one.executor) {
        std::move(one.handler)(std::move(one.result));
      } else {
        asio::post(one.executor,
                   [handler = std::move(one.handler), result = std::move(one.result)]() mutable {
                     std::move(handler)(std::move(result));
                   });
      }
    }
  } catch (...) {
    std::move(batch.begin() + static_cast<std::ptrdiff_t>(next), batch.end(),
              std::back_inserter(finished_));
    deliver_later();
    throw;
  }
  if (finished_.empty()) {
    batch.clear();
    finished_ = std::move(batch);  // keep the memory
  }
}

void LinkCore::deliver_later() {
  if (!finished_.empty() && !is_delivery_posted_) {
    is_delivery_posted_ = true;
    asio::post(executor_, Delivery(shared_from_this()));
  }
}

void LinkCore::arm_deadline() {
  if (deadlines_.empty()) {
    // A connection that is up keeps the context busy anyway; without one nothing else should.
    if (state_ != State::up && armed_for_ != Clock::time_point::max()) {
      deadline_timer_.cancel();
      armed_for_ = Clock::time_point::max();
    }
    return;
  }
  // An answered request leaves its wait in place: one firing too early costs less than a new wait
  // for each reply.
  if (const auto first = deadlines_.begin()->first; first < armed_for_) {
    deadline_timer_.expires_at(first);
    armed_for_ = first;
    deadline_timer_.async_wait(DeadlineWait(shared_from_this()));
  }
}

void LinkCore::on_deadline() {
  armed_for_ = Clock::time_point::max();
  const auto now = Clock::now();
  const bool any = !deadlines_.empty() && deadlines_.begin()->first <= now;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    expire(deadlines_.begin()->second);
  }
  if (any && state_ == State::up) {
    check_stall();
  }
  arm_deadline();
  deliver();
}

void LinkCore::expire(Requests::iterator request) {
  if (request->is_in_flight) {
    finish(*request, failed(errc::timed_out, Sent::maybe, "no reply before the deadline"));
    return;  // keeps its place
  }
  if (state_ == State::up) {
    finish(*request, failed(errc::timed_out, Sent::no,
                            "the server took no more requests before the deadline"));
  } else if (!last_failure_.ok()) {
    finish(*request, failed(last_failure_.code, Sent::no, last_failure_.detail));
  } else {
    const std::string phase = session_ ? session_->phase : "connecting";
    finish(*request,
           failed(errc::unavailable, Sent::no, phase + ": no answer before the deadline"));
  }
  release(waiting_, request);
}

// A deadline was missed on a connection that is up. Silence since the first such miss means that
// the peer is gone: a new connection finds out, where this one would wait for ever.
void LinkCore::check_stall() {
  const auto now = Clock::now();
  if (strikes_++ == 0) {
    silent_since_ = now;
    return;
  }
  if (strikes_ >= strikes_to_recycle && now - silent_since_ >= min_silence) {
    lose({errc::unavailable, false, "the server stopped answering"});
  }
}

void LinkCore::close() {
  if (state_ == State::closed) {
    return;
  }
  const auto session = std::exchange(session_, nullptr);
  state_ = State::closed;
  if (session) {
    session->transport.close();
  }
  stop_hearing();
  pause_timer_.cancel();
  while (!in_flight_.empty()) {
    finish(in_flight_.front(), failed(errc::closed, Sent::maybe, "the link was closed"));
    release(in_flight_, in_flight_.begin());
  }
  fail_waiting(errc::closed, "the link was closed");
}

void LinkCore::abandon() noexcept {
  state_ = State::closed;
  deadlines_.clear();
  const std::vector<Finished> finished = std::move(finished_);
  Requests requests = std::move(waiting_);
  requests.splice(requests.end(), in_flight_);
  for (Request& request : requests) {
    if (request.caller) {
      request.caller->handler.flow().set_awaited(nullptr);
    }
  }
}

}  // namespace dialogstore::redis
