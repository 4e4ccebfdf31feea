// What every command gets: the global options, the terminal, and the storage when it asks for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/context_storage.hpp"
#include "terminal.hpp"

namespace dialogstore::cli {

struct GlobalOptions {
  std::string store;  ///< empty: the file in the user's data folder
  bool json = false;
  bool no_color = false;
  bool quiet = false;
  bool base64_keys = false;  ///< KEY arguments are base64
};

class Session {
 public:
  explicit Session(GlobalOptions options);

  /// The storage of --store, opened when first asked for.
  DBContextStorage& storage();
  [[nodiscard]] const std::string& uri();

  [[nodiscard]] bool json() const noexcept { return options_.json; }
  [[nodiscard]] bool quiet() const noexcept { return options_.quiet; }
  [[nodiscard]] const Terminal& terminal() const noexcept { return terminal_; }
  /// A KEY argument as the key it stands for.
  [[nodiscard]] ContextKey key(const std::string& argument) const;
  [[nodiscard]] std::vector<ContextKey> keys(const std::vector<std::string>& arguments) const;

  /// To stderr, unless --quiet.
  void note(std::string_view text) const;
  /// `dialogstore: <text>` to stderr.
  static void complain(std::string_view text);

 private:
  GlobalOptions options_;
  Terminal terminal_;
  std::unique_ptr<DBContextStorage> storage_;
};

/// For calls that need every turn, whatever the URI says.
inline constexpr CallOptions whole_history{.history = History::all};

/// The URI of the embedded file in the user's data folder, which is made when it is not there.
std::string default_store_uri();

/// Writes to stdout; throws CommandError when that fails (a full disk must not look like success).
void print(std::string_view text);
void print_line(std::string_view text);
/// print_line for a flush after every line (watch, chat).
void print_line_now(std::string_view text);
void flush_output();

}  // namespace dialogstore::cli
