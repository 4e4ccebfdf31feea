// The only file that knows every back end.
#include <memory>
#include <string_view>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/memory_context_storage.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "dialogstore/sqlite_context_storage.hpp"
#include "dialogstore/uri.hpp"

namespace dialogstore {

std::unique_ptr<DBContextStorage> context_storage_factory(std::string_view uri) {
  switch (parse_uri(uri).scheme) {
    case UriScheme::redis:  // whatever its layout
      return std::make_unique<RedisContextStorage>(uri);
    case UriScheme::sqlite:
      return std::make_unique<SQLiteContextStorage>(uri);
    case UriScheme::memory:
      break;
  }
  return std::make_unique<MemoryContextStorage>(uri);
}

}  // namespace dialogstore
