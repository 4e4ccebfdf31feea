// Several processes on one file, and one that is killed while it writes.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <iostream>
#include <random>

#include "integration/sqlite_fixture.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

// A pipe that carries numbers from a child to its parent, or a start signal the other way.
class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
  }
  ~Pipe() {
    for (const int end : ends_) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void write(int number) const {
    if (::write(ends_[1], &number, sizeof number) != sizeof number) ::_exit(7);
  }
  int read() const {
    int number = -1;
    return ::read(ends_[0], &number, sizeof number) == sizeof number ? number : -1;
  }
  bool has_data() const {
    pollfd look{ends_[0], POLLIN, 0};
    return ::poll(&look, 1, 0) == 1 && (look.revents & POLLIN) != 0;
  }

 private:
  std::array<int, 2> ends_{};
};

// Runs `work` in a process of its own. Nothing of SQLite is open here at that moment: connections
// must not cross a fork.
pid_t start(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    work();
    ::_exit(0);
  } catch (const std::exception& error) {
    std::cerr << "child: " << error.what() << '\n';
  }
  ::_exit(1);
}

int exit_status(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class SQLiteProcess : public ::testing::Test {
 protected:
  std::string uri(const std::string& query = "") const {
    return "sqlite:///" + (folder_ / "dialogs.db").string() + query;
  }
  TempDir folder_;
};

TEST_F(SQLiteProcess, SharesOneFileWithoutLosingATurn) {
  constexpr int processes = 3;
  constexpr int turns = 60;
  SQLiteContextStorage(uri()).set_item("shared", make_context("x"));
  std::vector<pid_t> children;
  for (int child = 0; child < processes; ++child) {
    children.push_back(start([&, child] {
      SQLiteContextStorage storage(uri("?timeout=2m&busy_timeout=1m&on_conflict=merge&durable=no"));
      Context own = make_context("own");
      for (int i = 0; i < turns; ++i) {
        storage.append("shared", Turn{.request = "y"});
        own.add_request("z");
        storage.set_item(child, own);
        Context merged = storage.get_item("shared");
        merged.add_request("m");
        storage.set_item("shared", merged);
      }
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(exit_status(child), 0);
  SQLiteContextStorage storage(uri());
  EXPECT_EQ(storage.len(), processes + 1U);
  EXPECT_EQ(storage.get_item("shared").turn_count(), 1U + 2 * processes * turns);
  for (int child = 0; child < processes; ++child) {
    EXPECT_EQ(storage.get_item(child).turn_count(), turns + 1U);
  }
  EXPECT_TRUE(storage.check(false).sound());
}

TEST_F(SQLiteProcess, MakesOneStoreWhenManyOpenItAtOnce) {
  constexpr int processes = 6;
  for (int round = 0; round < 5; ++round) {
    const Pipe go;
    const std::string file = "sqlite:///" + (folder_ / ("new" + std::to_string(round))).string();
    std::vector<pid_t> children;
    for (int child = 0; child < processes; ++child) {
      children.push_back(start([&, child] {
        go.read();
        SQLiteContextStorage(file).set_item(child, make_context("x"));
      }));
    }
    for (int child = 0; child < processes; ++child) go.write(1);
    for (const pid_t child : children) EXPECT_EQ(exit_status(child), 0);
    EXPECT_EQ(SQLiteContextStorage(file).len(), static_cast<std::uint64_t>(processes));
  }
}

// Tells the parent the number of each turn once its save is acknowledged.
void save_for_ever(const std::string& uri, const Pipe& acknowledged) {
  SQLiteContextStorage storage(uri);
  Context context = storage.get("user", Context());
  for (;;) {
    const auto index = context.add_request("turn");
    storage.set_item("user", context);
    acknowledged.write(static_cast<int>(index));
  }
}

TEST_F(SQLiteProcess, KeepsEveryAcknowledgedTurnOfAKilledProcess) {
  std::mt19937 random(7);
  int acknowledged = -1;
  for (int round = 0; round < 12; ++round) {
    const Pipe pipe;
    const pid_t child =
        start([&] { save_for_ever(uri(round % 2 == 0 ? "?seal_after=3" : "?durable=no"), pipe); });
    ASSERT_TRUE(eventually([&] { return pipe.has_data(); }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));  // any moment
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(exit_status(child), -SIGKILL);
    while (pipe.has_data()) acknowledged = pipe.read();

    SQLiteContextStorage storage(uri());
    EXPECT_TRUE(storage.check(false).sound()) << "round " << round;
    const Context context = storage.get_item("user");
    const auto stored = static_cast<int>(context.turn_count()) - 1;
    EXPECT_GE(stored, acknowledged) << "round " << round;
    EXPECT_LE(stored, acknowledged + 1) << "round " << round;
    acknowledged = stored;
  }
}

}  // namespace
}  // namespace dialogstore::test
