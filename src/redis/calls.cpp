#include "redis/calls.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <random>

#include "flow/together.hpp"
#include "flow/wait_on.hpp"
#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::chrono::milliseconds longest_pause{500};

Failure wrong_shape() {
  return {errc::protocol_error, "the server's reply has not the shape it should have"};
}

std::chrono::microseconds jittered(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand random(std::random_device{}());
  const auto whole = std::chrono::microseconds(pause).count();
  return std::chrono::microseconds(
      std::uniform_int_distribution<std::int64_t>(whole / 2, whole)(random));
}

ExecResult cancelled_unsent() {
  auto failure = cancelled_between();
  ExecResult unsent;
  unsent.failure = failure.code;
  unsent.detail = std::move(failure.detail);
  return unsent;
}

// To the server that the request is for; `bytes` are the request's.
Task<ExecResult> exec_on(RedisClient& client, const Request& request, std::string bytes,
                         Deadline deadline) {
  if (!request.server.empty()) return client.exec_at(request.server, std::move(bytes), deadline);
  return request.may_be_stale ? client.exec_read(request.slot, std::move(bytes), deadline)
                              : client.exec(request.slot, std::move(bytes), deadline);
}

struct Judged {
  CallEnd end;
  bool may_pass = false;  ///< another copy, later, may have a better end
};

Judged judge(ExecResult end) {
  if (!end.ok()) {
    const bool may_pass = end.failure == errc::unavailable || end.failure == errc::protocol_error;
    return {{{}, Failure{end.failure, std::move(end.detail)}}, may_pass};
  }
  const auto& root = end.reply.root();
  if (root.kind == ReplyKind::error) {
    auto error = read_server_error(root.text);
    if (error.effect == Effect::none_yet) {
      return {{{}, Failure{error.code, std::move(error.detail)}}, true};
    }
  }
  return {{std::move(end.reply), std::nullopt}, false};
}

}  // namespace

Task<bool> Backoff::pause(Deadline deadline) {
  if (co_await this_flow::is_cancelled) co_return false;
  asio::steady_timer timer(co_await this_flow::executor);
  const auto until = Clock::now() + jittered(next_);
  next_ = std::min(next_ * 2, longest_pause);
  if (until >= deadline) co_return false;
  timer.expires_at(until);
  co_return co_await wait_on(&timer);
}

Failure cancelled_between() {
  return {errc::canceled, "the call was cancelled"};
}

Task<ExecResult> Calls::exec(Request request, Deadline deadline) const {
  const auto client = client_;
  if (co_await this_flow::is_cancelled) {
    co_return cancelled_unsent();
  }
  co_return co_await exec_on(*client, request, std::move(request.bytes), deadline);
}

Task<CallEnd> Calls::try_call(Request request, Deadline deadline) const {
  const auto client = client_;
  Backoff backoff;
  bool is_sole_copy = true;
  for (;;) {
    ExecResult result;
    if (co_await this_flow::is_cancelled) {
      result = cancelled_unsent();
    } else {
      // A copy: it may have to be sent again.
      std::string bytes = request.bytes;
      result = co_await exec_on(*client, request, std::move(bytes), deadline);
    }
    const bool may_have_arrived = !result.ok() && result.sent == Sent::maybe;
    auto judged = judge(std::move(result));
    judged.end.is_sole_copy = is_sole_copy;
    is_sole_copy = is_sole_copy && !may_have_arrived;
    if (!judged.may_pass) co_return std::move(judged.end);
    const bool goes_on = co_await backoff.pause(deadline);
    if (goes_on) continue;
    if (co_await this_flow::is_cancelled) {
      judged.end.failure = cancelled_between();
    }
    co_return std::move(judged.end);
  }
}

Task<Reply> Calls::call(Request request, std::string name, Deadline deadline) const {
  auto end = co_await try_call(std::move(request), deadline);
  root_or_throw(end, name);
  co_return std::move(end.reply);
}

Task<std::vector<CallEnd>> Calls::call_all(std::vector<Request> requests, Deadline deadline) const {
  std::vector<CallEnd> ends;
  ends.reserve(requests.size());
  if (requests.size() == 1) {
    ends.push_back(co_await try_call(std::move(requests[0]), deadline));
    co_return ends;
  }
  for (std::size_t from = 0; from < requests.size(); from += max_at_once) {
    std::vector<Task<CallEnd>> works;
    for (auto i = from; i < std::min(from + max_at_once, requests.size()); ++i) {
      works.push_back(try_call(std::move(requests[i]), deadline));
    }
    auto some = co_await gather(std::move(works));
    std::move(some.begin(), some.end(), std::back_inserter(ends));
  }
  co_return ends;
}

Task<Reply> Calls::run(const Script* script, KeyName key, std::vector<std::string> arguments,
                       Deadline deadline) const {
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  // Named, as gcc 12 destroys braced temporaries of a co_await twice.
  Request by_name{key.slot, script->request(ScriptForm::by_name, key.text, views)};
  auto end = co_await try_call(std::move(by_name), deadline);
  const auto& root = end.reply.root();
  if (!end.failure && root.kind == ReplyKind::error &&
      read_server_error(root.text).effect == Effect::no_script) {
    Request with_text{key.slot, script->request(ScriptForm::with_text, key.text, views)};
    end = co_await try_call(std::move(with_text), deadline);
  }
  root_or_throw(end, key.text);
  co_return std::move(end.reply);
}

Failure failure_of(std::string_view error_text, std::string_view name) {
  auto error = read_server_error(error_text);
  std::string detail = std::move(error.detail);
  if (!name.empty()) {
    detail += " (key " + ContextKey(name).printable() + ")";
  }
  return {error.code, std::move(detail)};
}

const ReplyNode& root_or_throw(const CallEnd& end, std::string_view name) {
  if (end.failure) throw *end.failure;
  const auto& root = end.reply.root();
  if (root.kind == ReplyKind::error) throw failure_of(root.text, name);
  return root;
}

std::int64_t integer_of(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::integer) throw wrong_shape();
  return reply.integer;
}

std::string_view text_of(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::string && reply.kind != ReplyKind::status) throw wrong_shape();
  return reply.text;
}

std::span<const ReplyNode> array_of(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::array) throw wrong_shape();
  return reply.elements;
}

}  // namespace dialogstore::redis
