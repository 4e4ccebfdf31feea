// What SQLite's result codes mean for whoever called.
#pragma once

#include <string>

#include "storage/row_log.hpp"

namespace dialogstore::sqlite {

struct ErrorPlace {
  std::string file;
  std::string message;           ///< SQLite's own words
  int system_error = 0;          ///< errno behind the code, 0 when there is none
  bool deadline_passed = false;  ///< of the call
};

/// Each failure names the file and what to do.
Failure to_failure(int extended_code, const ErrorPlace& place);

/// The same for a COMMIT. An I/O error there (the sync of the log failed, say) proves nothing: the
/// save may come back when the log is recovered. Every other failure proves that it is not applied;
/// so does a write that met the end of the disk, since then the log has no complete commit.
Failure to_commit_failure(int extended_code, const ErrorPlace& place);

}  // namespace dialogstore::sqlite
