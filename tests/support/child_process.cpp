#include "support/child_process.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <stdexcept>

namespace dialogstore::test {

Pipe::Pipe() {
  if (::pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
}

Pipe::~Pipe() {
  for (const int end : ends_) ::close(end);
}

void Pipe::write(int number) const {
  if (::write(ends_[1], &number, sizeof number) != sizeof number) ::_exit(7);
}

int Pipe::read() const {
  int number = -1;
  return ::read(ends_[0], &number, sizeof number) == sizeof number ? number : -1;
}

bool Pipe::has_data() const {
  pollfd look{ends_[0], POLLIN, 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & POLLIN) != 0;
}

pid_t start_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    ::_exit(work());
  } catch (const std::exception& error) {
    std::cerr << "child: " << error.what() << '\n';
  }
  ::_exit(1);
}

int exit_status_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace dialogstore::test
