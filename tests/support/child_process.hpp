// Work in a process of its own, and a pipe to talk to it.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>

namespace dialogstore::test {

/// Carries numbers from one process to another; make it before the process.
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  /// Ends the process when nobody listens any more.
  void write(int number) const;
  /// Waits; -1 when nobody will write any more.
  [[nodiscard]] int read() const;
  [[nodiscard]] bool has_data() const;

 private:
  std::array<int, 2> ends_{};
};

/// Runs `work` in a process of its own; what it returns is the exit status, 1 when it throws.
/// Nothing of SQLite may be open here at that moment, since connections must not cross a fork, and
/// no thread may be running, since its locks would stay locked.
pid_t start_child(const std::function<int()>& work);

/// Waits for its end; a signal that killed it is a negative number.
int exit_status_of(pid_t child);

}  // namespace dialogstore::test
