#include "sqlite/group_commit.hpp"
#include "flow/wait_on.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace dialogstore::sqlite {
namespace {

namespace asio = boost::asio;

// Of one group: so that the write lock, for which other processes wait, is soon free again.
constexpr std::size_t largest_count = 256;
constexpr std::size_t largest_bytes = std::size_t{4} << 20U;

Failure late(const Connection& connection) {
  return {errc::timed_out, connection.file() +
                               ": the deadline passed while others were writing; try again, or "
                               "raise timeout"};
}

Failure closed() {
  return {errc::closed, "the storage was closed"};
}

}  // namespace

struct GroupCommit::Waiting {
  Change change;
  std::size_t bytes;
  Deadline deadline;
  Clock::time_point since;
  std::exception_ptr error;     ///< the writer's until it has answered
  asio::steady_timer answered;  ///< these two are the caller's thread's
  bool is_answered = false;
};

GroupCommit::GroupCommit(Connection& connection, std::chrono::milliseconds busy_timeout,
                         asio::any_io_executor writer, std::function<void()> afterwards,
                         CommitPace pace)
    : connection_(connection),
      busy_timeout_(busy_timeout),
      writer_(std::move(writer)),
      afterwards_(std::move(afterwards)),
      pace_(pace),
      savepoint_(connection, "SAVEPOINT one_change"),
      release_(connection, "RELEASE one_change"),
      roll_back_(connection, "ROLLBACK TO one_change") {}

// ---- the caller --------------------------------------------------------------------------------

Task<void> GroupCommit::run(Change change, std::size_t bytes, Deadline deadline) {
  const auto executor = co_await this_flow::executor;
  const auto waiting =
      std::make_shared<Waiting>(Waiting{std::move(change), bytes, deadline, Clock::now(), nullptr,
                                        asio::steady_timer(executor, deadline)});
  if (enqueue(waiting)) {
    co_await operation<>([&](auto done) { asio::post(executor, std::move(done)); });
    begin();
  }
  while (!waiting->is_answered) {
    const bool is_late = co_await wait_on(&waiting->answered);
    if (waiting->is_answered) break;
    if (withdraw(waiting)) {
      if (is_late) throw late(connection_);
      throw Failure{errc::canceled, "the caller cancelled"};
    }
    if (is_late) waiting->answered.expires_at(Deadline::max());
  }
  if (waiting->error) std::rethrow_exception(waiting->error);
}

// True for the one who is to begin the group.
bool GroupCommit::enqueue(const std::shared_ptr<Waiting>& waiting) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) throw closed();
  queue_.push_back(waiting);
  return !std::exchange(is_flushing_, true);
}

// False when its group has begun.
bool GroupCommit::withdraw(const std::shared_ptr<Waiting>& waiting) {
  const std::lock_guard lock(mutex_);
  return std::erase(queue_, waiting) != 0;
}

void GroupCommit::begin() {
  if (is_for_here() && commit_here()) return;
  asio::post(writer_, [this] { flush(); });
}

bool GroupCommit::is_for_here() {
  if (!is_quick_ || Clock::now() >= here_until_) return false;
  const std::lock_guard lock(mutex_);
  return queue_.size() == 1;
}

bool GroupCommit::commit_here() {
  Group group;
  try {
    connection_.start_group({});
    Transaction transaction(connection_);
    commit(transaction, group);
  } catch (...) {
    // Not begun: the writer's thread waits for another process, or says what is wrong.
    if (group.empty()) return false;
    fail(group, std::current_exception());
  }
  if (has_more()) asio::post(writer_, [this] { flush(); });
  answer(group);
  return true;
}

bool GroupCommit::is_idle() {
  const std::lock_guard lock(mutex_);
  return !is_flushing_;
}

void GroupCommit::close() {
  Group waiting;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    waiting.assign(queue_.begin(), queue_.end());
    queue_.clear();
  }
  fail(waiting, std::make_exception_ptr(closed()));
  post_answer(std::move(waiting));
}

// ---- the writer --------------------------------------------------------------------------------

void GroupCommit::flush() {
  do {
    commit_group();
    afterwards_();
    here_until_ = Clock::now() + pace_.between_turns_of_writer;
  } while (has_more());
}

bool GroupCommit::has_more() {
  const std::lock_guard lock(mutex_);
  is_flushing_ = !queue_.empty();
  return is_flushing_;
}

void GroupCommit::commit_group() {
  Group group;
  is_given_up_ = false;
  try {
    connection_.start_group([this, begun = Clock::now()] { return keep_waiting(begun); });
    Transaction transaction(connection_);
    commit(transaction, group);
  } catch (...) {
    // Where nobody wanted to wait any longer, who is there now came afterwards, and has not waited.
    if (group.empty() && !is_given_up_) group = take_group();
    fail(group, std::current_exception());
  }
  post_answer(std::move(group));
}

// The group is taken when the lock is: who came while another process was writing is in it, and who
// gave up is not.
void GroupCommit::commit(Transaction& transaction, Group& group) {
  const auto begun = Clock::now();
  group = take_group();
  bool is_kept = false;
  if (group.size() == 1) {
    is_kept = make_alone(*group.front());
  } else {
    for (const auto& waiting : group) is_kept = make(*waiting) || is_kept;
  }
  if (!is_kept) return;  // nothing for the disk, which tells nothing of how quick it is
  transaction.commit();
  is_quick_ = Clock::now() - begun < pace_.quick;
}

// The transaction itself takes back what is not kept: a savepoint would copy every page.
bool GroupCommit::make_alone(Waiting& waiting) {
  if (Clock::now() >= waiting.deadline) throw late(connection_);
  return waiting.change();
}

GroupCommit::Group GroupCommit::take_group() {
  Group group;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  while (!queue_.empty() && group.size() < largest_count) {
    bytes += queue_.front()->bytes;
    if (!group.empty() && bytes > largest_bytes) break;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

bool GroupCommit::make(Waiting& waiting) {
  if (Clock::now() >= waiting.deadline) {
    waiting.error = std::make_exception_ptr(late(connection_));
    return false;
  }
  Run(savepoint_).finish();
  bool is_kept = false;
  try {
    is_kept = waiting.change();
  } catch (...) {
    waiting.error = std::current_exception();
    // After some errors (a full disk, say) SQLite itself rolls everything back.
    if (!connection_.is_in_transaction()) throw;
  }
  if (!is_kept) Run(roll_back_).finish();
  Run(release_).finish();
  return is_kept;
}

// Asked while another process holds the lock; false when nobody is left who waits.
bool GroupCommit::keep_waiting(Clock::time_point begun) {
  Group impatient;
  bool is_wanted = false;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    while (!queue_.empty() && now >= std::max(begun, queue_.front()->since) + busy_timeout_) {
      impatient.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    is_wanted = !queue_.empty();
  }
  fail(impatient, std::make_exception_ptr(connection_.busy_failure()));
  is_given_up_ = !is_wanted;
  post_answer(std::move(impatient));
  return is_wanted;
}

// An answer that did not come from a commit may rest on a change that was not committed, so that
// all that did not fail by themselves fail together.
void GroupCommit::fail(const Group& group, const std::exception_ptr& error) {
  for (const auto& waiting : group) {
    if (!waiting->error) waiting->error = error;
  }
}

void GroupCommit::answer(const Group& group) {
  for (const auto& waiting : group) {
    waiting->is_answered = true;
    waiting->answered.cancel();
  }
}

void GroupCommit::post_answer(Group group) {
  if (group.empty()) return;
  const auto caller = group.front()->answered.get_executor();
  asio::post(caller, [group = std::move(group)] { answer(group); });
}

}  // namespace dialogstore::sqlite
