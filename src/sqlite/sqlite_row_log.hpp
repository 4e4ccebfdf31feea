// The rows of every context in one SQLite file.
//
// Each save is one transaction, so all of it is there or nothing. Calls run on the storage's thread
// and hold it while they wait for the disk or for another process, at most until their deadline.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dialogstore/options.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/context_table.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::sqlite {

class SQLiteRowLog final : public RowLog {
 public:
  /// Opens the file or makes it. Throws Failure (schema.hpp).
  SQLiteRowLog(const std::string& file, const SQLiteOptions& sqlite, const StorageOptions& options);

  [[nodiscard]] const std::string& identity() const noexcept override { return identity_; }

  asio::awaitable<Rows> read(ContextKey key, std::size_t count, bool refresh,
                             Deadline deadline) override;
  asio::awaitable<SaveResult> save(ContextKey key,
                                   std::shared_ptr<const format::SaveRequest> request,
                                   SentBefore first_sent, Deadline deadline) override;
  asio::awaitable<std::uint64_t> count(Deadline deadline) override;
  asio::awaitable<ScanPage> scan(std::string cursor, ScanOptions options,
                                 Deadline deadline) override;
  asio::awaitable<std::uint64_t> clear(Deadline deadline) override;
  asio::awaitable<CheckReport> check_listing(bool repair, Deadline deadline) override;
  asio::awaitable<Statistics> statistics(Deadline deadline) override;
  void close() override {}

 private:
  std::optional<std::int64_t> name_space();
  [[nodiscard]] std::optional<std::int64_t> expiry(std::int64_t now) const;
  SaveResult apply(const ContextKey& key, const format::SaveRequest& request);
  void finish(TableRowList& list, const format::SaveRequest& request, std::int64_t now);
  void refresh_expiry(const ContextRecord& record, std::int64_t now);
  void purge_sometimes(Deadline deadline);
  std::size_t purge_batch();
  std::uint64_t clear_batch(std::int64_t name_space, bool& done);
  ScanPage scan_by_key(std::int64_t name_space, const std::string& cursor, std::int64_t limit);
  ScanPage scan_by_use(std::int64_t name_space, const std::string& cursor, std::int64_t limit);
  void add_file_damage(CheckReport& report);
  void add_orphans(CheckReport& report, bool repair);

  StorageOptions options_;
  std::unique_ptr<Connection> connection_;
  std::string identity_;
  std::optional<std::int64_t> name_space_;  // found once, there for ever
  Clock::time_point next_purge_;
  ContextTable table_;
  Statement refresh_, expired_, batch_, count_, scan_keys_, scan_newest_, scan_moved_;
};

}  // namespace dialogstore::sqlite
