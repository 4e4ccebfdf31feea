#include "support/watched_disk.hpp"

#include <sqlite3.h>

#include <atomic>
#include <mutex>
#include <stdexcept>

namespace dialogstore::test {
namespace {

// One kind of file: what was done to it, and how. SQLite hands a file to its own methods only, so
// this stands outside of any object.
struct Kind {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> bytes_not_synced{0};
  std::atomic<bool> is_failing{false};
  std::once_flag is_known;
  const sqlite3_io_methods* system = nullptr;
  sqlite3_io_methods watching;
};
Kind logs;
Kind files;

sqlite3_vfs* system_vfs = nullptr;
sqlite3_vfs watching_vfs;

template <Kind& kind>
int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  kind.bytes += static_cast<std::uint64_t>(size);
  kind.bytes_not_synced += static_cast<std::uint64_t>(size);
  return kind.system->xWrite(file, data, size, offset);
}

template <Kind& kind>
int sync(sqlite3_file* file, int flags) {
  if (kind.is_failing) return SQLITE_IOERR_FSYNC;
  const int code = kind.system->xSync(file, flags);
  ++kind.syncs;
  if (code == SQLITE_OK) kind.bytes_not_synced = 0;
  return code;
}

template <Kind& kind>
void watch(sqlite3_file* file) {
  std::call_once(kind.is_known, [file] {
    kind.system = file->pMethods;
    kind.watching = *kind.system;
    kind.watching.xWrite = &write<kind>;
    kind.watching.xSync = &sync<kind>;
  });
  file->pMethods = &kind.watching;
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = system_vfs->xOpen(system_vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK) return code;
  if ((flags & SQLITE_OPEN_WAL) != 0) watch<logs>(file);
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) watch<files>(file);
  return code;
}

}  // namespace

WatchedDisk::WatchedDisk() {
  system_vfs = sqlite3_vfs_find(nullptr);
  watching_vfs = *system_vfs;
  watching_vfs.zName = "watched";
  watching_vfs.xOpen = &open;
  if (sqlite3_vfs_register(&watching_vfs, 1) != SQLITE_OK) throw std::runtime_error("vfs");
}

WatchedDisk::~WatchedDisk() {
  logs.is_failing = false;
  sqlite3_vfs_unregister(&watching_vfs);
  sqlite3_vfs_register(system_vfs, 1);
}

std::uint64_t WatchedDisk::log_bytes() const {
  return logs.bytes;
}
std::uint64_t WatchedDisk::log_syncs() const {
  return logs.syncs;
}
std::uint64_t WatchedDisk::log_bytes_not_synced() const {
  return logs.bytes_not_synced;
}
std::uint64_t WatchedDisk::file_bytes() const {
  return files.bytes;
}
std::uint64_t WatchedDisk::file_syncs() const {
  return files.syncs;
}
void WatchedDisk::fail_log_syncs(bool fail) {
  logs.is_failing = fail;
}

}  // namespace dialogstore::test
