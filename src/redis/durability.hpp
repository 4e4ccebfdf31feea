// What a save waits for before it is acknowledged: replicas (WAIT), disks (WAITAOF), or nothing.
// Requests and answers, without I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "redis/reply.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

struct Durability {
  unsigned replicas = 0;  ///< that must have a save
  bool on_disk = false;   ///< the server must have it on its disk, and the replicas on theirs

  [[nodiscard]] bool waits() const noexcept { return on_disk || replicas > 0; }
  /// As in a URI: "aof:1".
  [[nodiscard]] std::string text() const;
};

/// Who has what a connection wrote last.
struct Confirmation {
  bool on_disk = false;
  std::int64_t replicas = 0;
  std::string refusal;  ///< the server's error instead
};

/// What stands behind a save; the server answers after `patience` at the latest.
[[nodiscard]] std::string wait_request(const Durability& wanted,
                                       std::chrono::milliseconds patience);
[[nodiscard]] Confirmation read_confirmation(const ReplyNode& answer);

/// Asks, before anything is written, whether the server has the command and the user may run it.
[[nodiscard]] std::string durability_question(const Durability& wanted);
/// Why saves cannot be made durable, if the error says so, and what to do about it.
[[nodiscard]] std::optional<Failure> read_durability_error(const Durability& wanted,
                                                           std::string_view error,
                                                           const std::string& user);

/// not_replicated, if a save that was written is less durable than was asked for.
[[nodiscard]] std::optional<Failure> find_shortfall(const Durability& wanted,
                                                    const Confirmation& confirmed);

}  // namespace dialogstore::redis
