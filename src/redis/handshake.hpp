// What is said on a new connection before the first user request, and what each answer means.
// Pure: no sockets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis/link.hpp"

namespace dialogstore::redis {

enum class SetupKind : std::uint8_t { auth, protocol, select, set_name, role, tracking, probe };

struct SetupStep {
  SetupKind kind;
  std::string request;  ///< encoded
};

/// Why a connection attempt failed, or a connection ended.
struct LinkFailure {
  errc code{};
  /// Another attempt would find the same: requests that wait are told at once.
  bool definitive = false;
  std::string detail;
  [[nodiscard]] bool ok() const noexcept { return code == errc{}; }
};

/// In the order in which they must succeed.
[[nodiscard]] std::vector<SetupStep> setup_steps(const LinkSettings& settings);

/// Success when the next step may be taken. The detail never holds the password.
[[nodiscard]] LinkFailure judge_setup_reply(const SetupStep& step, const ReplyNode& reply,
                                            const LinkSettings& settings);

/// "AUTH", for texts.
[[nodiscard]] std::string_view name_of(SetupKind kind) noexcept;

}  // namespace dialogstore::redis
