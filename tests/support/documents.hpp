// The project's own documents, for tests that hold them to what they say.
#pragma once

#include <string>

namespace dialogstore::test {

/// The text of a file of this project, by its path from the root. Throws when it cannot be read.
std::string read_document(const std::string& path);

}  // namespace dialogstore::test
