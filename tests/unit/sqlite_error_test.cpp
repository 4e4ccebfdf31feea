#include "sqlite/sqlite_error.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cerrno>
#include <new>

namespace dialogstore::sqlite {
namespace {

ErrorPlace place(int system_error = 0, bool deadline_passed = false) {
  return {.file = "/data/dialogs.db",
          .message = "text of SQLite",
          .system_error = system_error,
          .deadline_passed = deadline_passed};
}

TEST(SQLiteError, TellsApartWhatTheCallerMustDo) {
  EXPECT_EQ(to_failure(SQLITE_FULL, place()).code, errc::storage_full);
  EXPECT_EQ(to_failure(SQLITE_BUSY, place()).code, errc::server_busy);
  EXPECT_EQ(to_failure(SQLITE_BUSY_SNAPSHOT, place()).code, errc::server_busy);
  EXPECT_EQ(to_failure(SQLITE_BUSY, place(0, true)).code, errc::timed_out);
  EXPECT_EQ(to_failure(SQLITE_INTERRUPT, place(0, true)).code, errc::timed_out);
  EXPECT_EQ(to_failure(SQLITE_READONLY, place()).code, errc::read_only);
  EXPECT_EQ(to_failure(SQLITE_READONLY_DIRECTORY, place()).code, errc::read_only);
  EXPECT_EQ(to_failure(SQLITE_CANTOPEN, place()).code, errc::io_error);
  EXPECT_EQ(to_failure(SQLITE_IOERR_READ, place()).code, errc::io_error);
  EXPECT_EQ(to_failure(SQLITE_CORRUPT_INDEX, place()).code, errc::corrupt);
  EXPECT_EQ(to_failure(SQLITE_NOTADB, place()).code, errc::corrupt);
  EXPECT_EQ(to_failure(SQLITE_PERM, place()).code, errc::permission_denied);
  EXPECT_EQ(to_failure(SQLITE_TOOBIG, place()).code, errc::too_large);
  EXPECT_EQ(to_failure(SQLITE_MISUSE, place()).code, errc::io_error);
  EXPECT_THROW(to_failure(SQLITE_NOMEM, place()), std::bad_alloc);
}

TEST(SQLiteError, TakesAQuotaForAFullDisk) {
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) {
    EXPECT_EQ(to_failure(SQLITE_IOERR_WRITE, place(error)).code, errc::storage_full);
  }
}

TEST(SQLiteError, NamesTheFileAndKeepsSqlitesOwnWords) {
  const std::string detail = to_failure(SQLITE_IOERR_READ, place(EIO)).detail;
  EXPECT_TRUE(detail.starts_with("/data/dialogs.db: ")) << detail;
  EXPECT_NE(detail.find("check the disk"), std::string::npos) << detail;
  EXPECT_NE(detail.find("[SQLite 266: text of SQLite; "), std::string::npos) << detail;
}

TEST(SQLiteError, KnowsWhenACommitProvablyDidNotHappen) {
  for (const int code : {SQLITE_FULL, SQLITE_BUSY, SQLITE_READONLY, SQLITE_CORRUPT}) {
    EXPECT_FALSE(to_commit_failure(code, place()).maybe_applied) << code;
  }
  // The write stopped in front of the end of the commit, so no recovery will find one.
  const Failure full = to_commit_failure(SQLITE_IOERR_WRITE, place(ENOSPC));
  EXPECT_EQ(full.code, errc::storage_full);
  EXPECT_FALSE(full.maybe_applied);
}

TEST(SQLiteError, CallsACommitUnknownWhenTheDiskFailed) {
  for (const Failure& failure : {to_commit_failure(SQLITE_IOERR_FSYNC, place(EIO)),
                                 to_commit_failure(SQLITE_IOERR_FSYNC, place(ENOSPC)),
                                 to_commit_failure(SQLITE_IOERR_WRITE, place(EIO)),
                                 to_commit_failure(SQLITE_IOERR_WRITE, place())}) {
    EXPECT_EQ(failure.code, errc::outcome_unknown);
    EXPECT_TRUE(failure.maybe_applied);
    EXPECT_NE(failure.detail.find("saving the same again settles it"), std::string::npos);
  }
}

}  // namespace
}  // namespace dialogstore::sqlite
