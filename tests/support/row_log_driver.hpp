// A RowLog over Redis in the test's own thread, and rows to save in it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/random.hpp"
#include "flow/task.hpp"
#include "format/log.hpp"
#include "format/row.hpp"
#include "redis/redis_client.hpp"
#include "redis/redis_row_log.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::test {

/// One call on its way; a Failure it throws is kept.
template <class Result>
struct RowCall {
  bool is_done = false;
  std::optional<Result> result;
  std::optional<Failure> failure;
  Flow* flow = nullptr;  ///< while it runs
};

class RowLogDriver {
 public:
  RowLogDriver(redis::LinkSettings link, StorageOptions options,
               redis::RowLogSettings settings = {}, unsigned connections = 1)
      : client_(redis::make_single_server(context_.get_executor(), link, connections)),
        rows_(redis::make_redis_row_log(client_, options, std::move(settings))) {}
  ~RowLogDriver() {
    rows_->close();
    context_.restart();
    context_.run_for(std::chrono::seconds(20));
  }

  RowLog& rows() { return *rows_; }
  redis::RedisClient& client() { return *client_; }
  boost::asio::io_context& context() { return context_; }

  static Deadline in(std::chrono::milliseconds time) { return Clock::now() + time; }

  template <class Result>
  std::shared_ptr<RowCall<Result>> start(Task<Result> work) {
    auto call = std::make_shared<RowCall<Result>>();
    auto flow = make_flow(context_.get_executor(), std::move(work),
                          [call](const std::exception_ptr& error, Result result) {
                            call->flow = nullptr;
                            call->is_done = true;
                            try {
                              if (error) std::rethrow_exception(error);
                              call->result = std::move(result);
                            } catch (const Failure& failure) {
                              call->failure = failure;
                            }
                          });
    call->flow = flow.get();
    Flow::start(std::move(flow));
    return call;
  }
  /// On the loop, as the bridge does it: behind what is ready to run.
  template <class Result>
  void cancel(std::shared_ptr<RowCall<Result>> call) {
    boost::asio::post(context_, [call = std::move(call)] {
      if (call->flow != nullptr) call->flow->cancel();
    });
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (Clock::now() > end) return false;
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  /// Runs it to its end. Throws the Failure it throws.
  template <class Result>
  Result run(Task<Result> work) {
    auto call = start(std::move(work));
    if (!run_until([&] { return call->is_done; })) {
      throw Failure{errc::timed_out, "the call did not end within the test's patience"};
    }
    if (call->failure) throw *call->failure;
    return std::move(*call->result);
  }
  /// The failure it ends with; one without a code when there is none.
  template <class Result>
  Failure failure_of(Task<Result> work) {
    try {
      run(std::move(work));
    } catch (const Failure& failure) {
      return failure;
    }
    return {};
  }

  SaveResult save(const std::string& key, format::SaveRequest request, bool resent = false,
                  std::chrono::milliseconds time = std::chrono::seconds(10)) {
    const auto first_sent = resent ? SentBefore(Clock::now()) : std::nullopt;
    return run(rows_->save(key, shared(std::move(request)), first_sent, in(time)));
  }
  static std::shared_ptr<const format::SaveRequest> shared(format::SaveRequest request) {
    return std::make_shared<const format::SaveRequest>(std::move(request));
  }
  std::vector<std::string> read(const std::string& key, std::size_t count = 0,
                                bool refresh = false) {
    const auto rows = run(rows_->read(key, count, refresh, in(std::chrono::seconds(10))));
    return {rows.rows.begin(), rows.rows.end()};
  }

 private:
  boost::asio::io_context context_;
  std::shared_ptr<redis::RedisClient> client_;
  std::unique_ptr<RowLog> rows_;
};

// ---- saves with rows of a context that says nothing
// ----------------------------------------------

inline Token random_token() {
  Token token;
  fill_random(token);
  return token;
}

inline std::string make_row(format::RowKind kind, const Version& version,
                            std::uint16_t distance = 0,
                            std::uint8_t form = format::format_version) {
  format::RowHeader header;
  header.kind = kind;
  header.format = form;
  header.keyframe_distance = distance;
  header.version = version;
  if (kind == format::RowKind::page) return format::encode_page(header, {}, 0, "{}");
  return format::encode_row(header, kind == format::RowKind::tombstone ? "" : "{}");
}

/// A log of one keyframe where there is nothing, or in place of `base`.
inline format::SaveRequest make_create(const Token& own,
                                       std::optional<Version> base = std::nullopt) {
  format::SaveRequest request;
  if (base) request.base = format::encode_version(*base);
  request.own = own;
  request.op = format::SaveOp::replace;
  const Version version{base ? base->seq + 1 : 1, own};
  request.rows = {make_row(format::RowKind::keyframe, version)};
  return request;
}

inline format::SaveRequest make_append(const Version& base, const Token& own) {
  format::SaveRequest request;
  request.base = format::encode_version(base);
  request.own = own;
  request.op = format::SaveOp::append;
  const Version version{base.seq + 1, own};
  request.rows = {make_row(format::RowKind::delta, version, static_cast<std::uint16_t>(base.seq))};
  return request;
}

inline format::SaveRequest make_touch(const Version& base) {
  format::SaveRequest request;
  request.base = format::encode_version(base);
  request.own = random_token();
  return request;
}

}  // namespace dialogstore::test
