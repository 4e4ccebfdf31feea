#include "dialogstore/sqlite_context_storage.hpp"

#include <utility>

#include "dialogstore/uri.hpp"
#include "sqlite/sqlite_row_log.hpp"
#include "storage/log_context_storage.hpp"
#include "uri/option_limits.hpp"

namespace dialogstore {
namespace {

std::shared_ptr<StorageEngine> open_engine(const std::string& file, const SQLiteOptions& sqlite,
                                           const StorageOptions& options) {
  check_options(options);
  if (auto problem = uri::find_problem(sqlite)) {
    throw_error(errc::invalid_argument, "open", "", "option " + *problem);
  }
  if (file.empty()) throw_error(errc::invalid_argument, "open", "", "the file has no name");
  try {
    auto rows = std::make_unique<sqlite::SQLiteRowLog>(file, sqlite, options);
    return make_log_engine(std::make_unique<IoThread>(), std::move(rows), options);
  } catch (const Failure& failure) {
    throw_error(failure.code, "open", "", failure.detail);
  }
}

std::shared_ptr<StorageEngine> open_engine(std::string_view path) {
  const StorageUri uri = parse_uri(path);
  if (uri.scheme != UriScheme::sqlite) {
    throw_error(
        errc::invalid_uri, "open", "",
        "storage URI: SQLiteContextStorage takes sqlite:///file.db, not " + redact_uri(path));
  }
  return open_engine(uri.file, uri.sqlite, uri.options);
}

// What parse_uri reads back as the same file.
std::string uri_of(const std::string& file) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string uri = "sqlite:///";
  for (const char byte : file) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '%' || byte == '?' || byte == '#' || value < 0x20 || value == 0x7f) {
      uri.append(1, '%').append(1, digits[value / 16]).append(1, digits[value % 16]);
    } else {
      uri += byte;
    }
  }
  return uri;
}

}  // namespace

SQLiteContextStorage::SQLiteContextStorage(std::string_view path)
    : DBContextStorage(redact_uri(path), open_engine(path)) {}

SQLiteContextStorage::SQLiteContextStorage(std::string file, SQLiteOptions sqlite,
                                           StorageOptions options)
    : DBContextStorage(uri_of(file), open_engine(file, sqlite, options)) {}

}  // namespace dialogstore
