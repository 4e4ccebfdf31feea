// Base64 (RFC 4648 §4) for keys that are not UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dialogstore::cli {

std::string to_base64(std::string_view bytes);
/// nullopt when `text` is not canonical base64 with padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace dialogstore::cli
