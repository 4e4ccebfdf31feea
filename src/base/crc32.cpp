#include "base/crc32.hpp"

#include <libdeflate.h>

namespace dialogstore {

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) noexcept {
  // libdeflate takes a null pointer for "give the initial value" and would drop the seed.
  if (bytes.empty()) return seed;
  return libdeflate_crc32(seed, bytes.data(), bytes.size());
}

}  // namespace dialogstore
