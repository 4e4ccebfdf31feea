// This library: ours-recent, ours-all, ours-cache and dff-layout in Redis, sqlite, memory.
#pragma once

#include <memory>
#include <string>

#include "contender.hpp"

namespace dialogstore::bench {

/// Throws Absent when the library does not know the contender's options.
std::unique_ptr<Contender> make_ours(const ContenderSettings& settings, const Material& material);

/// The URI it opens.
[[nodiscard]] std::string uri_of(const ContenderSettings& settings);

}  // namespace dialogstore::bench
