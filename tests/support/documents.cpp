#include "support/documents.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dialogstore::test {

std::string read_document(const std::string& path) {
  const std::ifstream file(std::string(DIALOGSTORE_SOURCE_DIR) + "/" + path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace dialogstore::test
