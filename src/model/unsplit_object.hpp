// What a JsonObject of many members keeps instead of them until somebody looks at one.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "dialogstore/json.hpp"
#include "model/shared_text.hpp"

namespace dialogstore {

/// Of one object: its text is shared by copies, its members are not, so that references to them
/// hold as long as in any container.
struct JsonObject::Unsplit {
  Unsplit(SharedText whole, std::size_t number) noexcept : text(std::move(whole)), count(number) {}

  const SharedText text;  ///< as append_to writes it; no name in it is repeated or has escapes
  const std::size_t count;
  std::mutex mutex;
  std::atomic<bool> is_split = false;  ///< the members are there too, for whoever reads true
};

}  // namespace dialogstore
