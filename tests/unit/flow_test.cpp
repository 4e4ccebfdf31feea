#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flow/frame_pool.hpp"
#include "flow/together.hpp"
#include "flow/wait_on.hpp"

namespace dialogstore::test {
namespace {

using asio::steady_timer;

// Counts the ones that live.
struct Guest {
  explicit Guest(int& here) : count(&here) { ++*count; }
  Guest(const Guest& other) : Guest(*other.count) {}
  Guest& operator=(const Guest&) = delete;
  ~Guest() { --*count; }
  int* count;
};

class FlowTest : public testing::Test {
 protected:
  [[nodiscard]] asio::any_io_executor executor() { return loop_.get_executor(); }

  // Runs it to its end.
  template <class Value>
  Value run(Task<Value> work) {
    std::optional<Value> result;
    start(std::move(work), [&](Value value) { result = std::move(value); });
    loop_.restart();
    loop_.run();
    if (thrown_) std::rethrow_exception(thrown_);
    return std::move(result).value();
  }
  template <class Value, class End>
  void start(Task<Value> work, End end) {
    auto flow = make_flow(executor(), std::move(work),
                          [this, end = std::move(end)](std::exception_ptr error, Value value) {
                            flow_ = nullptr;
                            thrown_ = std::move(error);
                            if (!thrown_) end(std::move(value));
                          });
    flow_ = flow.get();
    Flow::start(std::move(flow));
  }

  asio::io_context loop_;
  Flow* flow_ = nullptr;  // while it runs
  std::exception_ptr thrown_;
};

Task<int> number(int value) {
  co_return value;
}

Task<int> posted(asio::any_io_executor executor, int value) {
  co_await operation<>([&](auto done) { asio::post(executor, std::move(done)); });
  co_return value;
}

Task<int> failing() {
  throw std::runtime_error("planned");
  co_return 0;
}

Task<bool> forever(asio::any_io_executor executor) {
  steady_timer timer(executor, steady_timer::time_point::max());
  co_return co_await wait_on(&timer);
}

Task<int> sum_of_many(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await number(1);
  co_return sum;
}

Task<int> deep(int levels) {
  if (levels == 0) co_return 0;
  const int below = co_await deep(levels - 1);
  co_return below + 1;
}

TEST_F(FlowTest, PassesResultsUp) {
  EXPECT_EQ(run(number(7)), 7);
  EXPECT_EQ(run(posted(executor(), 8)), 8);
}

TEST_F(FlowTest, TakesNoStackForManyStepsOrForDeepOnes) {
  EXPECT_EQ(run(sum_of_many(1'000'000)), 1'000'000);
  EXPECT_EQ(run(deep(10'000)), 10'000);
}

Task<std::string> caught() {
  try {
    co_await failing();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

TEST_F(FlowTest, PassesExceptionsUp) {
  EXPECT_EQ(run(caught()), "planned");
  EXPECT_THROW(run(failing()), std::runtime_error);
}

Task<int> ends_at_once() {
  int ended = 0;
  for (int i = 0; i < 100'000; ++i) {
    ended += co_await operation<int>([](auto done) { std::move(done)(1); });
  }
  co_return ended;
}

TEST_F(FlowTest, GoesOnAfterAnOperationThatEndsWhileItIsStarted) {
  EXPECT_EQ(run(ends_at_once()), 100'000);
}

Task<std::string> failed_to_start(asio::any_io_executor executor) {
  std::string text = "nothing";
  try {
    co_await operation<>([](auto) { throw std::runtime_error("not started"); });
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  co_await posted(executor, 0);  // it is whole, and can wait again
  co_return text;
}

TEST_F(FlowTest, ThrowsWhatAnOperationThrowsThatDoesNotStart) {
  EXPECT_EQ(run(failed_to_start(executor())), "not started");
}

Task<int> abandoned(int& guests) {
  const Guest guest(guests);
  co_await operation<>([](auto) {});  // never calls, never keeps
  co_return 1;
}

Task<int> above(int& guests, std::function<Task<int>()> below) {
  const Guest guest(guests);
  co_return co_await below();
}

TEST_F(FlowTest, DestroysItsCoroutinesWhenNothingWillLetThemGoOn) {
  int guests = 0;
  bool has_ended = false;
  start(above(guests, [&] { return abandoned(guests); }), [&](int) { has_ended = true; });
  EXPECT_EQ(guests, 0);
  EXPECT_FALSE(has_ended);
}

TEST_F(FlowTest, DestroysItsCoroutinesWithTheContextTheyWaitIn) {
  int guests = 0;
  {
    asio::io_context loop;
    Flow::start(make_flow(loop.get_executor(),
                          above(guests, [&] { return posted(loop.get_executor(), 1); }),
                          [](const std::exception_ptr&, int) { FAIL(); }));
    EXPECT_EQ(guests, 1);
  }
  EXPECT_EQ(guests, 0);
}

Task<bool> waits_twice(asio::any_io_executor executor) {
  const bool was_cancelled = co_await this_flow::is_cancelled;
  EXPECT_FALSE(was_cancelled);
  const bool has_come = co_await forever(executor);
  EXPECT_FALSE(has_come);
  co_return co_await this_flow::is_cancelled;
}

TEST_F(FlowTest, ACancellationEndsWhatIsAwaitedAndStaysSeen) {
  std::optional<bool> is_cancelled;
  start(waits_twice(executor()), [&](bool seen) { is_cancelled = seen; });
  flow_->cancel();
  loop_.run();
  EXPECT_EQ(is_cancelled, true);
}

Task<std::vector<int>> together(asio::any_io_executor executor) {
  std::vector<Task<int>> works;
  works.push_back(posted(executor, 1));
  works.push_back(number(2));
  works.push_back(posted(executor, 3));
  co_return co_await gather(std::move(works));
}

// As an operation of our own would be told, instead of by a slot.
struct Told final : Flow::Cancellable {
  void on_cancel() override { ++times; }
  int times = 0;
};

TEST_F(FlowTest, ACancellationIsToldOnceToWhatIsAwaited) {
  const auto nothing = []() -> Task<int> { co_return 0; };
  Told told;
  const auto flow = make_flow(executor(), nothing(), [](const std::exception_ptr&, int) {});
  flow->set_awaited(&told);
  flow->cancel();
  flow->cancel();
  EXPECT_EQ(told.times, 1);
  Told ended;
  flow->set_awaited(&ended);
  flow->set_awaited(nullptr);
  flow->cancel();
  EXPECT_EQ(ended.times, 0);
}

// Lets a timer of its own pass, and waits then for what is told of a cancellation directly.
Task<int> pauses_and_waits(asio::any_io_executor executor, Told& told,
                           std::optional<Resumer<>>& held) {
  {
    asio::steady_timer timer(executor, asio::steady_timer::time_point::min());
    const bool has_come = co_await wait_on(&timer);
    EXPECT_TRUE(has_come);
  }
  co_await operation<>([&](auto done) {
    done.flow().set_awaited(&told);
    held.emplace(std::move(done));
  });
  co_return 1;
}

TEST_F(FlowTest, ACancellationDoesNotReachWhatHasEnded) {
  Told told;
  std::optional<Resumer<>> held;
  start(pauses_and_waits(executor(), told, held), [](int) {});
  loop_.run();
  ASSERT_TRUE(held.has_value());
  flow_->cancel();  // a sanitizer tells when that touches the timer
  EXPECT_EQ(told.times, 1);
  auto done = std::move(*held);
  held.reset();
  done();
}

TEST_F(FlowTest, GathersInOrder) {
  EXPECT_EQ(run(together(executor())), (std::vector<int>{1, 2, 3}));
}

Task<int> counted_late(asio::any_io_executor executor, int& ended) {
  co_await posted(executor, 0);
  co_return ++ended;
}

Task<std::vector<int>> together_with_one_that_fails(asio::any_io_executor executor, int& ended) {
  std::vector<Task<int>> works;
  works.push_back(failing());
  works.push_back(counted_late(executor, ended));
  co_return co_await gather(std::move(works));
}

TEST_F(FlowTest, ThrowsWhatOneThrewWhenAllHaveEnded) {
  int ended = 0;
  EXPECT_THROW(run(together_with_one_that_fails(executor(), ended)), std::runtime_error);
  EXPECT_EQ(ended, 1);
}

Task<std::vector<int>> all_at_once() {
  std::vector<Task<int>> works;
  for (int i = 0; i < 3; ++i) works.push_back(number(i));
  co_return co_await gather(std::move(works));
}

TEST_F(FlowTest, GathersWhatEndsAtOnceAndNothing) {
  EXPECT_EQ(run(all_at_once()), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(run(gather(std::vector<Task<int>>{})), std::vector<int>{});
}

Task<int> cancelled_below(asio::any_io_executor executor) {
  const bool has_come = co_await forever(executor);
  const bool is_cancelled = co_await this_flow::is_cancelled;
  co_return !has_come && is_cancelled ? 1 : 0;
}

Task<std::vector<int>> waiting_together(asio::any_io_executor executor, int levels) {
  std::vector<Task<int>> works;
  for (int i = 0; i < levels; ++i) works.push_back(cancelled_below(executor));
  co_return co_await gather(std::move(works));
}

TEST_F(FlowTest, ACancellationReachesAllThatRunTogether) {
  std::vector<int> cancelled;
  start(waiting_together(executor(), 3), [&](std::vector<int> got) { cancelled = std::move(got); });
  flow_->cancel();
  loop_.run();
  EXPECT_EQ(cancelled, (std::vector<int>{1, 1, 1}));
}

TEST_F(FlowTest, DestroysAllThatRunTogether) {
  int guests = 0;
  {
    asio::io_context loop;
    const auto work = [&]() -> Task<int> {
      std::vector<Task<int>> works;
      works.push_back(above(guests, [&] { return posted(loop.get_executor(), 1); }));
      works.push_back(above(guests, [&] { return abandoned(guests); }));
      co_await gather(std::move(works));
      co_return 0;
    };
    Flow::start(make_flow(loop.get_executor(), above(guests, work),
                          [](const std::exception_ptr&, int) { FAIL(); }));
    EXPECT_EQ(guests, 2);
  }
  EXPECT_EQ(guests, 0);
}

TEST_F(FlowTest, AnExceptionOfTheEndReachesTheLoop) {
  start(posted(executor(), 1), [](int) { throw std::runtime_error("of the end"); });
  EXPECT_THROW(loop_.run(), std::runtime_error);
}

struct Frame {
  Frame(std::size_t n, char mark) : bytes(n), memory(static_cast<char*>(allocate_frame(n))) {
    std::fill_n(memory, bytes, mark);
  }
  [[nodiscard]] bool is_all(char mark) const {
    return std::all_of(memory, memory + bytes, [&](char c) { return c == mark; });
  }
  std::size_t bytes;
  char* memory;
};

TEST(FramePool, FramesOfEverySizeKeepApartHoweverTheyComeAndGo) {
  constexpr std::size_t largest = 3000;
  std::vector<Frame> stay;
  for (int round = 0; round < 3; ++round) {
    std::vector<Frame> go;
    for (std::size_t bytes = 1; bytes < largest; bytes += 31) {
      stay.emplace_back(bytes, 's');
      go.emplace_back(bytes, 'g');
    }
    for (const auto& frame : go) {
      EXPECT_TRUE(frame.is_all('g'));
      free_frame(frame.memory, frame.bytes);
    }
  }
  for (const auto& frame : stay) {
    EXPECT_TRUE(frame.is_all('s'));
    free_frame(frame.memory, frame.bytes);
  }
}

TEST(FramePool, AFrameMayComeBackOnAnotherThread) {
  const Frame mine(500, 'm');
  std::thread([&] {
    free_frame(mine.memory, mine.bytes);
    const Frame theirs(500, 't');
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_EQ(theirs.memory, mine.memory) << "the pool serves what came back last";
#endif
    EXPECT_TRUE(theirs.is_all('t'));
    free_frame(theirs.memory, theirs.bytes);
  }).join();
}

}  // namespace
}  // namespace dialogstore::test
