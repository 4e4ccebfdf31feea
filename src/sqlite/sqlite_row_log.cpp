#include "sqlite/sqlite_row_log.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "sqlite/schema.hpp"
#include "storage/apply_save.hpp"

namespace dialogstore::sqlite {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto purge_interval = std::chrono::seconds(30);
constexpr std::int64_t batch_contexts = 200;  // of one transaction that clears or purges

std::int64_t in_microseconds(milliseconds duration) {
  return std::chrono::duration_cast<microseconds>(duration).count();
}

// So long a delete is told apart from "never was", as with the other stores.
std::int64_t tombstone_life(const StorageOptions& options) {
  return in_microseconds(options.timeout + RedisOptions{}.clock_tolerance);
}

}  // namespace

SQLiteRowLog::SQLiteRowLog(const std::string& file, const SQLiteOptions& sqlite,
                           const StorageOptions& options)
    : options_(options),
      connection_(open_store(canonical_file(file), sqlite, Clock::now() + options.timeout)),
      identity_("sqlite:" + connection_->file() + '\n' + options.name_space),
      next_purge_(Clock::now()),
      table_(*connection_),
      refresh_(*connection_,
               "UPDATE contexts SET expires = ?2, last_used = ?3 WHERE id = ?1 AND deleted = 0"),
      expired_(*connection_, "SELECT id FROM contexts WHERE expires <= ?1 LIMIT ?2"),
      batch_(*connection_,
             "SELECT id, deleted OR coalesce(expires <= ?2, 0) FROM contexts WHERE namespace = ?1"
             " LIMIT ?3"),
      count_(*connection_,
             "SELECT count(*) FROM contexts WHERE namespace = ?1 AND deleted = 0"
             " AND (expires IS NULL OR expires > ?2)"),
      scan_keys_(*connection_,
                 "SELECT key FROM contexts WHERE namespace = ?1 AND key > ?3 AND deleted = 0"
                 " AND (expires IS NULL OR expires > ?2) ORDER BY key LIMIT ?4"),
      scan_newest_(*connection_,
                   "SELECT key, last_used, id FROM contexts WHERE namespace = ?1"
                   " AND (last_used, id) < (?3, ?4) AND deleted = 0"
                   " AND (expires IS NULL OR expires > ?2)"
                   " ORDER BY last_used DESC, id DESC LIMIT ?5"),
      scan_moved_(*connection_,
                  "SELECT key, last_used, id FROM contexts WHERE namespace = ?1"
                  " AND (last_used, id) > (?3, ?4) AND deleted = 0"
                  " AND (expires IS NULL OR expires > ?2)"
                  " ORDER BY last_used, id LIMIT ?5") {}

std::optional<std::int64_t> SQLiteRowLog::name_space() {
  if (!name_space_) name_space_ = table_.find_namespace(options_.name_space);
  return name_space_;
}

std::optional<std::int64_t> SQLiteRowLog::expiry(std::int64_t now) const {
  if (options_.ttl == milliseconds(0)) return std::nullopt;
  return now + in_microseconds(options_.ttl);
}

// ---- reading -----------------------------------------------------------------------------------

asio::awaitable<Rows> SQLiteRowLog::read(ContextKey key, std::size_t count, bool refresh,
                                         Deadline deadline) {
  connection_->start_call(deadline);
  const auto space = name_space();
  if (!space) co_return Rows{};
  const std::int64_t now = wall_clock();
  ContextRecord found;
  Rows rows = table_.read(*space, key.text(), count, now, found);
  if (refresh && found.id != 0 && !found.is_deleted) refresh_expiry(found, now);
  co_return rows;
}

// A write for each read would be dear, so one that moves the expiry by less than a 64th of ttl (at
// most a minute) is left out. One that fails, on a full disk say, does not take the context that
// was read from its reader.
void SQLiteRowLog::refresh_expiry(const ContextRecord& record, std::int64_t now) {
  const auto expires = expiry(now);
  if (!expires) return;
  const std::int64_t worth =
      in_microseconds(std::min<milliseconds>(options_.ttl / 64, std::chrono::minutes(1)));
  if (record.expires && *expires - *record.expires < worth) return;
  try {
    Run run(refresh_);
    run.bind(1, record.id).bind(2, *expires).bind(3, now).finish();
  } catch (const Failure&) {
  }
}

// ---- writing -----------------------------------------------------------------------------------

asio::awaitable<SaveResult> SQLiteRowLog::save(ContextKey key,
                                               std::shared_ptr<const format::SaveRequest> request,
                                               SentBefore first_sent, Deadline deadline) {
  connection_->start_call(deadline);
  SaveResult result = apply(key, *request);
  result.unanswered_copy = first_sent.has_value();
  purge_sometimes(deadline);
  co_return result;
}

SaveResult SQLiteRowLog::apply(const ContextKey& key, const format::SaveRequest& request) {
  Transaction transaction(*connection_);
  auto space = name_space();
  if (!space) space = table_.make_namespace(options_.name_space);
  const std::int64_t now = wall_clock();
  TableRowList list(table_, space, key.text());
  list.drop_expired(now);
  const SaveResult result = apply_save(list, request);
  if (result.answer == SaveAnswer::saved) {
    finish(list, request, now);
    transaction.commit();
    name_space_ = space;
  } else if (result.answer == SaveAnswer::already && !list.record().is_deleted && expiry(now)) {
    list.finish(false, expiry(now), now);
    transaction.commit();
  }
  return result;
}

void SQLiteRowLog::finish(TableRowList& list, const format::SaveRequest& request,
                          std::int64_t now) {
  if (request.op == format::SaveOp::erase) {
    return list.finish(true, now + tombstone_life(options_), now);
  }
  // A tombstone that is only touched keeps its life.
  if (request.op == format::SaveOp::touch && list.record().is_deleted) return;
  list.finish(false, expiry(now), now);
}

asio::awaitable<std::uint64_t> SQLiteRowLog::clear(Deadline deadline) {
  connection_->start_call(deadline);
  std::uint64_t removed = 0;
  const auto space = name_space();
  for (bool done = !space; !done;) {
    try {
      connection_->start_call(deadline);
      removed += clear_batch(*space, done);
    } catch (Failure& failure) {
      failure.maybe_applied = failure.maybe_applied || removed > 0;
      failure.detail += "; contexts removed so far: " + std::to_string(removed);
      throw;
    }
  }
  co_return removed;
}

// The number of contexts that a caller would have seen.
std::uint64_t SQLiteRowLog::clear_batch(std::int64_t name_space, bool& done) {
  Transaction transaction(*connection_);
  std::vector<std::int64_t> contexts;
  std::uint64_t visible = 0;
  {
    Run run(batch_);
    run.bind(1, name_space).bind(2, wall_clock()).bind(3, batch_contexts);
    while (run.step()) {
      contexts.push_back(run.number(0));
      visible += run.number(1) == 0 ? 1 : 0;
    }
  }
  for (const std::int64_t id : contexts) table_.remove({.id = id});
  transaction.commit();
  done = contexts.size() < static_cast<std::size_t>(batch_contexts);
  return visible;
}

// Whoever writes sweeps a little, now and then; a sweep that cannot be done is left to the next. It
// never waits for another process.
void SQLiteRowLog::purge_sometimes(Deadline deadline) {
  const auto now = Clock::now();
  if (now < next_purge_ || now >= deadline) return;
  next_purge_ = now + purge_interval;
  try {
    connection_->stop_waiting();
    const bool more = purge_batch() == static_cast<std::size_t>(batch_contexts);
    if (more) next_purge_ = now;
  } catch (const Failure&) {
  }
}

std::size_t SQLiteRowLog::purge_batch() {
  const auto find_expired = [this] {
    std::vector<std::int64_t> contexts;
    Run run(expired_);
    run.bind(1, wall_clock()).bind(2, batch_contexts);
    while (run.step()) contexts.push_back(run.number(0));
    return contexts;
  };
  if (find_expired().empty()) return 0;
  Transaction transaction(*connection_);
  const auto contexts = find_expired();  // again: the first look was without the lock
  for (const std::int64_t id : contexts) table_.remove({.id = id});
  transaction.commit();
  return contexts.size();
}

}  // namespace dialogstore::sqlite
