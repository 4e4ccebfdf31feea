// One SQLite connection, its statements and transactions, each closed by its destructor.
//
// Threads: a connection and everything made from it belong to one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/row_log.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace dialogstore::sqlite {

class Connection;

/// A statement that is prepared at its first use and kept.
class Statement {
 public:
  /// `sql` must live as long as the statement: a literal.
  Statement(Connection& connection, const char* sql) : connection_(connection), sql_(sql) {}
  ~Statement() { finalize(); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

 private:
  friend class Connection;
  friend class Run;
  friend class Transaction;
  sqlite3_stmt* prepared();
  void finalize() noexcept;

  Connection& connection_;
  const char* sql_;
  sqlite3_stmt* handle_ = nullptr;
};

class Connection {
 public:
  /// Opens or makes the file; `file` is an absolute path. Throws Failure.
  Connection(std::string file, std::chrono::milliseconds busy_timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// What follows belongs to a call that ends at `deadline`: waiting for another process stops
  /// there and a long statement is interrupted. Throws Failure when it has passed, or when the file
  /// is no longer the one that was opened.
  void start_call(Deadline deadline);
  /// What follows belongs to several calls: while another process writes, `may_wait` is asked
  /// whether to go on waiting, and nothing is interrupted. Throws Failure when the file is no
  /// longer the one that was opened.
  void start_group(std::function<bool()> may_wait);
  /// From here on another process that writes is not waited for.
  void stop_waiting() noexcept { may_wait_ = nullptr; }

  /// Runs statements whose results nobody needs. Throws Failure.
  void execute(const char* sql);
  /// The first column of the first row. Throws Failure.
  std::string text_of(const char* sql);
  std::int64_t number_of(const char* sql);

  [[nodiscard]] bool is_read_only() const;
  [[nodiscard]] bool is_in_transaction() const;
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
  [[nodiscard]] Failure failure(int code) const;
  [[nodiscard]] Failure commit_failure(int code, int system_error) const;
  /// Of waiting for another process until nobody wanted to wait any longer.
  [[nodiscard]] Failure busy_failure() const;

 private:
  friend class Transaction;
  static int on_busy(void* self, int attempt);
  static int on_progress(void* self);
  [[nodiscard]] bool deadline_passed() const { return Clock::now() >= deadline_; }
  void check_same_file();

  std::string file_;
  std::chrono::milliseconds busy_timeout_;
  Deadline deadline_ = Deadline::max();
  std::function<bool()> may_wait_;  ///< for another process; none: it is not waited for
  sqlite3* handle_ = nullptr;
  Statement begin_{*this, "BEGIN IMMEDIATE"};
  Statement commit_{*this, "COMMIT"};
};

/// One run of a statement; the destructor makes it ready for the next.
class Run {
 public:
  explicit Run(Statement& statement)
      : connection_(statement.connection_), handle_(statement.prepared()) {}
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Run& bind(int index, std::int64_t value);
  /// Not copied: the bytes must live as long as this run.
  Run& bind(int index, std::string_view bytes);
  Run& bind(int index, std::string&& bytes) = delete;
  Run& bind_null(int index);

  /// True when there is a row. Throws Failure.
  bool step();
  /// For statements without rows.
  void finish();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  Connection& connection_;
  sqlite3_stmt* handle_;
};

/// A write transaction. It takes the write lock at once, so that what it reads is what it changes.
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  /// Rolls back unless commit() succeeded.
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Throws Failure; maybe_applied when nobody can know whether it happened.
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace dialogstore::sqlite
