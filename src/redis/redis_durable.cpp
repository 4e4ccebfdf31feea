// Saves that count only when replicas or disks have them: WAIT or WAITAOF behind the save, in the
// same write.
//
// Either keeps its connection until it is answered, so such saves have connections of their own
// (RedisClient::exec_together), and each waits for those before it on the same one.
#include <utility>

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

// The answer to the save takes the place of that to what stands behind it. A server that lost its
// role while waiting answers an error.
Confirmation take_confirmation(ExecResult& end) {
  if (!end.ok() || end.earlier.empty()) return {};
  std::swap(end.reply, end.earlier.front());
  return read_confirmation(end.earlier.front().root());
}

}  // namespace

Task<ExecResult> RedisRowLog::exec_save(std::uint16_t slot, std::string bytes,
                                        Confirmation* confirmed, Deadline deadline) {
  return settings_.durability.waits() ? exec_and_wait(slot, std::move(bytes), confirmed, deadline)
                                      : calls_.client().exec(slot, std::move(bytes), deadline);
}

Task<ExecResult> RedisRowLog::exec_and_wait(std::uint16_t slot, std::string bytes,
                                            Confirmation* confirmed, Deadline deadline) {
  bytes += wait_request(settings_.durability, time_to_wait(deadline));
  auto end =
      co_await calls_.client().exec_together(slot, std::move(bytes), save_and_wait, deadline);
  *confirmed = take_confirmation(end);
  co_return end;
}

Task<void> RedisRowLog::confirm_durable(KeyName name, SaveAnswer answer, Confirmation confirmed,
                                        Deadline deadline) {
  if (answer == SaveAnswer::already) {
    // An earlier copy wrote it, perhaps on another connection, for which this one does not wait.
    const std::span<const std::string_view> none;
    auto bytes = replicate_script().request(ScriptForm::with_text, name.text, none);
    ExecResult end = co_await exec_save(name.slot, std::move(bytes), &confirmed, deadline);
    if (!end.ok()) {
      confirmed = {};
    } else if (end.reply.root().kind == ReplyKind::error) {
      confirmed = read_confirmation(end.reply.root());
    }
  } else if (answer != SaveAnswer::saved) {
    co_return;
  }
  auto shortfall = find_shortfall(settings_.durability, confirmed);
  if (shortfall) throw std::move(*shortfall);
}

}  // namespace dialogstore::redis
