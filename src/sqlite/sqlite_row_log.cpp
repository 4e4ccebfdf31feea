#include "sqlite/sqlite_row_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sqlite/schema.hpp"

namespace dialogstore::sqlite {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::size_t bytes_of(const format::SaveRequest& request) {
  std::size_t bytes = 0;
  for (const auto& row : request.rows) bytes += row.size();
  return bytes;
}

}  // namespace

SQLiteRowLog::SQLiteRowLog(const std::string& file, const SQLiteOptions& sqlite,
                           const StorageOptions& options)
    : options_(options),
      write_connection_(open_store(canonical_file(file), sqlite, Clock::now() + options.timeout)),
      connection_(open_reader(*write_connection_, sqlite, Clock::now() + options.timeout)),
      identity_("sqlite:" + connection_->file() + '\n' + options.name_space),
      table_(*connection_),
      count_(*connection_,
             "SELECT count(*) FROM contexts WHERE namespace = ?1 AND deleted = 0"
             " AND (expires IS NULL OR expires > ?2)"),
      scan_keys_(*connection_,
                 "SELECT key FROM contexts WHERE namespace = ?1 AND key > ?3 AND deleted = 0"
                 " AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT ?4"),
      scan_newest_(*connection_,
                   "SELECT key, last_used, id FROM contexts WHERE namespace = ?1"
                   " AND use_period <= ?3 >> 28 AND (last_used, id) < (?3, ?4) AND deleted = 0"
                   " AND (expires IS NULL OR expires > ?2)"
                   " ORDER BY use_period DESC, last_used DESC, id DESC LIMIT ?5"),
      scan_moved_(*connection_,
                  "SELECT key, id FROM contexts WHERE namespace = ?1"
                  " AND use_period >= ?3 >> 28 AND (last_used, id) > (?3, ?4) AND deleted = 0"
                  " AND (expires IS NULL OR expires > ?2) AND id > ?6 AND id <= ?7"
                  " ORDER BY id LIMIT ?5"),
      newest_id_(*connection_, "SELECT coalesce(max(id), 0) FROM contexts"),
      writer_(*write_connection_, options),
      commits_(*write_connection_, sqlite.busy_timeout, write_thread_.executor(),
               [this] { writer_.purge_sometimes(); }) {}

std::optional<std::int64_t> SQLiteRowLog::name_space() {
  if (!name_space_) name_space_ = table_.find_namespace(options_.name_space);
  return name_space_;
}

// ---- reading -----------------------------------------------------------------------------------

Task<Rows> SQLiteRowLog::read(ContextKey key, std::size_t count, bool refresh, Deadline deadline) {
  // While nobody writes, what was written last is read where it was written: that connection has
  // it in memory, while the other has to read it from the log after each change.
  const bool by_writer = name_space_ && commits_.is_idle();
  (by_writer ? *write_connection_ : *connection_).start_call(deadline);
  const auto space = name_space();
  if (!space) co_return Rows{};
  const std::int64_t now = wall_clock();
  ContextRecord found;
  auto& table = by_writer ? writer_.table() : table_;
  Rows rows = table.read(*space, key.text(), count, now, found);
  if (refresh && found.id != 0 && !found.is_deleted) co_await refresh_expiry(found, now, deadline);
  co_return rows;
}

// A write for each read would be dear, so one that moves the expiry by less than a 64th of ttl (at
// most a minute) is left out. One that fails, on a full disk say, does not take the context that
// was read from its reader.
Task<void> SQLiteRowLog::refresh_expiry(ContextRecord record, std::int64_t now, Deadline deadline) {
  const auto expires = expiry(options_, now);
  if (!expires) co_return;
  const microseconds worth = std::min<milliseconds>(options_.ttl / 64, std::chrono::minutes(1));
  if (record.expires && *expires - *record.expires < worth.count()) co_return;
  GroupCommit::Change change = [this, id = record.id, expires = *expires, now] {
    writer_.refresh(id, expires, now);
    return true;
  };
  try {
    co_await commits_.run(std::move(change), 0, deadline);
  } catch (const Failure&) {
  }
}

// ---- writing -----------------------------------------------------------------------------------

Task<SaveResult> SQLiteRowLog::save(ContextKey key,
                                    std::shared_ptr<const format::SaveRequest> request,
                                    SentBefore first_sent, Deadline deadline) {
  if (!name_space_) connection_->start_call(deadline);
  const auto space = name_space();
  const auto result = std::make_shared<SaveResult>();
  const std::size_t bytes = bytes_of(*request);
  GroupCommit::Change change = [this, space, key = std::move(key), request = std::move(request),
                                result] {
    auto saved = writer_.save(space, key.text(), *request);
    *result = std::move(saved.result);
    return saved.is_changed;
  };
  co_await commits_.run(std::move(change), bytes, deadline);
  result->unanswered_copy = first_sent.has_value();
  co_return *result;
}

Task<std::uint64_t> SQLiteRowLog::clear(Deadline deadline) {
  connection_->start_call(deadline);
  const auto space = name_space();
  if (!space) co_return 0;
  std::uint64_t removed = 0;
  const auto cleared = std::make_shared<StoreWriter::Cleared>();
  while (!cleared->is_last) {
    GroupCommit::Change change = [this, space, cleared] {
      *cleared = writer_.clear_some(*space);
      return true;
    };
    try {
      co_await commits_.run(std::move(change), 0, deadline);
    } catch (const Failure& failure) {
      throw Failure{failure.code,
                    failure.detail + "; contexts removed so far: " + std::to_string(removed),
                    failure.maybe_applied || removed > 0};
    }
    removed += cleared->visible;
  }
  co_return removed;
}

}  // namespace dialogstore::sqlite
