// The checksum of rows: CRC-32 as in zlib and Ethernet.
#pragma once

#include <cstdint>
#include <string_view>

namespace dialogstore {

/// The CRC-32 of `bytes`. With the result for a first part as `seed`, that of both parts together.
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace dialogstore
