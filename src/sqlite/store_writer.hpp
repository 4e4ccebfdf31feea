// What changes the file, each as a step inside a transaction of a group, and the sweeping of what
// expired.
//
// Threads: on the one that the connection belongs to (group_commit.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dialogstore/options.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/context_table.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::sqlite {

/// Rows and contexts that lost each other.
struct Orphans {
  std::uint64_t rows_alone = 0;
  std::uint64_t contexts_alone = 0;
};

class StoreWriter {
 public:
  StoreWriter(Connection& connection, const StorageOptions& options);

  /// For reading by whom the connection belongs to.
  [[nodiscard]] ContextTable& table() noexcept { return table_; }

  struct Saved {
    SaveResult result;
    bool is_changed = false;  ///< else what was done is to be taken back
  };
  /// `name_space`: when it is known; else it is looked for, and made.
  Saved save(std::optional<std::int64_t> name_space, std::string_view key,
             const format::SaveRequest& request);
  /// Sets the expiry of a context anew, as its reading asks for.
  void refresh(std::int64_t context, std::int64_t expires, std::int64_t now);

  struct Cleared {
    std::uint64_t visible = 0;  ///< contexts that a caller would have seen
    bool is_last = false;
  };
  /// Removes some of the contexts of a namespace.
  Cleared clear_some(std::int64_t name_space);
  /// Removes orphans; returns how many there were.
  Orphans remove_orphans(std::int64_t name_space);

  /// A transaction of its own, now and then: never waits for another process, and what cannot be
  /// done is left to the next time.
  void purge_sometimes() noexcept;

 private:
  void finish(TableRowList& list, const format::SaveRequest& request, std::int64_t now);
  std::size_t purge();

  Connection& connection_;
  StorageOptions options_;
  ContextTable table_;
  Clock::time_point next_purge_;
  Statement refresh_, expired_, batch_;
};

/// When a context that is used `now` expires; nothing without ttl.
std::optional<std::int64_t> expiry(const StorageOptions& options, std::int64_t now);

/// Rows that belong to no context (of any namespace) and contexts of this one without any row: our
/// transactions never leave either.
Orphans count_orphans(Connection& connection, std::int64_t name_space);

}  // namespace dialogstore::sqlite
