// The ranges of options, in one place for URIs and for settings made in code.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "dialogstore/limits.hpp"
#include "dialogstore/options.hpp"
#include "dialogstore/uri.hpp"

namespace dialogstore::uri {

inline constexpr std::chrono::milliseconds shortest_duration{1};
inline constexpr std::chrono::milliseconds ttl_margin{
    10'000};  ///< ttl is at least timeout plus this
inline constexpr std::chrono::milliseconds clock_tolerance_max{30LL * 24 * 3600 * 1000};
inline constexpr std::uint16_t seal_after_max = 1000;
inline constexpr int compression_max = 19;
inline constexpr unsigned connections_max = 64;
inline constexpr unsigned durable_replicas_max = 16;

/// What is wrong with the options: the option's name, its value, its range; nothing when all is
/// well.
std::optional<std::string> find_problem(const StorageOptions& options);
std::optional<std::string> find_problem(const SQLiteOptions& options);
/// Of RedisOptions::cache_max_staleness beside the others.
std::optional<std::string> find_staleness_problem(const RedisOptions& redis,
                                                  const StorageOptions& options, Layout layout);

bool is_namespace(std::string_view text) noexcept;

}  // namespace dialogstore::uri
