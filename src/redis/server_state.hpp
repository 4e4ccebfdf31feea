// What a storage must know of its server before it saves or lists: the time there, whether the user
// may run what a save needs, and how the namespace is laid out. Asked for when first needed, and
// again when another server may be answering.
#pragma once

#include <cstdint>
#include <string>

#include "redis/calls.hpp"
#include "redis/keys.hpp"
#include "redis/server_clock.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

enum class Need : std::uint8_t {
  reading,   ///< the clock and the layout
  writing,   ///< also the rights
  creating,  ///< also a namespace that says how it is laid out
};

class ServerState {
 public:
  ServerState(Calls calls, KeyNames names, std::string user)
      : calls_(std::move(calls)), names_(std::move(names)), user_(std::move(user)) {}

  /// Nothing has to be asked.
  [[nodiscard]] bool is_ready(Need need) noexcept;
  /// Asks what is not known yet: one round trip, or none. Throws Failure: permission_denied naming
  /// commands and remedy, unsupported_format, wrong_type, corrupt.
  asio::awaitable<void> prepare(Need need, Deadline deadline);
  /// The next request may meet another server, or one that was set up differently.
  void forget() noexcept;

  [[nodiscard]] ServerClock& clock() noexcept { return clock_; }
  [[nodiscard]] unsigned index_shards() const noexcept { return index_shards_; }
  [[nodiscard]] std::int64_t now_us() const { return clock_.at(Clock::now()).count(); }
  /// The same for scores: rises with every call, so that a better guess of the clock does not turn
  /// the order of two uses round; but follows a clock that was set.
  [[nodiscard]] std::int64_t next_use_us() {
    constexpr std::int64_t largest_correction = 1'000'000;
    const auto now = now_us();
    const bool is_guess = now <= last_use_us_ && last_use_us_ - now < largest_correction;
    last_use_us_ = is_guess ? last_use_us_ + 1 : now;
    return last_use_us_;
  }

 private:
  void notice_new_connections() noexcept;
  void take_time(const CallEnd& end, Clock::time_point asked);
  void take_rights(const CallEnd& end);
  void take_meta(const CallEnd& end);
  asio::awaitable<void> write_meta(Deadline deadline);

  Calls calls_;
  KeyNames names_;
  std::string user_;
  ServerClock clock_;
  std::uint64_t connections_ = 0;
  bool rights_known_ = false;
  bool meta_known_ = false;
  unsigned index_shards_ = 1;
  std::int64_t last_use_us_ = 0;
};

}  // namespace dialogstore::redis
