#include "export_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "conversation_view.hpp"
#include "dialogstore/version.hpp"
#include "exit_code.hpp"
#include "session.hpp"

namespace dialogstore::cli {

struct ExportWriter::File {
  explicit File(std::string final_path) : path(std::move(final_path)) {
    struct stat status {};
    // Something that is no regular file (a pipe, /dev/null) is written in place.
    in_place = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
    written = in_place ? path : path + ".part";
    // Dialogs are private: only the owner reads a new file.
    const int file = ::open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail();
    // "T": without compression, so that there is one way to write.
    stream = ::gzdopen(file, path.ends_with(".gz") ? "wb6" : "wbT");
    if (stream == nullptr) {
      ::close(file);
      fail();
    }
    ::gzbuffer(stream, 1U << 17);
  }
  ~File() {
    if (stream != nullptr) ::gzclose(stream);
    if (!finished && !in_place) ::unlink(written.c_str());
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view text) const {
    if (::gzfwrite(text.data(), 1, text.size(), stream) != text.size()) fail();
  }
  void finish() {
    const int closed = ::gzclose(std::exchange(stream, nullptr));
    if (closed != Z_OK) fail();
    if (!in_place && std::rename(written.c_str(), path.c_str()) != 0) fail();
    finished = true;
  }
  [[noreturn]] void fail() const {
    const int cause = errno;
    throw CommandError(cause == ENOSPC ? ExitCode::full : ExitCode::file,
                       "cannot write " + path + ": " + std::strerror(cause));
  }

  std::string path, written;
  gzFile stream = nullptr;
  bool in_place = false;
  bool finished = false;
};

ExportWriter::ExportWriter(std::string path) {
  if (path != "-") file_ = std::make_unique<File>(std::move(path));
  write("{\"dialogstore_export\":1,\"program\":\"dialogstore " + std::string(version) + "\"}\n");
}

ExportWriter::~ExportWriter() = default;

void ExportWriter::write(std::string_view text) {
  if (file_) {
    file_->write(text);
  } else {
    print(text);
  }
}

void ExportWriter::add(const ContextKey& key, std::string_view context_json) {
  write('{' + key_member(key) + ",\"context\":");
  write(context_json);
  write("}\n");
  ++contexts_;
}

void ExportWriter::finish() {
  write("{\"dialogstore_export_end\":1,\"contexts\":" + std::to_string(contexts_) + "}\n");
  if (file_) file_->finish();
}

}  // namespace dialogstore::cli
