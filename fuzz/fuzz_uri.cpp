// Any text: the parser ends with a result or a UriError, and the redacted form of what it accepts
// parses to the same place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dialogstore/error.hpp"
#include "dialogstore/uri.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4000) return 0;  // *** may be longer than the password, and the text has a limit
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string redacted = dialogstore::redact_uri(text);
  dialogstore::StorageUri uri;
  try {
    uri = dialogstore::parse_uri(text);
  } catch (const dialogstore::UriError&) {
    return 0;
  }
  const dialogstore::StorageUri again = dialogstore::parse_uri(redacted);  // must not throw
  const bool same = again.scheme == uri.scheme && again.file == uri.file &&
                    again.redis.host == uri.redis.host && again.redis.port == uri.redis.port &&
                    again.redis.unix_path == uri.redis.unix_path &&
                    again.redis.user == uri.redis.user &&
                    again.redis.password == (uri.redis.password.empty() ? "" : "***");
  if (!same) std::abort();
  return 0;
}
