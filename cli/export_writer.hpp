// Writes an export: JSON lines, gzip when the name ends in .gz.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dialogstore/key.hpp"

namespace dialogstore::cli {

/// A file appears under its name only when the export is complete: an older one of that name stays
/// whole until then. Not finished, it leaves nothing.
class ExportWriter {
 public:
  /// @param path "-" is stdout. Throws CommandError (file).
  explicit ExportWriter(std::string path);
  ~ExportWriter();
  ExportWriter(const ExportWriter&) = delete;
  ExportWriter& operator=(const ExportWriter&) = delete;

  void add(const ContextKey& key, std::string_view context_json);
  [[nodiscard]] std::uint64_t contexts() const noexcept { return contexts_; }
  /// Writes the last line and gives the file its name.
  void finish();

 private:
  struct File;
  void write(std::string_view text);

  std::unique_ptr<File> file_;  // null: stdout
  std::uint64_t contexts_ = 0;
};

}  // namespace dialogstore::cli
