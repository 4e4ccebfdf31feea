#include "sqlite/store_writer.hpp"

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

constexpr const char* contexts_alone =
    "SELECT c.id FROM contexts c WHERE c.namespace = ?1 AND NOT EXISTS (SELECT 1 FROM log_rows r"
    " WHERE r.id >= c.id * 268435456 + c.first_row AND r.id < c.id * 268435456 + c.next_row)";

std::vector<std::int64_t> find_contexts_alone(Connection& connection, std::int64_t name_space) {
  std::vector<std::int64_t> contexts;
  Statement statement(connection, contexts_alone);
  Run run(statement);
  run.bind(1, name_space);
  while (run.step()) contexts.push_back(run.number(0));
  return contexts;
}

}  // namespace

std::optional<std::int64_t> expiry(const StorageOptions& options, std::int64_t now) {
  if (options.ttl == milliseconds(0)) return std::nullopt;
  return now + in_microseconds(options.ttl);
}

StoreWriter::StoreWriter(Connection& connection, const StorageOptions& options)
    : connection_(connection),
      options_(options),
      table_(connection),
      next_purge_(Clock::now()),
      refresh_(connection,
               "UPDATE contexts SET expires = ?2, expiry_period = ?2 >> 28, last_used = ?3,"
               " use_period = ?3 >> 28 WHERE id = ?1 AND deleted = 0"),
      expired_(connection,
               "SELECT id FROM contexts WHERE expiry_period <= ?1 >> 28 AND expires <= ?1"
               " LIMIT ?2"),
      batch_(connection,
             "SELECT id, deleted OR coalesce(expires <= ?2, 0) FROM contexts WHERE namespace = ?1"
             " LIMIT ?3") {
  static_assert(period_bits == 28);
}

// ---- saving ------------------------------------------------------------------------------------

StoreWriter::Saved StoreWriter::save(std::optional<std::int64_t> name_space, std::string_view key,
                                     const format::SaveRequest& request) {
  if (!name_space) name_space = table_.find_namespace(options_.name_space);
  if (!name_space) name_space = table_.make_namespace(options_.name_space);
  const std::int64_t now = wall_clock();
  TableRowList list(table_, name_space, key);
  list.drop_expired(now);
  Saved saved{.result = apply_save(list, request)};
  if (saved.result.answer == SaveAnswer::saved) {
    finish(list, request, now);
    saved.is_changed = true;
  } else if (saved.result.answer == SaveAnswer::already && !list.record().is_deleted) {
    const auto expires = expiry(options_, now);
    if (expires) list.finish(false, expires, now);
    saved.is_changed = expires.has_value();
  }
  return saved;
}

void StoreWriter::finish(TableRowList& list, const format::SaveRequest& request, std::int64_t now) {
  if (request.op == format::SaveOp::erase) {
    return list.finish(true, now + tombstone_life(options_), now);
  }
  // A tombstone that is only touched keeps its life.
  if (request.op == format::SaveOp::touch && list.record().is_deleted) return;
  list.finish(false, expiry(options_, now), now);
}

void StoreWriter::refresh(std::int64_t context, std::int64_t expires, std::int64_t now) {
  Run run(refresh_);
  run.bind(1, context).bind(2, expires).bind(3, now).finish();
}

// ---- removing ----------------------------------------------------------------------------------

StoreWriter::Cleared StoreWriter::clear_some(std::int64_t name_space) {
  std::vector<std::int64_t> contexts;
  Cleared cleared;
  {
    Run run(batch_);
    run.bind(1, name_space).bind(2, wall_clock()).bind(3, batch_contexts);
    while (run.step()) {
      contexts.push_back(run.number(0));
      cleared.visible += run.number(1) == 0 ? 1 : 0;
    }
  }
  for (const std::int64_t id : contexts) table_.remove({.id = id});
  cleared.is_last = contexts.size() < static_cast<std::size_t>(batch_contexts);
  return cleared;
}

Orphans count_orphans(Connection& connection, std::int64_t name_space) {
  constexpr const char* rows_alone =
      "SELECT count(DISTINCT r.id / 268435456) FROM log_rows r WHERE NOT EXISTS (SELECT 1 FROM"
      " contexts c WHERE c.id = r.id / 268435456"
      " AND r.id % 268435456 >= c.first_row AND r.id % 268435456 < c.next_row)";
  return {.rows_alone = static_cast<std::uint64_t>(connection.number_of(rows_alone)),
          .contexts_alone = find_contexts_alone(connection, name_space).size()};
}

Orphans StoreWriter::remove_orphans(std::int64_t name_space) {
  constexpr const char* delete_rows_alone =
      "DELETE FROM log_rows WHERE NOT EXISTS (SELECT 1 FROM contexts c"
      " WHERE c.id = log_rows.id / 268435456 AND log_rows.id % 268435456 >= c.first_row"
      " AND log_rows.id % 268435456 < c.next_row)";
  const Orphans orphans = count_orphans(connection_, name_space);
  connection_.execute(delete_rows_alone);
  for (const std::int64_t id : find_contexts_alone(connection_, name_space)) {
    table_.remove({.id = id});
  }
  return orphans;
}

// ---- sweeping ----------------------------------------------------------------------------------

void StoreWriter::purge_sometimes() noexcept {
  const auto now = Clock::now();
  if (now < next_purge_) return;
  next_purge_ = now + purge_interval;
  try {
    connection_.stop_waiting();
    const bool more = purge() == static_cast<std::size_t>(batch_contexts);
    if (more) next_purge_ = now;
  } catch (...) {  // left to the next time
  }
}

std::size_t StoreWriter::purge() {
  const auto find_expired = [this] {
    std::vector<std::int64_t> contexts;
    Run run(expired_);
    run.bind(1, wall_clock()).bind(2, batch_contexts);
    while (run.step()) contexts.push_back(run.number(0));
    return contexts;
  };
  if (find_expired().empty()) return 0;
  Transaction transaction(connection_);
  const auto contexts = find_expired();  // again: the first look was without the lock
  for (const std::int64_t id : contexts) table_.remove({.id = id});
  transaction.commit();
  return contexts.size();
}

}  // namespace dialogstore::sqlite
