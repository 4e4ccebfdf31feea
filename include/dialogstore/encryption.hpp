// Keys for encryption at rest, as a value.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace dialogstore {

class Keyring;

/// The keys of a storage, or where they lie. A list of lines `id key`: the id is 1 to 32 letters,
/// digits and `. _ -`, the key 32 random bytes as 64 hexadecimal digits or as base64. The first
/// line's key encrypts; all of them decrypt, so that a new first line begins a rotation. Empty
/// lines and lines that begin with `#` are skipped. The same id must never stand for two keys.
///
/// Copies share the keys, whose memory is wiped when the last copy is gone. No member and no error
/// shows a key.
class EncryptionKeys {
 public:
  /// No keys: nothing is encrypted.
  EncryptionKeys() noexcept = default;
  /// The lines themselves. Throws StorageError (invalid_argument) naming the line, never a key. The
  /// caller wipes `lines`.
  static EncryptionKeys from_text(std::string_view lines);
  /// A file of such lines, read whenever a storage is opened.
  static EncryptionKeys from_file(std::string path);
  /// An environment variable with such lines, read whenever a storage is opened; a comma ends a
  /// line too.
  static EncryptionKeys from_environment(std::string name);

  [[nodiscard]] bool empty() const noexcept { return source_.empty(); }
  /// For messages: `file:PATH`, `env:NAME`, `text`; empty when there are no keys.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  /// What storages call when they are opened; null when there are no keys. Throws StorageError:
  /// io_error for a file that cannot be read, invalid_argument for what stands in it.
  [[nodiscard]] std::shared_ptr<const Keyring> read() const;

 private:
  std::string source_;
  std::shared_ptr<const Keyring> keys_;  // of from_text
};

}  // namespace dialogstore
