// Where a store is: the part of a URI in front of its options.
#pragma once

#include <string>
#include <string_view>

#include "dialogstore/uri.hpp"
#include "uri/uri_text.hpp"

namespace dialogstore::uri {

/// Fills host, port, socket, user, password and database, or the file's or store's name.
/// Throws UriError.
void read_address(const UriParts& parts, StorageUri& out);

/// A database number of Redis in canonical digits. Throws UriError naming `part`.
int read_database(std::string_view text, std::string_view part);

/// `host:port`. Throws UriError naming `part`.
ServerAddress read_server(std::string_view text, std::string_view part);

/// A host's name, an IPv4 address, or an IPv6 address (without brackets).
bool is_host(std::string_view text) noexcept;

}  // namespace dialogstore::uri
