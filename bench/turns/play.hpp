// Plays one cell: dialogs that run at once, each with turns stored already.
#pragma once

#include <string>

#include "arguments.hpp"
#include "contender.hpp"

namespace dialogstore::bench {

/// `pool` dialogs are prepared with `stored` - 1 turns. One turn of each is played before the
/// measurement, so that caches and connections are warm. Then `at_once` dialogs run together, each
/// for `each` turns, then the next of the pool, until all are through or the time is up.
struct Work {
  std::uint32_t at_once = 64;
  std::uint32_t stored = 50;
  std::uint32_t pool = 64;
  std::uint32_t each = 1;
  double seconds = 1;       ///< of the measurement, at most
  double warm_seconds = 2;  ///< of the turns before it, at most

  static Work from(const Arguments& arguments);
  [[nodiscard]] std::uint32_t prepared_turns() const { return stored == 0 ? 0 : stored - 1; }
};

/// Stores the pool.
void prepare(Contender& contender, const Work& work);
/// Returns the figures as JSON. @param store for the server's counters, see Meter
std::string play(Contender& contender, const Work& work, const std::string& store);

}  // namespace dialogstore::bench
