#include "sqlite/context_table.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "dialogstore/limits.hpp"
#include "sqlite/schema.hpp"

namespace dialogstore::sqlite {
namespace {

constexpr std::int64_t row_id(const ContextRecord& record, std::int64_t position) {
  return (record.id << position_bits) + position;
}

std::optional<std::int64_t> nullable(const Run& run, int column) {
  return run.is_null(column) ? std::nullopt : std::optional(run.number(column));
}

// Rows of one read, in one piece of memory.
struct ReadRows {
  std::string bytes;
  std::vector<std::size_t> ends;
};

Rows views_of(const std::shared_ptr<const ReadRows>& read) {
  Rows result;
  result.rows.reserve(read->ends.size());
  std::size_t begin = 0;
  for (const std::size_t end : read->ends) {
    result.rows.push_back(std::string_view(read->bytes).substr(begin, end - begin));
    begin = end;
  }
  result.owner = read;
  return result;
}

}  // namespace

std::int64_t wall_clock() noexcept {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

// 268435456 is 2^position_bits; see schema.hpp.
ContextTable::ContextTable(Connection& connection)
    : connection_(connection),
      find_namespace_(connection, "SELECT id FROM namespaces WHERE name = ?1"),
      make_namespace_(connection, "INSERT INTO namespaces(name) VALUES(?1) RETURNING id"),
      find_(connection,
            "SELECT c.id, c.deleted, c.expires, c.first_row, c.next_row, r.row, c.use_period,"
            " c.expiry_period FROM contexts c"
            " LEFT JOIN log_rows r ON r.id = c.id * 268435456 + c.next_row - 1"
            " WHERE c.namespace = ?1 AND c.key = ?2"),
      insert_(connection,
              "INSERT INTO contexts(namespace, key, deleted, last_used, use_period, first_row,"
              " next_row) VALUES(?1, ?2, 0, 0, 0, 0, 0) RETURNING id"),
      update_(connection,
              "UPDATE contexts SET deleted = ?2, last_used = ?3, expires = ?4, first_row = ?5,"
              " next_row = ?6 WHERE id = ?1"),
      move_(connection, "UPDATE contexts SET use_period = ?2, expiry_period = ?3 WHERE id = ?1"),
      remove_(connection, "DELETE FROM contexts WHERE id = ?1"),
      row_(connection, "SELECT row FROM log_rows WHERE id = ?1"),
      set_row_(connection, "UPDATE log_rows SET row = ?2 WHERE id = ?1 RETURNING id"),
      insert_row_(connection, "INSERT INTO log_rows(id, row) VALUES(?1, ?2)"),
      remove_rows_(connection, "DELETE FROM log_rows WHERE id >= ?1 AND id < ?2"),
      read_(connection,
            "SELECT c.id, c.deleted, c.expires, c.first_row, c.next_row, r.id, r.row"
            " FROM contexts c LEFT JOIN log_rows r"
            " ON r.id >= c.id * 268435456 + max(c.first_row, c.next_row - ?3)"
            " AND r.id < c.id * 268435456 + c.next_row"
            " WHERE c.namespace = ?1 AND c.key = ?2 AND (c.expires IS NULL OR c.expires > ?4)"
            " ORDER BY r.id") {
  static_assert(position_end == 268435456);
}

void ContextTable::fail_missing(const ContextRecord& record) const {
  throw Failure{errc::corrupt, connection_.file() + ": rows of context number " +
                                   std::to_string(record.id) +
                                   " are missing; run dialogstore check, and restore a backup"};
}

std::optional<std::int64_t> ContextTable::find_namespace(std::string_view name) {
  Run run(find_namespace_);
  run.bind(1, name);
  return run.step() ? std::optional(run.number(0)) : std::nullopt;
}

std::int64_t ContextTable::make_namespace(std::string_view name) {
  Run run(make_namespace_);
  run.bind(1, name).step();
  const std::int64_t id = run.number(0);
  run.finish();
  return id;
}

ContextRecord ContextTable::find(std::int64_t name_space, std::string_view key,
                                 std::string& last_row) {
  Run run(find_);
  ContextRecord record;
  if (!run.bind(1, name_space).bind(2, key).step()) return record;
  record = {.id = run.number(0),
            .is_deleted = run.number(1) != 0,
            .expires = nullable(run, 2),
            .first_row = run.number(3),
            .next_row = run.number(4),
            .use_period = run.number(6),
            .expiry_period = nullable(run, 7)};
  if (run.is_null(5)) fail_missing(record);
  last_row = run.bytes(5);
  return record;
}

std::int64_t ContextTable::insert(std::int64_t name_space, std::string_view key) {
  Run run(insert_);
  run.bind(1, name_space).bind(2, key).step();
  const std::int64_t id = run.number(0);
  run.finish();
  if (id >= context_id_end) {
    throw Failure{errc::too_large, connection_.file() + ": it holds too many contexts"};
  }
  return id;
}

void ContextTable::update(const ContextRecord& record, std::int64_t last_used) {
  Run run(update_);
  run.bind(1, record.id).bind(2, std::int64_t{record.is_deleted}).bind(3, last_used);
  if (record.expires) run.bind(4, *record.expires);
  run.bind(5, record.first_row).bind(6, record.next_row).finish();

  const auto use_period = period_of(last_used);
  std::optional<std::int64_t> expiry_period;
  if (record.expires) expiry_period = period_of(*record.expires);
  if (use_period == record.use_period && expiry_period == record.expiry_period) return;
  Run move(move_);
  move.bind(1, record.id).bind(2, use_period);
  if (expiry_period) move.bind(3, *expiry_period);
  move.finish();
}

void ContextTable::remove(const ContextRecord& record) {
  // All that could be there, not just what the record names: nothing is left without a context.
  remove_rows(record, 0, position_end);
  Run run(remove_);
  run.bind(1, record.id).finish();
}

std::string ContextTable::row(const ContextRecord& record, std::int64_t position) {
  Run run(row_);
  if (!run.bind(1, row_id(record, position)).step()) fail_missing(record);
  return std::string(run.bytes(0));
}

void ContextTable::set_row(const ContextRecord& record, std::int64_t position,
                           std::string_view row) {
  Run run(set_row_);
  if (!run.bind(1, row_id(record, position)).bind(2, row).step()) fail_missing(record);
  run.finish();
}

void ContextTable::insert_row(const ContextRecord& record, std::int64_t position,
                              std::string_view row) {
  if (position >= position_end) {
    throw Failure{errc::too_large, connection_.file() +
                                       ": a context was saved more than 2^28 times; delete it and "
                                       "store it anew"};
  }
  Run run(insert_row_);
  run.bind(1, row_id(record, position)).bind(2, row).finish();
}

void ContextTable::remove_rows(const ContextRecord& record, std::int64_t from, std::int64_t to) {
  Run run(remove_rows_);
  run.bind(1, row_id(record, from)).bind(2, row_id(record, to)).finish();
}

Rows ContextTable::read(std::int64_t name_space, std::string_view key, std::size_t count,
                        std::int64_t now, ContextRecord& found) {
  const auto wanted = count == 0 ? position_end : static_cast<std::int64_t>(count);
  Run run(read_);
  run.bind(1, name_space).bind(2, key).bind(3, wanted).bind(4, now);
  auto read = std::make_shared<ReadRows>();
  std::int64_t expected = 0;
  while (run.step()) {
    if (read->ends.empty()) {
      found = {.id = run.number(0),
               .is_deleted = run.number(1) != 0,
               .expires = nullable(run, 2),
               .first_row = run.number(3),
               .next_row = run.number(4)};
      expected = row_id(found, std::max(found.first_row, found.next_row - wanted));
    }
    if (run.is_null(5) || run.number(5) != expected) fail_missing(found);
    ++expected;
    if (read->ends.size() == limits::rows_per_context ||
        read->bytes.size() + run.bytes(6).size() > limits::reply_bytes) {
      throw Failure{errc::too_large, connection_.file() +
                                         ": a context has more rows or bytes than "
                                         "a reader accepts"};
    }
    read->bytes += run.bytes(6);
    read->ends.push_back(read->bytes.size());
  }
  if (found.id != 0 && expected != row_id(found, found.next_row)) fail_missing(found);
  return views_of(read);
}

// ---- one context's rows ------------------------------------------------------------------------

TableRowList::TableRowList(ContextTable& table, std::optional<std::int64_t> name_space,
                           std::string_view key)
    : table_(table), name_space_(name_space.value_or(0)), key_(key) {
  if (!name_space) return;
  record_ = table_.find(name_space_, key_, last_row_);
  has_last_row_ = record_.id != 0;
}

void TableRowList::drop_expired(std::int64_t now) {
  if (record_.id != 0 && record_.has_expired(now)) drop_front(size());
}

std::size_t TableRowList::size() {
  return static_cast<std::size_t>(record_.next_row - record_.first_row);
}

std::string TableRowList::row(std::size_t position) {
  if (has_last_row_ && position + 1 == size()) return last_row_;
  return table_.row(record_, record_.first_row + static_cast<std::int64_t>(position));
}

void TableRowList::set(std::size_t position, std::string_view row) {
  has_last_row_ = false;
  table_.set_row(record_, record_.first_row + static_cast<std::int64_t>(position), row);
}

void TableRowList::make_record() {
  record_.id = table_.insert(name_space_, key_);
}

void TableRowList::push_back(std::string_view row) {
  has_last_row_ = false;
  if (record_.id == 0) make_record();
  table_.insert_row(record_, record_.next_row, row);
  ++record_.next_row;
}

void TableRowList::drop_front(std::size_t count) {
  const std::int64_t end = record_.first_row + static_cast<std::int64_t>(count);
  if (count > 0) table_.remove_rows(record_, record_.first_row, end);
  record_.first_row = end;
  if (record_.first_row == record_.next_row) record_.first_row = record_.next_row = 0;
}

void TableRowList::drop_back(std::size_t count) {
  has_last_row_ = false;
  const std::int64_t begin = record_.next_row - static_cast<std::int64_t>(count);
  if (count > 0) table_.remove_rows(record_, begin, record_.next_row);
  record_.next_row = begin;
}

void TableRowList::finish(bool is_deleted, std::optional<std::int64_t> expires,
                          std::int64_t last_used) {
  if (record_.id == 0) return;
  record_.is_deleted = is_deleted;
  record_.expires = expires;
  table_.update(record_, last_used);
}

}  // namespace dialogstore::sqlite
