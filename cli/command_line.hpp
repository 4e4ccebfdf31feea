// From arguments to a command. The parsing library stays behind this header.
#pragma once

#include <functional>
#include <optional>

#include "exit_code.hpp"
#include "session.hpp"

namespace dialogstore::cli {

/// What the arguments ask for.
struct Invocation {
  GlobalOptions global;
  std::function<ExitCode(Session&)> command;
};

/// nullopt after --help or --version, which are printed. Throws CommandError (usage).
std::optional<Invocation> parse_command_line(int count, const char* const* arguments);

}  // namespace dialogstore::cli
