// Rows in memory: the reference of how a back end behaves.
#pragma once

#include <memory>
#include <string>

#include "dialogstore/options.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// `shared_name`: empty for a store of its own; else the store of that name in this process.
std::unique_ptr<RowLog> make_memory_row_log(const std::string& shared_name,
                                            const StorageOptions& options);

}  // namespace dialogstore
