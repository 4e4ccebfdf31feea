#include "whole_json.hpp"

#include "dialogstore/error.hpp"

namespace dialogstore::cli {

std::string whole_json(const ContextKey& key, const Context& context) {
  try {
    return context.to_json();
  } catch (const StorageError& damage) {
    throw_error(damage.reason(), "get_item", key.printable(), damage.detail());
  }
}

}  // namespace dialogstore::cli
