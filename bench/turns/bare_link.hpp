// `link`: the requests of a recording over this library's connection and nothing above it; what two
// bare calls cost.
#pragma once

#include <memory>

#include "contender.hpp"

namespace dialogstore::bench {

std::unique_ptr<Contender> make_bare_link(const ContenderSettings& settings);

}  // namespace dialogstore::bench
