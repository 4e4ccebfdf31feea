// What can go wrong, as one documented enumeration and a few exception types over it.
//
// Absent, unavailable, damaged, conflict and outcome-unknown are five different answers: a caller
// that mistakes one for another loses data (an "unavailable" read as "absent" starts a dialog
// anew).
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace dialogstore {

/// Every error this library reports. The values are frozen: they are printed by the command line
/// and mapped one to one by other languages. Each line ends with what the caller should do.
enum class errc : std::uint8_t {
  key_not_found = 1,    ///< No context is stored under the key. Create one, or use `get`.
  conflict = 2,         ///< Someone saved in between; nothing was written. Reload, or use `merge`.
  history_changed = 3,  ///< What this context was loaded from is no longer there. Reload.
  gone = 4,             ///< The context was deleted or expired after it was loaded. Create anew.
  already_exists = 5,   ///< `create` found a context under the key. Load it instead.
  outcome_unknown = 6,  ///< The save may or may not have happened. Save the same context again.
  timed_out = 7,        ///< The deadline passed and nothing was written. Retry later.
  unavailable = 8,      ///< The server cannot be reached; nothing was written. Retry later.
  canceled = 9,         ///< The caller cancelled; nothing was written.
  invalid_uri = 10,     ///< The storage URI is wrong. Mend what the text names.
  invalid_argument = 11,  ///< An option or argument is out of range. Mend what the text names.
  invalid_key = 12,       ///< The key is empty or too long. Use another key.
  too_large = 13,         ///< A limit of limits.hpp would be exceeded; nothing was written.
  invalid_json = 14,  ///< The text is not the JSON that was expected. Mend it at the place named.
  corrupt = 15,       ///< Stored bytes are damaged. Nothing is changed; see `dialogstore check`.
  unsupported_format = 16,  ///< Written by a newer version of this library. Upgrade.
  wrong_type = 17,          ///< A key of ours holds another application's data. It is left alone.
  auth_failed = 18,         ///< The server refused user or password. Correct the credentials.
  permission_denied = 19,  ///< The user lacks a command the store needs. Grant what the text names.
  read_only = 20,          ///< The server is a replica or set read-only. Connect to the primary.
  server_out_of_memory = 21,  ///< The server is at maxmemory; nothing was written. Free memory.
  server_busy = 22,           ///< The server is loading or runs a long script. Retry later.
  storage_full = 23,        ///< The disk behind the store is full; nothing was written. Free space.
  protocol_error = 24,      ///< The peer does not speak the Redis protocol as it should.
  server_error = 25,        ///< The server answered with an error not listed here; see the text.
  tls_error = 26,           ///< The TLS handshake or the certificate check failed.
  would_deadlock = 27,      ///< A blocking call was made from the storage's own thread. Use async.
  save_in_progress = 28,    ///< This Context object is being saved already. Await that save first.
  partial_context = 29,     ///< Loaded with history=recent: reload with history=all for this use.
  closed = 30,              ///< The storage was closed while the call was waiting.
  overloaded = 31,          ///< Too many calls wait already; nothing was written. Slow down.
  unsupported_server = 32,  ///< The server lacks something the store needs; see the text.
  io_error = 33,            ///< The file of the embedded store cannot be read or written.
  not_replicated = 34,  ///< Written, but not on enough replicas or disks. Save the same one again.
  wrong_key = 35,  ///< Encrypted with a key that is not among yours. Give the one the text names.
};

/// The category of `errc` values ("dialogstore").
const std::error_category& error_category() noexcept;

/// Lets `errc` be used where a std::error_code is expected.
std::error_code make_error_code(errc code) noexcept;

/// True when the same call may succeed later without any change by the caller, and nothing was
/// written: unavailable, timed_out, server_busy, overloaded, server_out_of_memory, storage_full.
bool is_transient(const std::error_code& code) noexcept;

/// True when a write may have happened: saving the same Context object again settles it, so that it
/// takes effect exactly once.
bool is_outcome_unknown(const std::error_code& code) noexcept;

/// The short frozen name of a code, for machines: "key_not_found".
std::string_view to_string(errc code) noexcept;

/// Base of all exceptions of this library. Never holds a password or the text of a dialog.
class StorageError : public std::system_error {
 public:
  /// @param operation the public call that failed ("get_item"); may be empty
  /// @param key the context's key, shortened and made printable; may be empty
  /// @param detail what exactly went wrong and what to do
  StorageError(errc code, std::string operation, std::string key, std::string detail);

  /// The enumeration value behind code().
  [[nodiscard]] errc reason() const noexcept { return static_cast<errc>(code().value()); }
  [[nodiscard]] const std::string& operation() const noexcept { return operation_; }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  /// `<operation> "<key>": <detail> (<code>)`
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  /// The text without operation and key.
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

 private:
  std::string operation_;
  std::string key_;
  std::string detail_;
  std::string what_;
};

/// No context under the key (`errc::key_not_found`), as Python's KeyError.
class KeyError : public StorageError {
 public:
  using StorageError::StorageError;
};

/// conflict, history_changed, gone or already_exists: the stored context is not what was loaded.
class ConflictError : public StorageError {
 public:
  using StorageError::StorageError;
};

/// invalid_json, corrupt or unsupported_format: bytes that are not what they should be.
class FormatError : public StorageError {
 public:
  using StorageError::StorageError;
};

/// invalid_uri: the text names the part and the remedy, never the password.
class UriError : public StorageError {
 public:
  using StorageError::StorageError;
};

/// timed_out, or outcome_unknown because the deadline passed after the request was sent.
class TimeoutError : public StorageError {
 public:
  using StorageError::StorageError;
};

/// Throws the exception class that belongs to `code`.
[[noreturn]] void throw_error(errc code, std::string operation, std::string key,
                              std::string detail);

/// The same, as an exception_ptr, for completion handlers.
std::exception_ptr make_error(errc code, std::string operation, std::string key,
                              std::string detail);

/// The code inside what an asynchronous call completed with; a default (success) code for null.
/// For callers that use callbacks and do not want to rethrow.
std::error_code code_of(const std::exception_ptr& error) noexcept;

/// The text of what an asynchronous call completed with; empty for null.
std::string message_of(const std::exception_ptr& error);

}  // namespace dialogstore

template <>
struct std::is_error_code_enum<dialogstore::errc> : std::true_type {};
