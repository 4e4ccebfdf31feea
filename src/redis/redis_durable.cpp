// Saves that count only when replicas have them: WAIT behind the save, in the same write.
//
// WAIT keeps its connection until the replicas have answered, so such saves have connections of
// their own (RedisClient::exec_together), and each waits for those before it on the same one.
#include <utility>

#include "redis/command.hpp"
#include "redis/redis_rows.hpp"

namespace dialogstore::redis {
namespace {

using std::chrono::milliseconds;

constexpr unsigned save_and_wait = 2;

// Servers look up to 100 ms late whether a client has waited long enough.
constexpr milliseconds server_tick{200};

// A part of the time is for the answer: one that comes after the deadline says nothing.
milliseconds time_to_wait(Deadline deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  const auto for_answer = std::min(std::max(left / 5, server_tick), left / 2);
  return std::max(milliseconds(1), left - for_answer);
}

std::string wait_request(unsigned replicas, Deadline deadline) {
  return encode_command(
      {"WAIT", std::to_string(replicas), std::to_string(time_to_wait(deadline).count())});
}

// The answer to the save takes the place of that to WAIT, which is returned: how many replicas had
// it. A server that lost its role while waiting answers an error.
std::int64_t take_replicas(ExecResult& end) {
  if (!end.ok() || end.earlier.empty()) return 0;
  std::swap(end.reply, end.earlier.front());
  const auto& waited = end.earlier.front().root();
  return waited.kind == ReplyKind::integer ? waited.integer : 0;
}

}  // namespace

Task<ExecResult> RedisRowLog::exec_save(std::uint16_t slot, std::string bytes,
                                        std::int64_t* replicas, Deadline deadline) {
  if (settings_.durable_replicas == 0) {
    co_return co_await calls_.client().exec(slot, std::move(bytes), deadline);
  }
  bytes += wait_request(settings_.durable_replicas, deadline);
  auto end =
      co_await calls_.client().exec_together(slot, std::move(bytes), save_and_wait, deadline);
  *replicas = take_replicas(end);
  co_return end;
}

Task<ExecResult> RedisRowLog::exec_save_apart(RedisRowLog* self, std::uint16_t slot,
                                              std::string bytes, std::int64_t* replicas,
                                              Deadline deadline) {
  if (co_await this_flow::is_cancelled) {
    auto failure = cancelled_between();
    ExecResult unsent;
    unsent.failure = failure.code;
    unsent.detail = std::move(failure.detail);
    co_return unsent;
  }
  co_return co_await self->exec_save(slot, std::move(bytes), replicas, deadline);
}

Task<void> RedisRowLog::confirm_replicas(KeyName name, SaveAnswer answer, std::int64_t replicas,
                                         Deadline deadline) {
  const auto wanted = settings_.durable_replicas;
  if (wanted == 0) co_return;
  if (answer == SaveAnswer::already) {
    // An earlier copy wrote it, perhaps on another connection, for which WAIT does not wait.
    const std::span<const std::string_view> none;
    auto bytes = replicate_script().request(ScriptForm::with_text, name.text, none);
    ExecResult end = co_await exec_save(name.slot, std::move(bytes), &replicas, deadline);
    if (!end.ok() || end.reply.root().kind == ReplyKind::error) replicas = 0;
  } else if (answer != SaveAnswer::saved) {
    co_return;
  }
  if (replicas >= static_cast<std::int64_t>(wanted)) co_return;
  throw Failure{errc::not_replicated,
                "the save was written, but only " + std::to_string(replicas) + " of " +
                    std::to_string(wanted) +
                    " replicas have it (durability); look at the replicas, then save the same "
                    "context again",
                true};
}

}  // namespace dialogstore::redis
