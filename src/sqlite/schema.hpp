// The tables of a store, how a file becomes one, and what is refused.
//
//   namespaces   id, name
//   contexts     one for each key: when it was used, when it expires, which rows are its log
//   log_rows     id = context * 2^28 + position: the rows of a context lie side by side, and its
//                tail is one range. (One run each, 40,000 saves, against PRIMARY KEY(context,
//                position) WITHOUT ROWID: saves 17-24 % and reads 33-50 % faster, the file 13 %
//                smaller.)
//   meta         the format, for people
//
// Times are microseconds since 1970 by the system's clock; what expires at a time that has passed
// is not there, whether it was purged already or not. Other processes may use the same file.
//
// The indices hold times in periods of about four and a half minutes, so that most saves of a
// dialog leave them alone: every page that a save touches is written to the log whole. (With exact
// times a save wrote 22 KB to the log instead of 14 KB, of 256 dialogs in turn.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "dialogstore/options.hpp"
#include "sqlite/connection.hpp"

namespace dialogstore::sqlite {

// Stored numbers: do not change them.
inline constexpr std::int64_t application_id = 0x444c4753;  ///< "DLGS"
inline constexpr std::int64_t format_version = 1;
inline constexpr int position_bits = 28;
inline constexpr std::int64_t position_end = std::int64_t{1} << position_bits;
inline constexpr int period_bits = 28;  ///< a period is 2^28 microseconds
inline constexpr std::int64_t context_id_end = std::int64_t{1} << (62 - position_bits);

constexpr std::int64_t period_of(std::int64_t time) {
  return time >> period_bits;
}

/// The one path of a file, however it was written: absolute, symbolic links resolved.
/// Throws Failure (io_error) when its folder does not exist or it is not a regular file.
std::string canonical_file(const std::string& file);

/// Opens the store in `file` (from canonical_file), makes it when the file is not there or empty.
/// Throws Failure: corrupt (not a database), wrong_type (another application's database),
/// unsupported_format (a newer one), read_only, io_error, server_busy; in all of them the file is
/// left as it is.
std::unique_ptr<Connection> open_store(const std::string& file, const SQLiteOptions& options,
                                       Deadline deadline);

/// One more connection to a store that was opened, for reading alone. Throws Failure.
std::unique_ptr<Connection> open_reader(const Connection& opened, const SQLiteOptions& options,
                                        Deadline deadline);

}  // namespace dialogstore::sqlite
