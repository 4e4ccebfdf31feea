// dialogstore: the command line. Only wiring; each command is in command_*.cpp.
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include "command_line.hpp"
#include "dialogstore/error.hpp"
#include "exit_code.hpp"
#include "session.hpp"

namespace {

using namespace dialogstore::cli;

int finish(ExitCode code) {
  flush_output();
  return static_cast<int>(code);
}

int fail(ExitCode code, const char* text) {
  Session::complain(text);
  return static_cast<int>(code);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    auto invocation = parse_command_line(count, arguments);
    if (!invocation) return finish(ExitCode::ok);
    Session session(std::move(invocation->global));
    return finish(invocation->command(session));
  } catch (const CommandError& error) {
    return fail(error.exit_code(), error.what());
  } catch (const dialogstore::StorageError& error) {
    return fail(exit_code_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::full, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}
