// Where keys come from.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "crypto/keyring.hpp"
#include "dialogstore/encryption.hpp"
#include "dialogstore/error.hpp"

namespace dialogstore {
namespace {

constexpr std::string_view file_prefix = "file:";
constexpr std::string_view environment_prefix = "env:";
constexpr std::size_t largest_file = 64U << 10;

/// Text that is wiped, also when what reads it throws.
struct WipedText {
  std::string text;
  ~WipedText() { wipe(text); }
};

[[noreturn]] void fail_file(const std::string& source, const std::string& what) {
  throw_error(errc::io_error, "", "", "encryption keys (" + source + "): " + what);
}

[[noreturn]] void fail_file(const std::string& source, const char* what, int error) {
  fail_file(source, std::string(what) + ": " + std::generic_category().message(error));
}

/// Without a stream, whose buffer would keep a copy.
void read_file(const std::string& path, const std::string& source, std::string& out) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail_file(source, "the file cannot be opened", errno);
  out.resize(largest_file + 1);
  std::size_t size = 0;
  ssize_t got = 0;
  do {
    got = ::read(file, out.data() + size, out.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
  } while ((got > 0 && size < out.size()) || (got < 0 && errno == EINTR));
  const int error = errno;
  ::close(file);
  if (got < 0) fail_file(source, "the file cannot be read", error);
  if (size > largest_file) fail_file(source, "the file is larger than 64 KiB");
  out.resize(size);
}

}  // namespace

EncryptionKeys EncryptionKeys::from_text(std::string_view lines) {
  EncryptionKeys keys;
  keys.source_ = "text";
  keys.keys_ = Keyring::parse(lines, keys.source_);
  return keys;
}

EncryptionKeys EncryptionKeys::from_file(std::string path) {
  EncryptionKeys keys;
  keys.source_ = std::string(file_prefix) + std::move(path);
  return keys;
}

EncryptionKeys EncryptionKeys::from_environment(std::string name) {
  EncryptionKeys keys;
  keys.source_ = std::string(environment_prefix) + std::move(name);
  return keys;
}

std::shared_ptr<const Keyring> EncryptionKeys::read() const {
  if (keys_ || empty()) return keys_;
  WipedText lines;
  if (source_.starts_with(file_prefix)) {
    read_file(source_.substr(file_prefix.size()), source_, lines.text);
  } else {
    const char* value = std::getenv(source_.c_str() + environment_prefix.size());
    if (value == nullptr) {
      throw_error(errc::invalid_argument, "", "",
                  "encryption keys (" + source_ + "): the environment has no such variable");
    }
    lines.text = value;
    std::replace(lines.text.begin(), lines.text.end(), ',', '\n');
  }
  return Keyring::parse(lines.text, source_);
}

}  // namespace dialogstore
