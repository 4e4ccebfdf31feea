// The operations of the seed over a RowLog: load, save with its conflict policies, append, delete,
// listing. One engine for every back end.
#pragma once

#include <functional>
#include <memory>

#include "dialogstore/options.hpp"
#include "dialogstore/storage_engine.hpp"
#include "storage/io_thread.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// Takes over the thread and the rows. `options` must have passed check_options.
std::shared_ptr<StorageEngine> make_log_engine(std::unique_ptr<IoThread> thread,
                                               std::unique_ptr<RowLog> rows,
                                               const StorageOptions& options);

}  // namespace dialogstore
