// The version of this library (semantic versioning) and of the format it writes.
#pragma once

#include <string_view>

namespace dialogstore {

inline constexpr std::string_view version = "0.1.0";
/// Written into every row; docs/format.md says what may change within one format version.
inline constexpr char stored_format = '1';

}  // namespace dialogstore
