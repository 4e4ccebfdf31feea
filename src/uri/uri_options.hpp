// The options of a URI: `?name=value&name=value`.
#pragma once

#include <string_view>
#include <vector>

#include "dialogstore/uri.hpp"
#include "uri/uri_text.hpp"

namespace dialogstore::uri {

/// Sets every option of the query. Throws UriError; never shows a value that could be, or be a
/// piece of, a password.
void read_options(const UriParts& parts, StorageUri& out);

/// The names of all options, in the order of docs/uris.md.
std::vector<std::string_view> option_names();

/// The one of `names` that was probably meant; empty when none is near.
std::string_view nearest_name(std::string_view written, const std::vector<std::string_view>& names);

}  // namespace dialogstore::uri
