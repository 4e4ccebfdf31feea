// Any bytes as a file to import, plain or gzip, in each of its formats: it ends with contexts or
// with an error that names the line, and what was read comes back from its own JSON.
//
//   input = format:1 file
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "corpus.hpp"
#include "dialogstore/error.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::cli;

// What a pipe holds without a reader.
constexpr std::size_t largest_file = 60'000;
// Of gzip, a short file may hold many more.
constexpr std::size_t most_conversations = 2000;

void require(bool held) {
  if (!held) std::abort();
}

/// A file without a place on the disk: a pipe whose writer is gone.
class Pipe {
 public:
  explicit Pipe(std::string_view content) {
    int ends[2] = {-1, -1};
    require(::pipe(ends) == 0);
    reader_ = ends[0];
    const ssize_t written = ::write(ends[1], content.data(), content.size());
    require(written == static_cast<ssize_t>(content.size()));
    ::close(ends[1]);
  }
  ~Pipe() { ::close(reader_); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] std::string path() const { return "/dev/fd/" + std::to_string(reader_); }

 private:
  int reader_ = -1;
};

void use(const Conversation& conversation) {
  try {
    const Context context = conversation.to_context();
    require(Context::from_json(context.to_json()) == context);
  } catch (const StorageError&) {  // a turn that is no message
  }
}

void import(const std::string& path, CorpusFormat format) {
  CorpusReader reader(path, format);
  std::vector<DamagedLine> damaged;
  for (std::size_t count = 0; count < most_conversations; ++count) {
    const auto conversation = next_sound(reader, true, damaged);
    if (!conversation) break;
    use(*conversation);
  }
  static_cast<void>(to_json(damaged).text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > largest_file) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Pipe pipe(file);
  try {
    import(pipe.path(), static_cast<CorpusFormat>(data[0] % 4));
  } catch (const CommandError&) {  // a broken or cut gzip
  }
  return 0;
}
