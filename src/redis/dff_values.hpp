// DFF's own layout in Redis: the key's text is the Redis key, the value is the context's JSON.
//
// A value has no version, so its SHA-1 takes that place: a save names the digest of the value it
// was made on. Whoever else writes (DFF writes unconditionally) is noticed, not stopped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/calls.hpp"
#include "redis/server_clock.hpp"

namespace dialogstore::redis {

/// Whether a value is a context that DFF wrote, and not another application's text: a JSON object
/// with the fields of a context, `id` first.
[[nodiscard]] bool is_dff_value(std::string_view value);

enum class SwapAnswer : std::uint8_t { done, conflict };

struct SwapResult {
  SwapAnswer answer = SwapAnswer::done;
  std::string found;             ///< of a conflict: digest of what is there; empty: nothing
  bool unanswered_copy = false;  ///< an earlier copy was sent and not answered
};

/// All members are called on the client's executor and throw Failure.
class DffValues {
 public:
  DffValues(std::shared_ptr<RedisClient> client, std::chrono::milliseconds ttl)
      : calls_(std::move(client)), ttl_(ttl) {}

  Task<bool> contains(std::string key, Deadline deadline);
  Task<std::optional<std::string>> get(std::string key, bool refresh, Deadline deadline);
  /// Puts `value` (empty: nothing) in place of the one with the digest `expected` (empty: of
  /// nothing). Sent until it is answered: outcome_unknown when a copy was not.
  Task<SwapResult> swap(std::string key, std::string expected, std::string value, bool resent,
                        Deadline deadline);

  struct Page {
    std::vector<std::pair<std::string, std::string>> values;  ///< of this layout only
    std::vector<std::string> damaged;  ///< keys of values that begin as a context and are none
    std::string cursor;                ///< empty after the last
  };
  Task<Page> scan(std::string cursor, std::size_t count, Deadline deadline);

  [[nodiscard]] RedisClient& client() const noexcept { return calls_.client(); }

 private:
  Task<void> read_clock(std::uint16_t slot, Deadline deadline);
  /// Of the server that has the slot.
  [[nodiscard]] ServerClock& clock(std::uint16_t slot) { return clocks_[client().server_of(slot)]; }
  Task<SwapResult> send(KeyName name, std::vector<std::string> arguments, bool resent,
                        Deadline deadline);

  Calls calls_;
  std::chrono::milliseconds ttl_;
  std::map<std::uint64_t, ServerClock> clocks_;  ///< by RedisClient::server_of
  std::uint64_t connections_ = 0;
};

}  // namespace dialogstore::redis
