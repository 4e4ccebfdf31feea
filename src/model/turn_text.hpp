// A turn as bytes.
#pragma once

#include <array>
#include <cstdint>

#include "dialogstore/context.hpp"
#include "model/shared_text.hpp"

namespace dialogstore {

/// The JSON of a turn's parts; empty when absent. A label is `["flow","node"]`; messages are in the
/// stored form (message_text.hpp): known fields that are null are left out.
struct TurnText {
  std::int64_t index = 0;
  std::array<SharedText, turn_parts> parts;
  [[nodiscard]] bool empty() const noexcept {
    return parts[0].empty() && parts[1].empty() && parts[2].empty();
  }
};

/// One part of the turn of that index.
struct PartText {
  std::int64_t index = 0;
  SharedText text;
};

}  // namespace dialogstore
