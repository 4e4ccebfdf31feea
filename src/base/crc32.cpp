#include "base/crc32.hpp"

#include <zlib.h>

namespace dialogstore {

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) noexcept {
  // zlib takes a null pointer for "give the initial value" and would drop the seed.
  if (bytes.empty()) return seed;
  return static_cast<std::uint32_t>(
      ::crc32_z(seed, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace dialogstore
