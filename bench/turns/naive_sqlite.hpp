// What one writes without a library in SQLite: one table, the whole context as JSON, an UPDATE in a
// transaction of its own for each turn, as durable as ours (WAL, synchronous=FULL).
#pragma once

#include <memory>

#include "contender.hpp"

namespace dialogstore::bench {

std::unique_ptr<Contender> make_naive_sqlite(const ContenderSettings& settings,
                                             const Material& material);

}  // namespace dialogstore::bench
