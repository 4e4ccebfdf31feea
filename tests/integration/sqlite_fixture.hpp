// An SQLite store in a folder of its own, and a way to look behind it.
#pragma once

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

std::string read_bytes(const std::string& file);
void write_bytes(const std::string& file, const std::string& bytes);

// A context with so many turns, the requests being prefix + number.
Context make_context(const std::string& prefix, int turns = 1);

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
