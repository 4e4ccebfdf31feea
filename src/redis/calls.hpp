// Requests that may be sent more than once (all but saves): sent again until they are answered or
// the deadline passes, alone or many at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/keys.hpp"
#include "redis/redis_client.hpp"
#include "redis/script.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

struct Request {
  std::uint16_t slot = 0;
  std::string bytes;
  bool may_be_stale = false;  ///< RedisClient::exec_read
  std::string server;         ///< not empty: RedisClient::exec_at
};

/// How a request ended: a reply (never LOADING, BUSY and the like, but any other error), or why
/// there is none.
struct CallEnd {
  Reply reply;
  std::optional<Failure> failure;
  bool is_sole_copy = true;  ///< no other copy of the request can have reached the server
};

/// What a call ends with that was cancelled before its next request.
[[nodiscard]] Failure cancelled_between();

/// Pauses between copies of one request: they grow, with jitter, and never outlast the deadline.
class Backoff {
 public:
  /// Waits. False when the deadline or a cancellation ended it.
  Task<bool> pause(Deadline deadline);

 private:
  std::chrono::milliseconds next_{2};
};

class Calls {
 public:
  explicit Calls(std::shared_ptr<RedisClient> client) : client_(std::move(client)) {}

  /// As RedisClient::exec, exec_read or exec_at, and a cancellation that came before counts too: a
  /// request itself learns only of one that comes while it waits. (A save asks for it itself, just
  /// before each copy.)
  Task<ExecResult> exec(Request request, Deadline deadline) const;
  Task<ExecResult> exec(std::uint16_t slot, std::string bytes, Deadline deadline) const {
    return exec(Request{slot, std::move(bytes)}, deadline);
  }
  /// Never throws Failure.
  Task<CallEnd> try_call(Request request, Deadline deadline) const;
  /// Throws Failure, also for an error reply; `name`: the key it is about, for the text.
  Task<Reply> call(Request request, std::string name, Deadline deadline) const;
  /// In the order of the requests; at most `max_at_once` are under way at a time.
  Task<std::vector<CallEnd>> call_all(std::vector<Request> requests, Deadline deadline) const;
  /// A script, by its name first. Throws as call().
  Task<Reply> run(const Script* script, KeyName key, std::vector<std::string> arguments,
                  Deadline deadline) const;

  [[nodiscard]] RedisClient& client() const noexcept { return *client_; }
  [[nodiscard]] const std::shared_ptr<RedisClient>& shared_client() const noexcept {
    return client_;
  }

  static constexpr std::size_t max_at_once = 256;

 private:
  std::shared_ptr<RedisClient> client_;
};

/// The Failure that an error reply about the key `name` stands for.
[[nodiscard]] Failure failure_of(std::string_view error_text, std::string_view name);
/// Throws it when the end is no good reply.
const ReplyNode& root_or_throw(const CallEnd& end, std::string_view name);

/// Replies of a known shape; a server that answers otherwise is a protocol_error.
[[nodiscard]] std::int64_t integer_of(const ReplyNode& reply);
[[nodiscard]] std::string_view text_of(const ReplyNode& reply);
[[nodiscard]] std::span<const ReplyNode> array_of(const ReplyNode& reply);

}  // namespace dialogstore::redis
