// What Sentinels say of a service, and which of them to believe. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "redis/cluster_map.hpp"
#include "redis/link.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

/// GET-MASTER-ADDR-BY-NAME and MASTER, in one request.
[[nodiscard]] std::string sentinel_question(const std::string& service);
inline constexpr unsigned sentinel_question_commands = 2;

/// What one Sentinel said.
struct SentinelAnswer {
  std::optional<ServerAddress> primary;
  std::uint64_t epoch = 0;         ///< of its configuration: rises with every failover
  std::optional<Failure> failure;  ///< why there is no address
};

/// Of the end of one question.
[[nodiscard]] SentinelAnswer read_sentinel_answer(const ExecResult& end,
                                                  const ServerAddress& sentinel,
                                                  const std::string& service,
                                                  const AddressBook& book);

/// The address that most of them name, of those named equally often the one of the newest
/// configuration: one that was cut off has an old one, and one that is wrong is alone. Without any
/// address: the failure that says most.
///
/// `followed` is the newest configuration that was believed. An older one is believed only when
/// most of all Sentinels tell it: a few that are late must not lead callers back to a deposed
/// primary, whose answers prove nothing of what the new one did.
[[nodiscard]] SentinelAnswer choose_primary(const std::vector<SentinelAnswer>& answers,
                                            std::uint64_t followed);

}  // namespace dialogstore::redis
