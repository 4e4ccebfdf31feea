// What a storage must know of its servers before it saves or lists: the time at each, whether the
// user may run there what a save needs, and how the namespace is laid out. Asked for when first
// needed, and again when another server may be answering.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "flow/task.hpp"
#include "redis/calls.hpp"
#include "redis/durability.hpp"
#include "redis/keys.hpp"
#include "redis/server_clock.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

enum class Need : std::uint8_t {
  reading,   ///< the clock and the layout
  writing,   ///< also the rights, and whether saves can be as durable as they are to be
  creating,  ///< also a namespace that says how it is laid out
};

class ServerState {
 public:
  ServerState(Calls calls, KeyNames names, std::string user, Durability durability)
      : calls_(std::move(calls)),
        names_(std::move(names)),
        user_(std::move(user)),
        durability_(durability),
        listing_slot_(names_.index(0).slot) {}

  /// Nothing has to be asked before something is done with the key `name` and with the listing.
  [[nodiscard]] bool is_ready(Need need, const KeyName& name);
  /// Asks what is not known yet: one round trip, or none. Throws Failure: permission_denied naming
  /// commands and remedy, unsupported_server (for durability=), unsupported_format, wrong_type,
  /// corrupt.
  Task<void> prepare(Need need, KeyName name, Deadline deadline);
  /// Asks the listing's server for its time, however well it is known: what is read next is judged
  /// by it, and the clock may have been set since. Throws Failure.
  Task<void> renew_clock(Deadline deadline);
  /// For the listing alone.
  Task<void> prepare(Need need, Deadline deadline) {
    return prepare(need, names_.index(0), deadline);
  }
  /// The next request may meet another server, or one that was set up differently.
  void forget() noexcept;

  /// The time at the server that has the slot; the listing's as long as that one's is not known.
  [[nodiscard]] std::chrono::microseconds time_at(std::uint16_t slot, Clock::time_point when);
  /// Server time `time` was answered by the server that has the slot.
  void sample(std::uint16_t slot, std::chrono::microseconds time, Clock::time_point asked);
  [[nodiscard]] unsigned index_shards() const noexcept { return index_shards_; }
  /// How often the listing's clock was seen to have been set forward.
  [[nodiscard]] std::uint64_t clock_jumps() const noexcept { return clock_jumps_; }
  /// The listing's time: all clients read it off the same server.
  [[nodiscard]] std::int64_t now_us() const { return listing_.at(Clock::now()).count(); }
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
  struct Server {
    ServerClock clock;
    bool rights_known = false;
  };

  Server& at(std::uint16_t slot) { return servers_[calls_.client().server_of(slot)]; }
  [[nodiscard]] std::uint64_t listing_server() const {
    return calls_.client().server_of(listing_slot_);
  }
  [[nodiscard]] bool knows(Need need, std::uint16_t slot);
  [[nodiscard]] Request rights_request(const KeyName& name) const;
  void notice_new_connections() noexcept;
  void take_time(const CallEnd& end, std::uint16_t slot, Clock::time_point asked);
  void take_durability(const CallEnd& end) const;
  void take_rights(const CallEnd& end, std::uint16_t slot);
  void take_meta(const CallEnd& end);
  Task<void> write_meta(Deadline deadline);

  Calls calls_;
  KeyNames names_;
  std::string user_;
  Durability durability_;
  std::uint16_t listing_slot_;
  std::map<std::uint64_t, Server> servers_;  ///< by RedisClient::server_of
  ServerClock listing_;
  std::uint64_t listed_by_ = 0;  ///< the server of that clock
  std::uint64_t connections_ = 0;
  bool meta_known_ = false;
  unsigned index_shards_ = 1;
  std::int64_t last_use_us_ = 0;
  std::uint64_t clock_jumps_ = 0;
};

}  // namespace dialogstore::redis
