// The requests by which this library loads and saves, byte for byte, so that others can send the
// same: what the server and the network cost without the library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "contender.hpp"

namespace dialogstore::bench {

/// The requests of one turn: a load and a save.
using TurnRequests = std::vector<std::string>;

struct Recording {
  std::vector<std::vector<TurnRequests>> dialogs;

  /// Throws std::runtime_error.
  void write(const std::string& file) const;
  static Recording read(const std::string& file);
};

/// Plays `each` turns, from the number `first`, of every one of `dialogs` prepared dialogs with
/// `ours-recent` in `store`. What is recorded can be sent to a server in the same state for ten
/// minutes: then the saves are late, and the server refuses them.
Recording record(const std::string& store, const Material& material, std::uint32_t dialogs,
                 std::uint32_t first, std::uint32_t each);

}  // namespace dialogstore::bench
