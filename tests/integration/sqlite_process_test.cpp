// Several processes on one file, and one that is killed while it writes.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "integration/sqlite_fixture.hpp"
#include "support/child_process.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

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
    children.push_back(start_child([&, child] {
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
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(exit_status_of(child), 0);
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
      children.push_back(start_child([&, child] {
        static_cast<void>(go.read());
        SQLiteContextStorage(file).set_item(child, make_context("x"));
        return 0;
      }));
    }
    for (int child = 0; child < processes; ++child) go.write(1);
    for (const pid_t child : children) EXPECT_EQ(exit_status_of(child), 0);
    EXPECT_EQ(SQLiteContextStorage(file).len(), static_cast<std::uint64_t>(processes));
  }
}

// Several dialogs at once, each on a thread of its own.
void talk(DBContextStorage& storage, int first, int dialogs, int turns) {
  std::vector<std::thread> threads;
  for (int dialog = first; dialog < first + dialogs; ++dialog) {
    threads.emplace_back([&storage, dialog, turns] {
      for (int i = 0; i < turns; ++i) {
        Context context = storage.get(dialog, Context());
        context.add_request("turn");
        storage.set_item(dialog, context);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(SQLiteProcess, ServesManyDialogsOfTwoProcesses) {
  constexpr int dialogs = 12;
  constexpr int turns = 15;
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    children.push_back(start_child([&, child] {
      SQLiteContextStorage storage(uri("?timeout=2m&busy_timeout=1m"));
      talk(storage, child * dialogs, dialogs, turns);
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(exit_status_of(child), 0);
  SQLiteContextStorage storage(uri());
  EXPECT_EQ(storage.len(), 2U * dialogs);
  for (int dialog = 0; dialog < 2 * dialogs; ++dialog) {
    EXPECT_EQ(storage.get_item(dialog).turn_count(), static_cast<std::size_t>(turns));
  }
  EXPECT_TRUE(storage.check(false).sound());
}

// Tells the parent the dialog of each turn once its save is acknowledged.
int save_many_for_ever(const std::string& uri, int dialogs, const Pipe& acknowledged) {
  SQLiteContextStorage storage(uri);
  std::vector<std::thread> threads;
  for (int dialog = 0; dialog < dialogs; ++dialog) {
    threads.emplace_back([&, dialog] {
      Context context = storage.get(dialog, Context());
      for (;;) {
        context.add_request("turn");
        storage.set_item(dialog, context);
        acknowledged.write(dialog);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return 0;
}

TEST_F(SQLiteProcess, KeepsEveryAcknowledgedTurnOfManyDialogsOfAKilledProcess) {
  constexpr std::size_t dialogs = 16;
  std::mt19937 random(11);
  std::vector<std::size_t> turns(dialogs, 0);
  for (int round = 0; round < 6; ++round) {
    const Pipe pipe;
    const pid_t child =
        start_child([&] { return save_many_for_ever(uri("?seal_after=3"), dialogs, pipe); });
    ASSERT_TRUE(eventually([&] { return pipe.has_data(); }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));  // any moment
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(exit_status_of(child), -SIGKILL);
    while (pipe.has_data()) ++turns[static_cast<std::size_t>(pipe.read())];

    SQLiteContextStorage storage(uri());
    EXPECT_TRUE(storage.check(false).sound()) << "round " << round;
    for (std::size_t dialog = 0; dialog < dialogs; ++dialog) {
      const auto context = storage.find(static_cast<int>(dialog));
      const std::size_t stored = context ? context->turn_count() : 0;
      EXPECT_GE(stored, turns[dialog]) << "round " << round << ", dialog " << dialog;
      EXPECT_LE(stored, turns[dialog] + 1) << "round " << round << ", dialog " << dialog;
      turns[dialog] = stored;
    }
  }
}

// Tells the parent the number of each turn once its save is acknowledged.
[[noreturn]] int save_for_ever(const std::string& uri, const Pipe& acknowledged) {
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
    const pid_t child = start_child(
        [&] { return save_for_ever(uri(round % 2 == 0 ? "?seal_after=3" : "?durable=no"), pipe); });
    ASSERT_TRUE(eventually([&] { return pipe.has_data(); }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));  // any moment
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(exit_status_of(child), -SIGKILL);
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
