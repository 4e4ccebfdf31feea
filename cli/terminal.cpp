#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(columns, columns + std::strlen(columns), value);
    if (error == std::errc{} && *end == '\0' && value > 0) return value;
  }
  return 80;
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && kind != nullptr &&
         std::strcmp(kind, "dumb") != 0;
}

std::string_view code_of_style(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::user:
      return "\033[36m";
    case Style::bot:
    case Style::good:
      return "\033[32m";
    case Style::bad:
      return "\033[31m";
  }
  return "";
}

}  // namespace

Terminal Terminal::detect(bool no_color, bool quiet) {
  const bool errors_seen = ::isatty(STDERR_FILENO) == 1;
  return {.color = !no_color && wants_color() && ::isatty(STDOUT_FILENO) == 1,
          .progress = errors_seen && !quiet,
          .interactive = errors_seen && ::isatty(STDIN_FILENO) == 1,
          .width = std::clamp<std::size_t>(terminal_width(), 30, 160)};
}

std::string Terminal::paint(Style style, std::string_view text) const {
  const std::string_view code = code_of_style(style);
  if (!color || code.empty()) return std::string(text);
  return std::string(code).append(text).append("\033[0m");
}

Progress::Progress(const Terminal& terminal, std::string what, std::uint64_t total)
    : shown_(terminal.progress), width_(terminal.width), what_(std::move(what)), total_(total) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::advance(std::uint64_t by) {
  done_ += by;
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  draw(now);
}

void Progress::draw(std::chrono::steady_clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  std::string line = what_ + ' ';
  if (total_ > 0) {
    constexpr std::size_t cells = 24;
    const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const auto full = static_cast<std::size_t>(part * cells);
    line += '[';
    for (std::size_t cell = 0; cell < cells; ++cell) line += cell < full ? "█" : "·";
    line += "] " + std::to_string(static_cast<int>(part * 100)) + "%  ";
  }
  line += grouped(done_);
  if (seconds > 0) {
    const double rate = static_cast<double>(done_) / seconds;
    line += "  " + grouped(static_cast<std::uint64_t>(rate)) + "/s";
  }
  std::fprintf(stderr, "\r%s\033[K", shorten(line, width_ - 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace dialogstore::cli
