#include "sqlite/sqlite_error.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

namespace dialogstore::sqlite {
namespace {

struct Meaning {
  errc code;
  std::string_view text;  // what happened, and behind the semicolon what to do
};

Meaning busy_meaning(const ErrorPlace& place) {
  if (place.deadline_passed) {
    return {errc::timed_out,
            "another process was writing until the deadline; try again, or raise timeout"};
  }
  return {errc::server_busy,
          "another process is writing for longer than busy_timeout; try again, or raise it"};
}

// A quota or a limit on the size of files reads as an I/O error, and is a full disk to the caller.
bool is_full(int primary, int system_error) {
  return primary == SQLITE_FULL ||
         (primary == SQLITE_IOERR &&
          (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG));
}

Meaning meaning_of(int primary, const ErrorPlace& place) {
  if (is_full(primary, place.system_error)) {
    return {errc::storage_full, "the disk is full, or a quota is reached; free space"};
  }
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return busy_meaning(place);
    case SQLITE_INTERRUPT:
      return {errc::timed_out, "the deadline passed; try again, or raise timeout"};
    case SQLITE_READONLY:
      return {errc::read_only,
              "it cannot be written; make the file and its folder writable for this user"};
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {errc::permission_denied, "access is refused; correct the permissions"};
    case SQLITE_CANTOPEN:
      return {errc::io_error,
              "it cannot be opened; check that the folder exists and that this user may write it"};
    case SQLITE_NOTADB:
      return {errc::corrupt, "it is not an SQLite database; it is left as it is: use another file"};
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
      return {errc::corrupt, "it is damaged; run dialogstore check, and restore a backup"};
    case SQLITE_TOOBIG:
      return {errc::too_large, "a row is larger than SQLite takes"};
    case SQLITE_IOERR:
      return {errc::io_error, "the system cannot read or write it; check the disk"};
    default:
      return {errc::io_error, "SQLite refused an operation"};
  }
}

}  // namespace

Failure to_failure(int extended_code, const ErrorPlace& place) {
  const int primary = extended_code & 0xff;
  if (primary == SQLITE_NOMEM) throw std::bad_alloc();
  const Meaning meaning = meaning_of(primary, place);
  std::string detail = place.file + ": " + std::string(meaning.text) + " [SQLite " +
                       std::to_string(extended_code) + ": " + place.message;
  if (place.system_error != 0) detail += std::string("; ") + std::strerror(place.system_error);
  return {meaning.code, detail + "]"};
}

Failure to_commit_failure(int extended_code, const ErrorPlace& place) {
  Failure failure = to_failure(extended_code, place);
  const bool is_proven =
      (extended_code & 0xff) != SQLITE_IOERR ||
      (extended_code == SQLITE_IOERR_WRITE && failure.code == errc::storage_full);
  if (!is_proven) {
    failure.code = errc::outcome_unknown;
    failure.detail +=
        "; whether the change happened is not known: saving the same again settles it";
    failure.maybe_applied = true;
  }
  return failure;
}

}  // namespace dialogstore::sqlite
