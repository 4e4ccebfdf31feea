// The rows of every context in one SQLite file.
//
// A save is part of one transaction, so all of it is there or nothing. Reading runs on the
// storage's thread. Changes have a connection of their own, and a thread but where one is alone and
// the disk is quick: the log (WAL) lets readers go on while a group of changes waits for the disk,
// or for another process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dialogstore/options.hpp"
#include "flow/task.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/context_table.hpp"
#include "sqlite/group_commit.hpp"
#include "sqlite/store_writer.hpp"
#include "storage/io_thread.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::sqlite {

class SQLiteRowLog final : public RowLog {
 public:
  /// Opens the file or makes it. Throws Failure (schema.hpp).
  SQLiteRowLog(const std::string& file, const SQLiteOptions& sqlite, const StorageOptions& options);
  /// Lets what waits finish.
  ~SQLiteRowLog() override { write_thread_.finish(); }
  SQLiteRowLog(const SQLiteRowLog&) = delete;
  SQLiteRowLog& operator=(const SQLiteRowLog&) = delete;

  [[nodiscard]] const std::string& identity() const noexcept override { return identity_; }

  Task<Rows> read(ContextKey key, std::size_t count, bool refresh, Deadline deadline) override;
  Task<SaveResult> save(ContextKey key, std::shared_ptr<const format::SaveRequest> request,
                        SentBefore first_sent, Deadline deadline) override;
  Task<std::uint64_t> count(Deadline deadline) override;
  Task<ScanPage> scan(std::string cursor, ScanOptions options, Deadline deadline) override;
  Task<std::uint64_t> clear(Deadline deadline) override;
  Task<CheckReport> check_listing(bool repair, Deadline deadline) override;
  Task<Statistics> statistics(Deadline deadline) override;
  void close() override { commits_.close(); }

 private:
  std::optional<std::int64_t> name_space();
  Task<void> refresh_expiry(ContextRecord record, std::int64_t now, Deadline deadline);
  ScanPage scan_by_key(std::int64_t name_space, const std::string& cursor, std::int64_t limit);
  ScanPage scan_by_use(std::int64_t name_space, const std::string& cursor, std::int64_t limit);
  ScanPage scan_moved(std::int64_t name_space, const std::string& cursor, std::int64_t limit);
  void add_file_damage(CheckReport& report);

  StorageOptions options_;
  // The first makes the store, the second finds it made.
  std::unique_ptr<Connection> write_connection_, connection_;
  std::string identity_;
  std::optional<std::int64_t> name_space_;  // found once, there for ever
  ContextTable table_;
  Statement count_, scan_keys_, scan_newest_, scan_moved_, newest_id_;

  StoreWriter writer_;
  IoThread write_thread_;
  GroupCommit commits_;
};

}  // namespace dialogstore::sqlite
