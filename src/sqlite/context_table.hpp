// The tables contexts and log_rows as the row log uses them: one prepared statement a step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sqlite/connection.hpp"
#include "storage/apply_save.hpp"

namespace dialogstore::sqlite {

/// Microseconds since 1970 by the system's clock.
std::int64_t wall_clock() noexcept;

/// One row of the table contexts.
struct ContextRecord {
  std::int64_t id = 0;  ///< 0: not in the table yet
  bool is_deleted = false;
  std::optional<std::int64_t> expires;
  std::int64_t first_row = 0;
  std::int64_t next_row = 0;
  std::int64_t use_period = 0;  ///< these two as the table has them
  std::optional<std::int64_t> expiry_period;

  [[nodiscard]] bool has_expired(std::int64_t now) const noexcept {
    return expires && *expires <= now;
  }
};

class ContextTable {
 public:
  explicit ContextTable(Connection& connection);

  std::optional<std::int64_t> find_namespace(std::string_view name);
  std::int64_t make_namespace(std::string_view name);

  /// The record of a key, and in `last_row` the last row of its log.
  ContextRecord find(std::int64_t name_space, std::string_view key, std::string& last_row);
  std::int64_t insert(std::int64_t name_space, std::string_view key);
  void update(const ContextRecord& record, std::int64_t last_used);
  void remove(const ContextRecord& record);

  std::string row(const ContextRecord& record, std::int64_t position);
  void set_row(const ContextRecord& record, std::int64_t position, std::string_view row);
  void insert_row(const ContextRecord& record, std::int64_t position, std::string_view row);
  void remove_rows(const ContextRecord& record, std::int64_t from, std::int64_t to);

  /// The last `count` rows (0: all), as one statement. Throws Failure (corrupt) when one is
  /// missing. `found` is what the table says of the key; its id is 0 when nothing (or a thing that
  /// expired) is there.
  Rows read(std::int64_t name_space, std::string_view key, std::size_t count, std::int64_t now,
            ContextRecord& found);

 private:
  [[noreturn]] void fail_missing(const ContextRecord& record) const;

  Connection& connection_;
  Statement find_namespace_, make_namespace_, find_, insert_, update_, move_, remove_;
  Statement row_, set_row_, insert_row_, remove_rows_, read_;
};

/// The rows of one context inside a transaction; every change is one statement at once, and
/// finish() writes the record.
class TableRowList final : public RowList {
 public:
  TableRowList(ContextTable& table, std::optional<std::int64_t> name_space, std::string_view key);

  /// What expired makes room, as if it had been purged in time.
  void drop_expired(std::int64_t now);

  std::size_t size() override;
  std::string row(std::size_t position) override;
  void set(std::size_t position, std::string_view row) override;
  void push_back(std::string_view row) override;
  void drop_front(std::size_t count) override;
  void drop_back(std::size_t count) override;

  [[nodiscard]] const ContextRecord& record() const noexcept { return record_; }
  void finish(bool is_deleted, std::optional<std::int64_t> expires, std::int64_t last_used);

 private:
  void make_record();

  ContextTable& table_;
  std::int64_t name_space_;
  std::string_view key_;
  std::string last_row_;       // of the log as it was found
  bool has_last_row_ = false;  // false once the tail changed
  ContextRecord record_;
};

}  // namespace dialogstore::sqlite
