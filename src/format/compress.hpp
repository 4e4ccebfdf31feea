// Page payloads by codec id. The caller names the largest size it accepts; the size a payload
// claims is checked against it before memory is taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dialogstore::format {

// Stored numbers: do not change them.
inline constexpr std::uint8_t codec_stored = 0;
inline constexpr std::uint8_t codec_zstd = 1;

enum class CompressFault : std::uint8_t { none, unknown_codec, damaged, too_large };

/// Compresses when that makes it smaller. `codec` says how it is stored.
std::string compress(std::string_view plain, int level, std::uint8_t& codec);
/// How large a payload says that it is when decompressed, without looking further into it.
[[nodiscard]] CompressFault stated_size(std::uint8_t codec, std::string_view payload,
                                        std::size_t largest, std::size_t& size) noexcept;
[[nodiscard]] CompressFault decompress(std::uint8_t codec, std::string_view payload,
                                       std::size_t largest, std::string& out) noexcept;

}  // namespace dialogstore::format
