#include "redis/calls.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

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

// What to do with the end of one copy: nothing means send it again.
std::optional<CallEnd> judge(ExecResult end, bool is_over) {
  if (!end.ok()) {
    const bool may_pass = end.failure == errc::unavailable || end.failure == errc::protocol_error;
    if (may_pass && !is_over) return std::nullopt;
    // A read that was cut off has no outcome to be unsure of.
    return CallEnd{{}, Failure{end.failure, std::move(end.detail)}};
  }
  const auto& root = end.reply.root();
  if (root.kind == ReplyKind::error) {
    auto error = read_server_error(root.text);
    if (error.effect == Effect::none_yet) {
      if (!is_over) return std::nullopt;
      return CallEnd{{}, Failure{error.code, std::move(error.detail)}};
    }
  }
  return CallEnd{std::move(end.reply), std::nullopt};
}

// In a coroutine of its own, whose caller may cancel it: that ends the request, nothing is thrown.
asio::awaitable<CallEnd> call_apart(const Calls* calls, Request request, Deadline deadline) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await calls->try_call(std::move(request), deadline);
}

}  // namespace

asio::awaitable<bool> is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

asio::awaitable<bool> Backoff::pause(Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto until = Clock::now() + jittered(next_);
  next_ = std::min(next_ * 2, longest_pause);
  if (until >= deadline) co_return false;
  timer.expires_at(until);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

asio::awaitable<CallEnd> Calls::try_call(Request request, Deadline deadline) const {
  const auto client = client_;
  Backoff backoff;
  for (;;) {
    auto end = co_await client->exec(request.slot, request.bytes, deadline);
    const auto state = co_await asio::this_coro::cancellation_state;
    const bool is_over =
        state.cancelled() != asio::cancellation_type::none || Clock::now() >= deadline;
    if (auto judged = judge(std::move(end), is_over)) co_return std::move(*judged);
    if (!co_await backoff.pause(deadline)) {
      co_return CallEnd{{}, Failure{errc::unavailable, "the server did not answer in time"}};
    }
  }
}

asio::awaitable<Reply> Calls::call(Request request, std::string name, Deadline deadline) const {
  auto end = co_await try_call(std::move(request), deadline);
  root_or_throw(end, name);
  co_return std::move(end.reply);
}

asio::awaitable<std::vector<CallEnd>> Calls::call_all(std::vector<Request> requests,
                                                      Deadline deadline) const {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<CallEnd> ends;
  ends.reserve(requests.size());
  if (requests.size() == 1) {
    ends.push_back(co_await try_call(std::move(requests[0]), deadline));
    co_return ends;
  }
  for (std::size_t from = 0; from < requests.size(); from += max_at_once) {
    const auto until = std::min(from + max_at_once, requests.size());
    using Operation = decltype(asio::co_spawn(
        executor, call_apart(this, std::move(requests[0]), deadline), asio::deferred));
    std::vector<Operation> operations;
    operations.reserve(until - from);
    for (auto i = from; i < until; ++i) {
      operations.push_back(asio::co_spawn(
          executor, call_apart(this, std::move(requests[i]), deadline), asio::deferred));
    }
    auto [order, errors, results] =
        co_await asio::experimental::make_parallel_group(std::move(operations))
            .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    for (const auto& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    std::move(results.begin(), results.end(), std::back_inserter(ends));
  }
  co_return ends;
}

asio::awaitable<Reply> Calls::run(const Script* script, KeyName key,
                                  std::vector<std::string> arguments, Deadline deadline) const {
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  auto end = co_await try_call(
      {key.slot, script->request(ScriptForm::by_name, key.text, views)}, deadline);
  if (!end.failure && end.reply.root().kind == ReplyKind::error &&
      read_server_error(end.reply.root().text).effect == Effect::no_script) {
    end = co_await try_call(
        {key.slot, script->request(ScriptForm::with_text, key.text, views)}, deadline);
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

std::span<const ReplyNode* const> array_of(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::array) throw wrong_shape();
  return reply.elements;
}

}  // namespace dialogstore::redis
