#include "sqlite/connection.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>

#include "sqlite/sqlite_error.hpp"

namespace dialogstore::sqlite {
namespace {

using std::chrono::milliseconds;

constexpr int progress_steps =
    50'000;  // about a millisecond of work between two looks at the clock

}  // namespace

Connection::Connection(std::string file, milliseconds busy_timeout)
    : file_(std::move(file)), busy_timeout_(busy_timeout) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file_.c_str(), &handle_, flags, nullptr);
  if (code != SQLITE_OK) {
    Failure reason = failure(handle_ != nullptr ? sqlite3_extended_errcode(handle_) : code);
    sqlite3_close_v2(handle_);
    throw Failure(std::move(reason));
  }
  sqlite3_extended_result_codes(handle_, 1);
  may_wait_ = [until = Clock::now() + busy_timeout_] { return Clock::now() < until; };
  sqlite3_busy_handler(handle_, &Connection::on_busy, this);
  sqlite3_progress_handler(handle_, progress_steps, &Connection::on_progress, this);
}

Connection::~Connection() {
  begin_.finalize();
  commit_.finalize();
  sqlite3_close_v2(handle_);
}

// SQLite's own handler sleeps up to 100 ms at a time, past the deadline. Other writers hold the
// lock for a fraction of a millisecond, so short sleeps pay.
int Connection::on_busy(void* self, int attempt) try {
  constexpr auto sleeps = std::to_array<int>({200, 500, 1000, 1000, 2000, 3000, 5000});  // in us
  const auto& connection = *static_cast<const Connection*>(self);
  if (!connection.may_wait_ || !connection.may_wait_()) return 0;
  const auto index = std::min(static_cast<std::size_t>(attempt), sleeps.size() - 1);
  std::this_thread::sleep_for(std::chrono::microseconds(sleeps[index]));
  return 1;
} catch (...) {  // out of memory; it must not pass through SQLite's frames
  return 0;
}

int Connection::on_progress(void* self) {
  return static_cast<const Connection*>(self)->deadline_passed() ? 1 : 0;
}

void Connection::start_call(Deadline deadline) {
  deadline_ = deadline;
  const auto now = Clock::now();
  if (now >= deadline) {
    throw Failure{errc::timed_out, file_ + ": the deadline passed before the file was touched"};
  }
  may_wait_ = [until = std::min(deadline, now + busy_timeout_)] { return Clock::now() < until; };
  check_same_file();
}

void Connection::start_group(std::function<bool()> may_wait) {
  deadline_ = Deadline::max();
  may_wait_ = std::move(may_wait);
  check_same_file();
}

// Writes to a file that was deleted or replaced meanwhile would succeed, and be lost.
void Connection::check_same_file() {
  int moved = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
      moved != 0) {
    throw Failure{errc::io_error,
                  file_ + ": it was removed or replaced while it was open; open the storage again"};
  }
}

Failure Connection::failure(int code) const {
  const bool opened = handle_ != nullptr;
  return to_failure(code, {.file = file_,
                           .message = opened ? sqlite3_errmsg(handle_) : sqlite3_errstr(code),
                           .system_error = opened ? sqlite3_system_errno(handle_) : 0,
                           .deadline_passed = deadline_passed()});
}

Failure Connection::commit_failure(int code, int system_error) const {
  return to_commit_failure(code, {.file = file_,
                                  .message = sqlite3_errmsg(handle_),
                                  .system_error = system_error,
                                  .deadline_passed = deadline_passed()});
}

Failure Connection::busy_failure() const {
  return to_failure(SQLITE_BUSY, {.file = file_, .message = sqlite3_errstr(SQLITE_BUSY)});
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw failure(code);
}

std::string Connection::text_of(const char* sql) {
  Statement statement(*this, sql);
  Run run(statement);
  return run.step() ? std::string(run.bytes(0)) : std::string();
}

std::int64_t Connection::number_of(const char* sql) {
  Statement statement(*this, sql);
  Run run(statement);
  return run.step() ? run.number(0) : 0;
}

bool Connection::is_read_only() const {
  return sqlite3_db_readonly(handle_, "main") == 1;
}

bool Connection::is_in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

// ---- statements --------------------------------------------------------------------------------

void Statement::finalize() noexcept {
  sqlite3_finalize(handle_);
  handle_ = nullptr;
}

sqlite3_stmt* Statement::prepared() {
  if (handle_ == nullptr) {
    const int code = sqlite3_prepare_v3(connection_.handle(), sql_, -1, SQLITE_PREPARE_PERSISTENT,
                                        &handle_, nullptr);
    if (code != SQLITE_OK) throw connection_.failure(code);
  }
  return handle_;
}

Run::~Run() {
  sqlite3_reset(handle_);  // repeats the error of the last step, which was reported there
  sqlite3_clear_bindings(handle_);
}

Run& Run::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, index, value);
  if (code != SQLITE_OK) throw connection_.failure(code);
  return *this;
}

Run& Run::bind(int index, std::string_view bytes) {
  // A null pointer would bind NULL instead of an empty blob.
  const char* data = bytes.empty() ? "" : bytes.data();
  const int code = sqlite3_bind_blob64(handle_, index, data, bytes.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) throw connection_.failure(code);
  return *this;
}

Run& Run::bind_null(int index) {
  const int code = sqlite3_bind_null(handle_, index);
  if (code != SQLITE_OK) throw connection_.failure(code);
  return *this;
}

bool Run::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw connection_.failure(code);
}

void Run::finish() {
  while (step()) {
  }
}

std::int64_t Run::number(int column) const {
  return sqlite3_column_int64(handle_, column);
}

bool Run::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::string_view Run::bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

// ---- transactions ------------------------------------------------------------------------------

Transaction::Transaction(Connection& connection) : connection_(connection) {
  Run(connection_.begin_).finish();
}

Transaction::~Transaction() {
  // SQLite ends a transaction by itself after some errors; then there is nothing left to roll back.
  if (open_ && connection_.is_in_transaction()) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() {
  sqlite3_stmt* statement = connection_.commit_.prepared();
  errno = 0;  // what a COMMIT failed of is left here alone, not in sqlite3_system_errno
  const int code = sqlite3_step(statement);
  const int system_error = errno;
  if (code != SQLITE_DONE) {
    Failure reason = connection_.commit_failure(code, system_error);
    sqlite3_reset(statement);
    throw Failure(std::move(reason));
  }
  sqlite3_reset(statement);
  open_ = false;
}

}  // namespace dialogstore::sqlite
