// The embedded default: one file, no server.
#pragma once

#include <string_view>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

/// Stores contexts in an SQLite file (WAL), which several processes may use at once.
class SQLiteContextStorage : public DBContextStorage {
 public:
  /// @param path `sqlite:///relative.db` or `sqlite:////absolute.db`; the file is made when it is
  /// not there. Throws UriError; StorageError (io_error, unsupported_format, corrupt).
  explicit SQLiteContextStorage(std::string_view path);
  SQLiteContextStorage(std::string file, SQLiteOptions sqlite, StorageOptions options = {});
};

}  // namespace dialogstore
