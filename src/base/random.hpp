// Random bytes from the operating system, for tokens and identifiers.
#pragma once

#include <cstdint>
#include <span>

namespace dialogstore {

/// Fills `out` from the operating system's generator. Safe from any thread, and a forked child
/// never gets bytes that its parent got. Throws StorageError (io_error) when the system has none to
/// give. Cost: about one system call for every 256 bytes of a thread.
void fill_random(std::span<std::uint8_t> out);

}  // namespace dialogstore
