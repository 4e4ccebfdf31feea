#include "line_reader.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "dialogstore/limits.hpp"
#include "exit_code.hpp"
#include "interrupt.hpp"

namespace dialogstore::cli {
namespace {

// JSON of a context plus the key and the member names around it.
constexpr std::size_t longest_line = limits::context_bytes + (std::size_t{1} << 16);

std::string shown_name(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

// Reads plain files as they are and gzip files decompressed: zlib tells them apart.
class Input {
 public:
  explicit Input(const std::string& path) : name_(shown_name(path)) {
    const int file = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(ExitCode::file, std::strerror(errno));
    file_ = ::gzdopen(file, "rb");
    if (file_ == nullptr) {
      ::close(file);
      fail(ExitCode::file, "out of memory");
    }
    ::gzbuffer(file_, 1U << 17);
  }
  ~Input() {
    if (file_ != nullptr) ::gzclose_r(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Zero bytes only at a clean end, or when Ctrl-C ended the wait for a pipe or a keyboard.
  std::size_t read(char* to, std::size_t size) {
    const int got = ::gzread(file_, to, static_cast<unsigned>(size));
    const int cause = errno;
    int code = Z_OK;
    const char* text = ::gzerror(file_, &code);
    // A gzip file that was cut gives its last bytes and Z_BUF_ERROR.
    if (got < 0 || code == Z_BUF_ERROR) {
      if (code == Z_ERRNO && cause == EINTR && interrupted()) return 0;
      if (code == Z_ERRNO) fail(ExitCode::file, std::strerror(cause));
      fail(ExitCode::damaged, code == Z_BUF_ERROR ? "the compressed file is cut off" : text);
    }
    return static_cast<std::size_t>(got);
  }

  [[noreturn]] void fail(ExitCode code, std::string_view reason) const {
    throw CommandError(code, "cannot read " + name_ + ": " + std::string(reason));
  }

 private:
  std::string name_;
  gzFile file_ = nullptr;
};

}  // namespace

struct LineReader::State {
  explicit State(const std::string& path) : input(path) {}

  Input input;
  std::array<char, 1U << 16> buffer{};
  std::string_view rest;
  std::size_t line = 0;
  bool ended = false;
};

LineReader::LineReader(const std::string& path) : state_(std::make_unique<State>(path)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

std::size_t LineReader::line() const noexcept {
  return state_->line;
}

std::optional<std::string> LineReader::next() {
  State& state = *state_;
  std::string line;
  bool begun = false;
  while (!state.ended) {
    if (state.rest.empty()) {
      const std::size_t got = state.input.read(state.buffer.data(), state.buffer.size());
      state.rest = std::string_view(state.buffer.data(), got);
      if (got == 0) {
        state.ended = true;
        break;
      }
    }
    begun = true;
    const std::size_t end = state.rest.find('\n');
    line.append(state.rest.substr(0, end));
    if (line.size() > longest_line) {
      state.input.fail(ExitCode::full, "line " + std::to_string(state.line + 1) +
                                           " is longer than " + std::to_string(longest_line) +
                                           " bytes");
    }
    if (end != std::string_view::npos) {
      state.rest.remove_prefix(end + 1);
      break;
    }
    state.rest = {};
  }
  const bool is_cut = state.ended && interrupted();  // what is there may be half a line
  if (!begun || is_cut) return std::nullopt;
  ++state.line;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string read_whole(const std::string& path) {
  Input input(path);
  std::string all;
  std::array<char, 1U << 16> buffer{};
  while (const std::size_t got = input.read(buffer.data(), buffer.size())) {
    all.append(buffer.data(), got);
    if (all.size() > longest_line) input.fail(ExitCode::full, "it is larger than a context may be");
  }
  return all;
}

}  // namespace dialogstore::cli
