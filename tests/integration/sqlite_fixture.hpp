// An SQLite store in a folder of its own, and a way to look behind it.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <memory>
#include <string>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/sqlite_context_storage.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {

// Runs SQL on the file with a connection of its own and returns the first column of the last row.
// Throws std::runtime_error with SQLite's text.
std::string sql(const std::string& file, const std::string& statements);

// Keeps the write lock of the file until it is destroyed, as another process would.
class WriteLock {
 public:
  explicit WriteLock(const std::string& file);
  ~WriteLock();
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  void* handle_ = nullptr;
};

// The system refuses to let any file of this process grow beyond a size, as a quota does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int);
};

std::string read_bytes(const std::string& file);
void write_bytes(const std::string& file, const std::string& bytes);

// A context with so many turns, the requests being prefix + number.
Context make_context(const std::string& prefix, int turns = 1);

class SQLiteStore : public ::testing::Test {
 protected:
  std::string file() const { return folder_ / "dialogs.db"; }
  // `query`: "?name=value&..."
  std::unique_ptr<DBContextStorage> open(const std::string& query = "") const {
    return std::make_unique<SQLiteContextStorage>("sqlite:///" + file() + query);
  }
  std::string sql(const std::string& statements) const { return test::sql(file(), statements); }
  std::int64_t number(const std::string& statement) const { return std::stoll(sql(statement)); }

  TempDir folder_;
};

// The error of a call, or none.
template <class Call>
errc error_code_of(Call call, std::string* text = nullptr) {
  try {
    call();
  } catch (const StorageError& error) {
    if (text != nullptr) *text = error.what();
    return error.reason();
  }
  return errc{};
}

}  // namespace dialogstore::test
