#include "integration/sqlite_fixture.hpp"

#include <sqlite3.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dialogstore::test {
namespace {

sqlite3* open_raw(const std::string& file) {
  sqlite3* handle = nullptr;
  if (sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
      SQLITE_OK) {
    sqlite3_close(handle);
    throw std::runtime_error("cannot open " + file);
  }
  sqlite3_busy_timeout(handle, 10'000);
  return handle;
}

std::string execute(sqlite3* handle, const std::string& statements) {
  std::string result;
  const auto keep = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) = values[0] != nullptr ? values[0] : "";
    return 0;
  };
  char* text = nullptr;
  if (sqlite3_exec(handle, statements.c_str(), keep, &result, &text) != SQLITE_OK) {
    const std::string error = text != nullptr ? text : "unknown";
    sqlite3_free(text);
    sqlite3_close(handle);
    throw std::runtime_error(error);
  }
  return result;
}

}  // namespace

std::string sql(const std::string& file, const std::string& statements) {
  sqlite3* handle = open_raw(file);
  std::string result = execute(handle, statements);
  sqlite3_close(handle);
  return result;
}

WriteLock::WriteLock(const std::string& file) {
  sqlite3* handle = open_raw(file);
  execute(handle, "BEGIN IMMEDIATE");
  handle_ = handle;
}

WriteLock::~WriteLock() {
  sqlite3_close(static_cast<sqlite3*>(handle_));
}

std::string read_bytes(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream bytes;
  bytes << stream.rdbuf();
  return bytes.str();
}

void write_bytes(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

Context make_context(const std::string& prefix, int turns) {
  Context context;
  for (int i = 0; i < turns; ++i) context.add_request(Message(prefix + std::to_string(i)));
  return context;
}

}  // namespace dialogstore::test
