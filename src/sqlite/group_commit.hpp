// Changes that wait at the same time are committed together: the disk is synced once for all of
// them, and that is nearly all that a small change costs.
//
// A change that comes while nothing is under way is begun once the callers that are ready have had
// their turn; what comes meanwhile is the next group. Nobody waits for company.
//
// A change that is alone is made on its caller's thread as long as the disk is quick: two
// hand-overs between threads cost as much as the change. It then stops the other callers for the
// time of a sync, so with a slow disk, as with several changes or another process that writes, it
// is left to the writer's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "flow/task.hpp"
#include "sqlite/connection.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::sqlite {

/// When changes may be made on their callers' thread.
struct CommitPace {
  std::chrono::milliseconds quick{1};  ///< a commit of less may stop the other callers
  std::chrono::seconds between_turns_of_writer{10};  ///< at most, while there are changes
};

class GroupCommit {
 public:
  /// What one caller changes, by statements on the connection. It runs on the writer's thread or,
  /// alone, on the callers'; false (or what it throws) takes back all that it did.
  using Change = std::function<bool()>;

  /// `connection` belongs to `writer`, an executor of one thread, while this is not idle. There,
  /// after each group, `afterwards` runs, which must not throw.
  GroupCommit(Connection& connection, std::chrono::milliseconds busy_timeout,
              boost::asio::any_io_executor writer, std::function<void()> afterwards,
              CommitPace pace = {});

  /// Returns when the change is committed. Throws what the change threw, or Failure: what the
  /// commit failed of; timed_out, canceled, server_busy and closed while the change waited, which
  /// prove that it was not made. Once its group has begun, the answer is waited for. `bytes` is
  /// about how much it writes.
  ///
  /// All callers are on one executor of one thread, and not on the writer's.
  Task<void> run(Change change, std::size_t bytes, Deadline deadline);

  /// Nothing is under way and nothing waits: until the next run() the connection belongs to the
  /// callers' thread, on which this is asked.
  [[nodiscard]] bool is_idle();

  /// What waits ends with errc::closed, and so does what comes later.
  void close();

 private:
  struct Waiting;
  using Group = std::vector<std::shared_ptr<Waiting>>;

  bool enqueue(const std::shared_ptr<Waiting>& waiting);
  bool withdraw(const std::shared_ptr<Waiting>& waiting);
  void begin();
  bool is_for_here();
  bool commit_here();

  // ---- on the writer's thread
  void flush();
  void commit_group();
  bool keep_waiting(Clock::time_point begun);

  // ---- on either, by whom the connection belongs to
  void commit(Transaction& transaction, Group& group);
  bool make(Waiting& waiting);
  bool make_alone(Waiting& waiting);
  Group take_group();
  bool has_more();
  static void fail(const Group& group, const std::exception_ptr& error);
  static void answer(const Group& group);
  static void post_answer(Group group);

  Connection& connection_;
  std::chrono::milliseconds busy_timeout_;
  boost::asio::any_io_executor writer_;
  std::function<void()> afterwards_;
  CommitPace pace_;
  Statement savepoint_, release_, roll_back_;
  bool is_given_up_ = false;        ///< the group: nobody waits for another process any longer
  bool is_quick_ = false;           ///< the last commit that changed something was
  Clock::time_point here_until_{};  ///< then the writer's thread has its turn

  std::mutex mutex_;  ///< guards what follows
  std::deque<std::shared_ptr<Waiting>> queue_;
  bool is_flushing_ = false;
  bool is_closed_ = false;
};

}  // namespace dialogstore::sqlite
