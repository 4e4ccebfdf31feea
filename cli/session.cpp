#include "session.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base64.hpp"
#include "dialogstore/uri.hpp"
#include "exit_code.hpp"

namespace dialogstore::cli {
namespace {

namespace fs = std::filesystem;

fs::path data_folder() {
  // The XDG specification: a relative path there is invalid and to be ignored.
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data == '/') return data;
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".local" / "share";
  throw CommandError(ExitCode::usage,
                     "neither XDG_DATA_HOME nor HOME is set; name a storage with --store URI");
}

std::string percent_encoded(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view kept =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string out;
  for (const char letter : path) {
    if (kept.find(letter) != std::string_view::npos) {
      out += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    out.append(1, '%').append(1, digits[byte >> 4]).append(1, digits[byte & 15U]);
  }
  return out;
}

[[noreturn]] void output_failed() {
  const int cause = errno;
  throw CommandError(cause == ENOSPC ? ExitCode::full : ExitCode::file,
                     std::string("cannot write to stdout: ") + std::strerror(cause));
}

}  // namespace

Session::Session(GlobalOptions options)
    : options_(std::move(options)),
      terminal_(Terminal::detect(options_.no_color, options_.quiet)) {}

const std::string& Session::uri() {
  if (options_.store.empty()) options_.store = default_store_uri();
  return options_.store;
}

DBContextStorage& Session::storage() {
  if (!storage_) storage_ = context_storage_factory(uri());
  return *storage_;
}

ContextKey Session::key(const std::string& argument) const {
  if (!options_.base64_keys) return ContextKey(argument);
  auto bytes = from_base64(argument);
  if (!bytes) throw CommandError(ExitCode::usage, "KEY is not base64: " + argument);
  return ContextKey(std::move(*bytes));
}

std::vector<ContextKey> Session::keys(const std::vector<std::string>& arguments) const {
  std::vector<ContextKey> keys;
  keys.reserve(arguments.size());
  for (const auto& argument : arguments) keys.push_back(key(argument));
  return keys;
}

void Session::note(std::string_view text) const {
  if (!options_.quiet) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Session::complain(std::string_view text) {
  std::fflush(stdout);
  std::fprintf(stderr, "dialogstore: %.*s\n", static_cast<int>(text.size()), text.data());
}

std::string default_store_uri() {
  const fs::path folder = data_folder() / "dialogstore";
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    fs::create_directories(folder, failure);
    // Dialogs are private: nobody else may read them.
    if (!failure) fs::permissions(folder, fs::perms::owner_all, failure);
    if (failure) {
      throw CommandError(ExitCode::file,
                         "cannot make the folder " + folder.string() + ": " + failure.message());
    }
  }
  return "sqlite:///" + percent_encoded((folder / "dialogs.db").string());
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) output_failed();
}

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_line_now(std::string_view text) {
  print_line(text);
  flush_output();
}

void flush_output() {
  if (std::fflush(stdout) != 0) output_failed();
}

}  // namespace dialogstore::cli
