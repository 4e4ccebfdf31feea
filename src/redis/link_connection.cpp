// The life of a connection: attempts with pauses between them, setup, reading and writing, the end.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "flow/wait_on.hpp"
#include "redis/link_core.hpp"

namespace dialogstore::redis {
namespace {

using boost::system::error_code;

// One write takes this much, and at least one request: more would only delay the first reply.
constexpr std::size_t write_bytes = 256U << 10;
// What one unusually large write may leave behind.
constexpr std::size_t kept_output_bytes = 1U << 20;

LinkFailure unasked_reply() {
  return {errc::protocol_error, false, "the server sent a reply to nothing that was asked"};
}

bool is_push(const Reply& reply) {
  return reply.root().kind == ReplyKind::push;
}

std::string name_of(const Endpoint& endpoint) {
  return endpoint.unix_path.empty() ? endpoint.host + ":" + std::to_string(endpoint.port)
                                    : endpoint.unix_path;
}

// Before the first answer a failure of TLS is the server's refusal of our certificate; later it is
// a connection that broke.
LinkFailure loss_of(const Session& session, const error_code& error) {
  LinkFailure failure = session.transport.failure_of(error);
  if (session.has_answered) {
    failure.code = errc::unavailable;
  }
  return failure;
}

LinkFailure closed_by_us() {
  return {errc::closed, false, "the link was closed"};
}

}  // namespace

void IoDone::operator()(error_code error, std::size_t bytes) const {
  (*core.*step)(*session, error, bytes);
}

void LinkCore::connect_if_needed() {
  if (state_ != State::idle || waiting_.empty()) {
    return;
  }
  state_ = State::connecting;
  spawn(executor_, connect(shared_from_this()));
}

// One attempt after another, until one succeeds or nobody waits any more.
Task<void> LinkCore::connect(std::shared_ptr<LinkCore> self) {
  while (true) {
    self->pause_timer_.expires_at(self->next_attempt_);
    co_await wait_on(&self->pause_timer_);
    if (self->state_ == State::closed) {
      co_return;
    }
    if (self->waiting_.empty()) {
      self->state_ = State::idle;
      co_return;
    }
    auto session = std::make_shared<Session>(self->executor_, self->settings_.max_reply_bytes);
    self->session_ = session;
    LinkFailure failure = co_await attempt(self, session);
    if (self->state_ == State::closed) {
      co_return;
    }
    if (failure.ok()) {
      self->start_serving();
      co_return;
    }
    session->transport.close();
    self->session_.reset();
    self->on_attempt_failed(std::move(failure));
  }
}

Task<LinkFailure> LinkCore::attempt(std::shared_ptr<LinkCore> self,
                                    std::shared_ptr<Session> session) {
  const auto deadline = Clock::now() + self->settings_.connect_timeout;
  session->phase = "connecting to " + name_of(self->settings_.endpoint);
  asio::steady_timer timer(self->executor_, deadline);
  timer.async_wait([session](error_code aborted) {
    if (!aborted) {
      session->timed_out = true;
      session->transport.close();
    }
  });
  LinkFailure failure;
  try {
    failure = co_await session->transport.open(self->settings_, deadline);
    if (failure.ok()) {
      failure = co_await set_up(self, session);
    }
  } catch (const std::exception& error) {
    // Out of memory or out of descriptors: the next attempt may fare better.
    failure = {errc::unavailable, false, error.what()};
  }
  timer.cancel();
  if (session->timed_out && !failure.definitive) {
    failure = {errc::unavailable, false,
               session->phase + ": no answer within " +
                   std::to_string(self->settings_.connect_timeout.count()) + " ms"};
  }
  co_return failure;
}

// One step at a time: what follows a refused step must never reach the server.
Task<LinkFailure> LinkCore::set_up(std::shared_ptr<LinkCore> self,
                                   std::shared_ptr<Session> session) {
  for (const SetupStep& step : setup_steps(self->settings_)) {
    session->phase = std::string(name_of(step.kind));
    LinkFailure failure = co_await ask(self, session, step);
    if (!failure.ok()) {
      co_return failure;
    }
  }
  LinkFailure failure;
  if (self->settings_.confirm) {
    session->phase = "confirming the server";
    std::string objection = co_await self->settings_.confirm();
    if (!objection.empty()) {
      failure.code = errc::unavailable;
      failure.detail = std::move(objection);
    }
  }
  co_return failure;
}

Task<LinkFailure> LinkCore::ask(std::shared_ptr<LinkCore> self, std::shared_ptr<Session> session,
                                const SetupStep& step) {
  const auto in_step = [&step](LinkFailure failure) {
    failure.detail = std::string(name_of(step.kind)) + ": " + failure.detail;
    return failure;
  };
  const IoResult written = co_await session->transport.write(asio::buffer(step.request));
  if (self->state_ == State::closed) {
    co_return closed_by_us();
  }
  self->statistics_.bytes_sent += written.bytes;
  if (written.error) {
    co_return in_step(session->transport.failure_of(written.error));
  }
  std::vector<Reply> replies;
  while (replies.empty()) {
    const IoResult got = co_await session->transport.read(asio::buffer(session->input));
    if (self->state_ == State::closed) {
      co_return closed_by_us();
    }
    if (got.error) {
      co_return in_step(session->transport.failure_of(got.error));
    }
    self->statistics_.bytes_received += got.bytes;
    if (!session->reader.feed({session->input.data(), got.bytes}, replies)) {
      co_return in_step({session->reader.failure(), true, session->reader.detail()});
    }
    if (self->settings_.tracking) {
      std::erase_if(replies, is_push);  // nothing was read yet that it could be about
    }
  }
  LinkFailure failure = judge_setup_reply(step, replies.front().root(), self->settings_);
  if (failure.ok() && (is_push(replies.front()) || replies.size() > 1)) {
    failure = unasked_reply();
    failure.definitive = true;
  }
  co_return failure;
}

void LinkCore::on_attempt_failed(LinkFailure failure) {
  last_failure_ = std::move(failure);
  postpone_next_attempt();
  if (last_failure_.definitive || settings_.fails_fast) {
    fail_waiting(last_failure_.code, last_failure_.detail);
  }
}

// Doubles up to the limit; a random half, so that many clients do not come back together.
void LinkCore::postpone_next_attempt() {
  pause_ = std::clamp(pause_ * 2, settings_.reconnect_min, settings_.reconnect_max);
  const auto half = pause_.count() / 2;
  std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(0, half);
  next_attempt_ = Clock::now() + std::chrono::milliseconds(pause_.count() - jitter(random_));
}

void LinkCore::start_serving() {
  state_ = State::up;
  last_failure_ = {};
  strikes_ = 0;
  ++statistics_.connections;
  read_more();
  flush();
}

void LinkCore::read_more() {
  session_->transport.async_read(asio::buffer(session_->input),
                                 IoDone{shared_from_this(), session_, &LinkCore::on_read});
}

void LinkCore::on_read(Session& session, error_code error, std::size_t bytes) {
  if (&session != session_.get()) {
    return;  // of a connection that was given up meanwhile
  }
  if (error) {
    lose(loss_of(session, error));
    return;
  }
  statistics_.bytes_received += bytes;
  strikes_ = 0;
  const bool is_sound = session.reader.feed({session.input.data(), bytes}, replies_);
  if (!take_replies()) {
    lose(unasked_reply());
  } else if (!is_sound) {
    lose({session.reader.failure(), false, session.reader.detail()});
  } else {
    read_more();
  }
  deliver();
}

// False when something came that answers nothing.
bool LinkCore::take_replies() {
  std::size_t taken = 0;
  for (; taken < replies_.size(); ++taken) {
    // In their turn: what is told before a reply came about before the request was executed.
    if (is_push(replies_[taken])) {
      if (!take_push(replies_[taken].root())) break;
      continue;
    }
    if (in_flight_.empty()) break;
    Request& request = in_flight_.front();
    heard_ = request.submitted;
    session_->has_answered = true;
    pause_ = {};
    if (request.replies > 1) {
      --request.replies;
      request.earlier.push_back(std::move(replies_[taken]));
      continue;
    }
    ExecResult result;
    result.reply = std::move(replies_[taken]);
    result.earlier = std::move(request.earlier);
    finish(in_flight_.front(), std::move(result));
    release(in_flight_, in_flight_.begin());
  }
  const bool all = taken == replies_.size();
  replies_.clear();
  return all;
}

// False when nobody asked to be told.
bool LinkCore::take_push(const ReplyNode& push) {
  const auto* tracking = settings_.tracking.get();
  if (tracking == nullptr) return false;
  const bool is_about_keys = push.elements.size() == 2 && push.elements[0].text == "invalidate";
  if (!is_about_keys) return true;
  const ReplyNode& names = push.elements[1];
  if (names.kind != ReplyKind::array) {
    tracking->lost();  // the whole database was emptied
  }
  for (const ReplyNode& name : names.elements) tracking->changed(name.text);
  return true;
}

void LinkCore::stop_hearing() {
  if (std::exchange(heard_, never_heard) != never_heard && settings_.tracking) {
    settings_.tracking->lost();
  }
}

// Behind everything that is ready to run now: what other callers add until then goes along.
void LinkCore::flush_later() {
  if (is_flush_posted_ || session_->is_writing) {
    return;
  }
  is_flush_posted_ = true;
  asio::post(executor_, [self = shared_from_this()] {
    self->is_flush_posted_ = false;
    self->flush();
  });
}

void LinkCore::flush() {
  if (state_ != State::up || session_->is_writing) {
    return;
  }
  Session& session = *session_;
  while (!waiting_.empty()) {
    take_output(session);
    ++statistics_.writes;
    const auto sent = session.transport.write_at_once(session.output);
    statistics_.bytes_sent += sent;
    if (sent < session.output.size()) {
      session.is_writing = true;
      session.transport.async_write(asio::buffer(session.output) + sent,
                                    IoDone{shared_from_this(), session_, &LinkCore::on_written});
      return;
    }
    drop_output(session);
  }
}

void LinkCore::take_output(Session& session) {
  while (!waiting_.empty() && session.output.size() < write_bytes) {
    Request& request = waiting_.front();
    if (session.output.empty() && request.size >= write_bytes) {
      session.output = std::move(request.bytes);
    } else {
      session.output += request.bytes;
    }
    request.bytes = std::string();
    queued_bytes_ -= request.size;
    request.is_in_flight = true;
    in_flight_.splice(in_flight_.end(), waiting_, waiting_.begin());
    ++statistics_.requests;
  }
}

void LinkCore::drop_output(Session& session) {
  session.output.clear();
  if (session.output.capacity() > kept_output_bytes) {
    session.output = std::string();
  }
}

void LinkCore::on_written(Session& session, error_code error, std::size_t bytes) {
  statistics_.bytes_sent += bytes;
  if (&session != session_.get()) {
    return;
  }
  session.is_writing = false;
  drop_output(session);
  if (error) {
    lose(loss_of(session, error));
    return;
  }
  flush();
}

// What was written may have been executed, and is never written again: its callers must find out.
// What was not waits for the next connection.
void LinkCore::lose(const LinkFailure& failure) {
  const auto session = std::exchange(session_, nullptr);
  session->transport.close();
  stop_hearing();
  state_ = State::idle;
  last_failure_ = {errc::unavailable, false, failure.detail};
  next_attempt_ = Clock::now();
  if (!session->has_answered) {
    postpone_next_attempt();  // it accepts connections, and that is all it does
  }
  bool is_first = true;
  while (!in_flight_.empty()) {
    ExecResult result;
    // Only the reply that was being read is known to be too large.
    result.failure =
        failure.code == errc::too_large && !is_first ? errc::unavailable : failure.code;
    result.sent = Sent::maybe;
    result.detail = failure.detail;
    finish(in_flight_.front(), std::move(result));
    release(in_flight_, in_flight_.begin());
    is_first = false;
  }
  arm_deadline();
  deliver_later();
  connect_if_needed();
}

}  // namespace dialogstore::redis
