#include "sqlite/schema.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace dialogstore::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr const char* create_tables = R"sql(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE namespaces(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
  CREATE TABLE contexts(
    id INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    key BLOB NOT NULL,
    deleted INTEGER NOT NULL,    -- 1: its only row is a tombstone
    last_used INTEGER NOT NULL,
    use_period INTEGER NOT NULL,
    expires INTEGER,             -- NULL: never
    expiry_period INTEGER,
    first_row INTEGER NOT NULL,  -- its rows: first_row <= position < next_row
    next_row INTEGER NOT NULL,
    UNIQUE(namespace, key));
  CREATE INDEX contexts_by_use ON contexts(namespace, use_period);
  CREATE INDEX contexts_by_expiry ON contexts(expiry_period)
    WHERE expiry_period IS NOT NULL;
  CREATE TABLE log_rows(id INTEGER PRIMARY KEY, row BLOB NOT NULL);
  INSERT INTO meta VALUES('format', '1'), ('application', 'dialogstore');
)sql";

// ---- the file before SQLite touches it ----------------------------------------------------------

enum class FileKind : std::uint8_t { empty, ours, other_database, no_database };

std::int64_t big_endian(const unsigned char* bytes) {
  return static_cast<std::int64_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

// Opening another application's database with SQLite may already change it (a checkpoint of its
// log), so the header is read by hand. https://sqlite.org/fileformat2.html#the_database_header
FileKind look_at(const std::string& file) {
  constexpr std::string_view magic("SQLite format 3\0", 16);
  constexpr std::size_t application_id_offset = 68;
  std::array<char, 100> header{};
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    // Asked of the attempt itself: a second look could find what another process has made since.
    if (errno == ENOENT) return FileKind::empty;
    throw Failure{errc::io_error, file + ": it cannot be read; make it readable for this user [" +
                                      std::strerror(errno) + "]"};
  }
  stream.read(header.data(), header.size());
  const auto size = static_cast<std::size_t>(stream.gcount());
  if (size == 0) return FileKind::empty;
  if (size < header.size() || !std::string_view(header.data(), size).starts_with(magic)) {
    return FileKind::no_database;
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(header.data());
  const bool is_ours = big_endian(bytes + application_id_offset) == application_id;
  return is_ours ? FileKind::ours : FileKind::other_database;
}

// Another process may be making the store right now, with pages and header half written; its
// journal lies beside the file until it is done.
FileKind look_until_sure(const std::string& file, Deadline deadline) {
  for (;;) {
    FileKind kind = look_at(file);
    if (kind == FileKind::empty || kind == FileKind::ours) return kind;
    std::error_code ignored;
    if (!fs::exists(file + "-journal", ignored)) return look_at(file);
    if (Clock::now() >= deadline) return kind;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void refuse_strangers(const std::string& file, Deadline deadline) {
  switch (look_until_sure(file, deadline)) {
    case FileKind::empty:
    case FileKind::ours:
      return;
    case FileKind::other_database:
      throw Failure{errc::wrong_type,
                    file +
                        ": it is another application's SQLite database, and is left as it is; "
                        "use another file"};
    case FileKind::no_database:
      throw Failure{
          errc::corrupt,
          file + ": it is not an SQLite database, and is left as it is; use another file"};
  }
}

// Dialogs are private: unlike SQLite, we make the file for its owner alone. Who shares it with
// other users changes its mode; SQLite gives that mode to the files beside it too.
void make_private(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
  } else if (errno != EEXIST) {
    const errc code = errno == ENOSPC || errno == EDQUOT ? errc::storage_full
                      : errno == EROFS                   ? errc::read_only
                                                         : errc::io_error;
    throw Failure{code, file + ": it cannot be made; check that this user may write the folder [" +
                            std::strerror(errno) + "]"};
  }
}

// ---- the store ---------------------------------------------------------------------------------

void check_version(Connection& connection) {
  const std::int64_t version = connection.number_of("PRAGMA user_version");
  if (version > format_version) {
    throw Failure{errc::unsupported_format,
                  connection.file() + ": a newer version of this library wrote it (format " +
                      std::to_string(version) + ", this one knows up to " +
                      std::to_string(format_version) + "); upgrade"};
  }
  if (version < 1) {
    throw Failure{errc::corrupt, connection.file() +
                                     ": it has no format number; restore a backup or use another "
                                     "file"};
  }
  // Migrations from older formats go here, one step a version, each in one transaction.
}

bool is_store(Connection& connection) {
  return connection.number_of("PRAGMA application_id") == application_id;
}

// In rollback mode and before WAL is switched on: so the first page of the file itself says whose
// it is from the first moment on.
void create_store(Connection& connection) {
  if (connection.is_read_only()) {
    throw Failure{errc::read_only, connection.file() +
                                       ": it is empty and cannot be written; make it writable for "
                                       "this user"};
  }
  Transaction transaction(connection);
  if (is_store(connection)) return;  // another process was first
  connection.execute(create_tables);
  connection.execute(("PRAGMA user_version = " + std::to_string(format_version)).c_str());
  connection.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
  transaction.commit();
}

// The switch needs the file for itself and does not wait for it, unlike everything else.
void switch_to_wal(Connection& connection, Deadline deadline) {
  for (;;) {
    std::string mode;
    try {
      mode = connection.text_of("PRAGMA journal_mode");
      if (mode == "wal" || connection.is_read_only()) return;
      mode = connection.text_of("PRAGMA journal_mode = WAL");
      if (mode == "wal") return;
    } catch (const Failure& failure) {
      const bool is_busy = failure.code == errc::server_busy || failure.code == errc::timed_out;
      if (!is_busy || Clock::now() >= deadline) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      continue;
    }
    throw Failure{errc::io_error, connection.file() +
                                      ": its file system cannot share a log between "
                                      "processes (journal mode " +
                                      mode + "); put the file on a local disk"};
  }
}

void configure(Connection& connection, const SQLiteOptions& options) {
  connection.execute(options.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  // Deleted dialogs are overwritten where that costs no more writes; the log does not stay large.
  connection.execute(
      "PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 16777216;"
      "PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;");
}

}  // namespace

std::string canonical_file(const std::string& file) {
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error);
  const fs::path folder = absolute.parent_path();
  if (error || !fs::is_directory(folder, error)) {
    throw Failure{errc::io_error, file + ": the folder " + folder.string() +
                                      " does not exist; create it, or correct the path"};
  }
  const fs::path canonical = fs::weakly_canonical(absolute, error);
  if (error) throw Failure{errc::io_error, file + ": " + error.message()};
  const fs::file_status status = fs::status(canonical, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Failure{errc::io_error, file + ": it is not a regular file; name one"};
  }
  return canonical.string();
}

std::unique_ptr<Connection> open_store(const std::string& file, const SQLiteOptions& options,
                                       Deadline deadline) {
  refuse_strangers(file, std::min(deadline, Clock::now() + options.busy_timeout));
  make_private(file);
  auto connection = std::make_unique<Connection>(file, options.busy_timeout);
  connection->start_call(deadline);
  configure(*connection, options);
  if (!is_store(*connection)) create_store(*connection);
  check_version(*connection);
  switch_to_wal(*connection, std::min(deadline, Clock::now() + options.busy_timeout));
  return connection;
}

std::unique_ptr<Connection> open_reader(const Connection& opened, const SQLiteOptions& options,
                                        Deadline deadline) {
  auto connection = std::make_unique<Connection>(opened.file(), options.busy_timeout);
  connection->start_call(deadline);
  configure(*connection, options);
  connection->execute("PRAGMA query_only = ON");
  return connection;
}

}  // namespace dialogstore::sqlite
