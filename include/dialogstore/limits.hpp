// Every bound of the library in one place. All are checked before memory is allocated or a byte is
// sent, and a value beyond one is refused with errc::too_large; nothing is ever cut.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dialogstore::limits {

inline constexpr std::size_t key_bytes = 512;             ///< a context's key
inline constexpr std::size_t namespace_bytes = 128;       ///< a namespace
inline constexpr std::size_t row_bytes = 16U << 20;       ///< one row as stored (16 MiB)
inline constexpr std::size_t page_bytes = 64U << 20;      ///< one page after decompression (64 MiB)
inline constexpr std::size_t context_bytes = 256U << 20;  ///< one context as JSON (256 MiB)
inline constexpr std::size_t save_bytes = 32U << 20;      ///< all rows of one save (32 MiB)
inline constexpr std::size_t save_rows =
    3900;  ///< rows of one save; the script takes 4000 arguments
inline constexpr std::size_t rows_per_context = 1U
                                                << 20;  ///< rows a reader accepts for one context
inline constexpr std::size_t json_depth = 200;          ///< nesting of arrays and objects
inline constexpr std::size_t reply_bytes = 320U << 20;  ///< one server reply
inline constexpr std::size_t reply_elements = 4U
                                              << 20;  ///< elements of one server reply, all levels
inline constexpr std::size_t reply_depth = 6;         ///< nesting of a server reply
inline constexpr std::size_t queued_requests = 100'000;    ///< requests waiting on one connection
inline constexpr std::size_t queued_bytes = 256U << 20;    ///< bytes of those requests
inline constexpr std::size_t cached_contexts = 1'000'000;  ///< StorageOptions::cache
inline constexpr std::int64_t turn_index_min = -(std::int64_t{1} << 31);
inline constexpr std::int64_t turn_index_max = (std::int64_t{1} << 31) - 2;
inline constexpr std::chrono::milliseconds timeout_min{1};
inline constexpr std::chrono::milliseconds timeout_max{600'000};  ///< ten minutes
inline constexpr std::chrono::seconds ttl_max{100LL * 366 * 24 * 3600};

}  // namespace dialogstore::limits
