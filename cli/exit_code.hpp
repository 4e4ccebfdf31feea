// What the program answers the shell with. Frozen: scripts depend on the numbers.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

namespace dialogstore::cli {

enum class ExitCode : int {
  ok = 0,
  no = 1,            ///< the answer is no: absent, unsound, stored turns differ
  usage = 2,         ///< wrong arguments, URI or key
  unavailable = 3,   ///< no server, timed out, busy
  conflict = 4,      ///< something else is stored, or the outcome of a save is unknown
  damaged = 5,       ///< damaged data or a format that cannot be read
  denied = 6,        ///< password, permission, read-only
  full = 7,          ///< beyond a limit, memory or disk full
  file = 8,          ///< a file cannot be read or written
  internal = 70,     ///< a defect of this program
  interrupted = 130  ///< SIGINT or SIGTERM; what was done is done wholly
};

ExitCode exit_code_of(const std::error_code& code) noexcept;

/// An error of the command line itself: text for stderr and the exit code.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] ExitCode exit_code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace dialogstore::cli
