// This library: in Redis in all the ways whose names begin with ours-, and dff-layout; sqlite;
// memory.
#pragma once

#include "contender.hpp"
#include "dialogstore/dialogstore.hpp"

namespace dialogstore::bench {

/// Throws Absent when the library does not know the contender's options.
std::unique_ptr<Contender> make_ours(const ContenderSettings& settings, const Material& material);

/// The URI it opens.
[[nodiscard]] std::string uri_of(const ContenderSettings& settings);

/// As a coroutine of a contender calls them.
[[nodiscard]] Task<Context> loaded(DBContextStorage& storage, ContextKey key);
[[nodiscard]] Task<void> saved(DBContextStorage& storage, ContextKey key, Context& context);

}  // namespace dialogstore::bench
