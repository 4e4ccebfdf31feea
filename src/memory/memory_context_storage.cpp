#include "dialogstore/memory_context_storage.hpp"

#include "dialogstore/uri.hpp"
#include "memory/memory_row_log.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore {

namespace {

std::shared_ptr<StorageEngine> make_engine(const std::string& name, const StorageOptions& options) {
  check_options(options);
  return make_log_engine(std::make_unique<IoThread>(), make_memory_row_log(name, options), options);
}

std::shared_ptr<StorageEngine> make_engine(std::string_view path) {
  const auto uri = parse_uri(path);
  if (uri.scheme != UriScheme::memory) {
    throw_error(errc::invalid_uri, "open", {},
                "MemoryContextStorage wants memory:// or memory://name, got " + redact_uri(path));
  }
  return make_engine(uri.file, uri.options);
}

}  // namespace

MemoryContextStorage::MemoryContextStorage(std::string_view path)
    : DBContextStorage(redact_uri(path), make_engine(path)) {}

MemoryContextStorage::MemoryContextStorage(StorageOptions options)
    : DBContextStorage("memory://", make_engine({}, options)) {}

}  // namespace dialogstore
