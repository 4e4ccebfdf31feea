// Durations as a URI writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dialogstore::uri {

/// `500ms`, `10s`, `2m`, `1h`, `30d`; a plain whole number is seconds. No sign, no fraction, no
/// space, no leading zero. Nothing when it is not that or does not fit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

/// The shortest way to write it: 600000 ms is "10m".
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace dialogstore::uri
