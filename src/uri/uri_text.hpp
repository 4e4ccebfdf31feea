// The pieces of a URI as text, and the errors about them. Nothing here echoes what a password could
// be part of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dialogstore::uri {

inline constexpr std::size_t max_bytes = 8192;

inline constexpr std::string_view encode_hint =
    "in a user or password write @ : / ? # & % as %40 %3A %2F %3F %23 %26 %25";

/// Throws UriError: "storage URI: " and the text.
[[noreturn]] void fail(const std::string& text);

/// What the rest of a URI means: each has its own options.
enum class Kind : std::uint8_t {
  redis,
  rediss,
  redis_unix,
  cluster,
  cluster_tls,
  sentinel,
  sentinel_tls,
  sqlite,
  memory
};

struct UriParts {
  Kind kind = Kind::memory;
  std::string_view scheme;                ///< as it was written
  std::string_view authority;             ///< between `://` and the next `/` or `?`
  std::string_view path;                  ///< with its leading slash, or empty
  std::optional<std::string_view> query;  ///< behind `?`; nothing is decoded yet
};

/// Cuts a URI into its parts; the views lie in `uri`. Throws UriError.
UriParts split(std::string_view uri);

/// Replaces %XX. Throws UriError naming `part` ("the password"), never its value.
std::string percent_decode(std::string_view text, std::string_view part);

/// Throws UriError when there is a NUL or another control character in a decoded part.
void refuse_control_bytes(std::string_view text, std::string_view part);

/// A whole number in canonical digits: no sign, no leading zero, no space.
std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept;

/// For messages: printable, cut after 40 characters.
std::string quoted(std::string_view text);

}  // namespace dialogstore::uri
