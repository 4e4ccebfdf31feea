// A view of what SQLite does to the disk, and a way to let the disk fail.
#pragma once

#include <cstdint>

namespace dialogstore::test {

/// Stands between SQLite and the system while it lives: every database that is opened meanwhile is
/// watched. One at a time in a process; what was opened must be closed before it is destroyed.
class WatchedDisk {
 public:
  WatchedDisk();
  ~WatchedDisk();
  WatchedDisk(const WatchedDisk&) = delete;
  WatchedDisk& operator=(const WatchedDisk&) = delete;

  /// Of write-ahead logs, since the process began.
  [[nodiscard]] std::uint64_t log_bytes() const;
  [[nodiscard]] std::uint64_t log_syncs() const;
  /// What a power cut now would take away.
  [[nodiscard]] std::uint64_t log_bytes_not_synced() const;
  /// Of the databases themselves, by checkpoints.
  [[nodiscard]] std::uint64_t file_bytes() const;
  [[nodiscard]] std::uint64_t file_syncs() const;

  /// Whether syncing a log fails from now on.
  void fail_log_syncs(bool fail);
};

}  // namespace dialogstore::test
