// The JSON of a context that was loaded whole.
#pragma once

#include <string>

#include "dialogstore/context.hpp"
#include "dialogstore/key.hpp"

namespace dialogstore::cli {

/// Older turns are read here; damage among them is thrown as the load would have thrown it, with
/// the key.
std::string whole_json(const ContextKey& key, const Context& context);

}  // namespace dialogstore::cli
