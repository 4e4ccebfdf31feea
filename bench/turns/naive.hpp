// What one writes without a library: the whole context as one JSON value, GET and SET.
//
//   naive       two writers lose each other's turns without a word
//   naive-safe  a random token stands before the JSON, and a script sets the value only when the
//               token is still the one that was read
#pragma once

#include <memory>

#include "contender.hpp"

namespace dialogstore::bench {

std::unique_ptr<Contender> make_naive(const ContenderSettings& settings, const Material& material);

}  // namespace dialogstore::bench
