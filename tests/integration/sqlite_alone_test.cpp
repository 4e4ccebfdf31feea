// A change that is alone: on which thread it is made, and that nothing else differs.
#include <atomic>
#include <thread>
#include <vector>

#include "flow/task.hpp"
#include "integration/sqlite_fixture.hpp"
#include "sqlite/group_commit.hpp"
#include "sqlite/schema.hpp"
#include "storage/io_thread.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;
using sqlite::CommitPace;
using sqlite::GroupCommit;

constexpr CommitPace always_here{.quick = 1h, .between_turns_of_writer = 3600s};

class SQLiteAlone : public SQLiteStore {
 protected:
  struct Made {
    bool is_here = false;
    bool is_done = false;
    std::exception_ptr error;
  };

  void open_group(CommitPace pace) {
    connection_ = sqlite::open_store(sqlite::canonical_file(file()), {}, Clock::now() + 10s);
    connection_->execute("CREATE TABLE numbers(number INTEGER)");
    writer_ = std::make_unique<IoThread>();
    commits_ = std::make_unique<GroupCommit>(
        *connection_, 10s, writer_->executor(), [this] { ++afterwards_; }, pace);
  }
  void TearDown() override {
    if (writer_) writer_->finish();
  }

  std::shared_ptr<Made> start(int number, bool is_kept = true, bool fails = false) {
    const auto made = std::make_shared<Made>();
    GroupCommit::Change change = [=, this, here = std::this_thread::get_id()] {
      made->is_here = std::this_thread::get_id() == here;
      connection_->execute(("INSERT INTO numbers VALUES(" + std::to_string(number) + ")").c_str());
      if (fails) throw Failure{errc::io_error, "as asked for"};
      return is_kept;
    };
    Flow::start(make_flow(io_.get_executor(),
                          commits_->run(std::move(change), 1, Clock::now() + 60s),
                          [made](std::exception_ptr error) {
                            made->error = std::move(error);
                            made->is_done = true;
                          }));
    return made;
  }
  void run() {
    io_.restart();
    io_.run();
  }
  std::shared_ptr<Made> make(int number, bool is_kept = true, bool fails = false) {
    auto made = start(number, is_kept, fails);
    run();
    EXPECT_TRUE(made->is_done);
    return made;
  }
  std::string numbers() const {
    return sql("SELECT coalesce(group_concat(number), '') FROM (SELECT * FROM numbers ORDER BY 1)");
  }

  asio::io_context io_;
  std::unique_ptr<sqlite::Connection> connection_;
  std::unique_ptr<IoThread> writer_;
  std::unique_ptr<GroupCommit> commits_;
  std::atomic<int> afterwards_ = 0;
};

TEST_F(SQLiteAlone, IsMadeWhereItsCallerIsAfterTheWriterHadItsTurn) {
  open_group(always_here);
  EXPECT_FALSE(make(1)->is_here);
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  for (int number = 2; number < 10; ++number) {
    EXPECT_TRUE(make(number)->is_here);
    EXPECT_TRUE(commits_->is_idle());
  }
  EXPECT_EQ(numbers(), "1,2,3,4,5,6,7,8,9");
  EXPECT_EQ(afterwards_, 1);
}

TEST_F(SQLiteAlone, IsLeftToTheWriterWhenTheDiskIsSlowOrItsTurnHasCome) {
  for (const auto pace : {CommitPace{.quick = 0ms, .between_turns_of_writer = 3600s},
                          CommitPace{.quick = 1h, .between_turns_of_writer = 0s}}) {
    open_group(pace);
    for (int number = 1; number < 4; ++number) EXPECT_FALSE(make(number)->is_here);
    EXPECT_EQ(numbers(), "1,2,3");
    writer_->finish();
    EXPECT_EQ(afterwards_, 3);
    afterwards_ = 0;
    sql("DROP TABLE numbers");
  }
}

TEST_F(SQLiteAlone, IsLeftToTheWriterWithOthers) {
  open_group(always_here);
  make(1);
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  std::vector<std::shared_ptr<Made>> together;
  for (int number = 2; number < 5; ++number) together.push_back(start(number));
  run();
  for (const auto& made : together) EXPECT_FALSE(made->is_here);
  EXPECT_EQ(numbers(), "1,2,3,4");
}

// The callers' thread goes on with other things while the writer's waits.
TEST_F(SQLiteAlone, IsLeftToTheWriterWhileAnotherProcessWrites) {
  open_group(always_here);
  make(1);
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  auto lock = std::make_unique<WriteLock>(file());
  const auto made = start(2);
  io_.restart();
  io_.poll();
  EXPECT_FALSE(made->is_done);
  EXPECT_FALSE(commits_->is_idle());
  lock.reset();
  run();
  EXPECT_FALSE(made->is_here);
  EXPECT_FALSE(made->error);
  EXPECT_EQ(numbers(), "1,2");
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  EXPECT_TRUE(make(3)->is_here);
}

TEST_F(SQLiteAlone, IsTakenBackWhenItFailsOrChangesItsMind) {
  open_group(always_here);
  make(1);
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  const auto dropped = make(2, false);
  EXPECT_TRUE(dropped->is_here);
  EXPECT_FALSE(dropped->error);
  const auto failed = make(3, true, true);
  EXPECT_TRUE(failed->is_here);
  EXPECT_THROW(std::rethrow_exception(failed->error), Failure);
  EXPECT_EQ(numbers(), "1");
  {
    const FileSizeLimit limit(1000);
    const auto refused = make(4);
    ASSERT_TRUE(refused->error);
    EXPECT_TRUE(refused->is_here);
  }
  EXPECT_TRUE(commits_->is_idle());
  EXPECT_TRUE(make(5)->is_here);
  EXPECT_EQ(numbers(), "1,5");
}

TEST_F(SQLiteAlone, IsLeftToTheWriterUntilTheDiskWasSeenToBeQuick) {
  open_group(always_here);
  for (int number = 1; number < 4; ++number) {
    EXPECT_FALSE(make(number, false)->is_here) << "what writes nothing tells nothing of the disk";
    ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  }
  EXPECT_FALSE(make(4)->is_here);
  ASSERT_TRUE(eventually([&] { return commits_->is_idle(); }));
  EXPECT_TRUE(make(5)->is_here);
  EXPECT_EQ(numbers(), "4,5");
}

// What is read where it was written is what another storage sees, too, and what that wrote
// meanwhile is seen.
TEST_F(SQLiteAlone, WhatIsReadByTheWritersConnectionIsNew) {
  const auto other = open();
  const auto one = open();
  Context context(Json("id"));
  for (int turn = 0; turn < 40; ++turn) {
    context.add_request(std::to_string(turn));
    one->set_item("k", context);
    EXPECT_EQ(one->get_item("k").turn_count(), static_cast<std::size_t>(turn) + 1);
    auto theirs = other->get_item("k");
    ASSERT_EQ(theirs.last_request()->text, std::to_string(turn));
    if (turn % 3 == 0) {
      theirs.set_misc("seen", Json(turn));
      other->set_item("k", theirs);
      context = one->get_item("k");
      EXPECT_EQ(*context.misc().find("seen"), Json(turn)) << turn;
    }
  }
}

}  // namespace
}  // namespace dialogstore::test
