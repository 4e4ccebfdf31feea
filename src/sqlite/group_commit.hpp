// Changes that wait at the same time are committed together: the disk is synced once for all of
// them, and that is nearly all that a small change costs.
//
// A change that comes while nothing is under way is begun at once; what comes meanwhile is the next
// group. Nobody waits for company.
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

class GroupCommit {
 public:
  /// What one caller changes, by statements on the connection. It runs on the writer's thread,
  /// inside a savepoint; false (or what it throws) takes back all that it did.
  using Change = std::function<bool()>;

  /// `connection` is used by `writer`, an executor of one thread, alone. There, after each group,
  /// `afterwards` runs, which must not throw.
  GroupCommit(Connection& connection, std::chrono::milliseconds busy_timeout,
              boost::asio::any_io_executor writer, std::function<void()> afterwards);

  /// Returns when the change is committed. Throws what the change threw, or Failure: what the
  /// commit failed of; timed_out, canceled, server_busy and closed while the change waited, which
  /// prove that it was not made. Once its group has begun, the answer is waited for. `bytes` is
  /// about how much it writes.
  ///
  /// All callers are on one executor of one thread, and not on the writer's.
  Task<void> run(Change change, std::size_t bytes, Deadline deadline);

  /// What waits ends with errc::closed, and so does what comes later.
  void close();

 private:
  struct Waiting;
  using Group = std::vector<std::shared_ptr<Waiting>>;

  void enqueue(const std::shared_ptr<Waiting>& waiting);
  bool withdraw(const std::shared_ptr<Waiting>& waiting);

  // ---- on the writer's thread
  void flush();
  void commit_group();
  void make(Waiting& waiting);
  Group take_group();
  bool keep_waiting(Clock::time_point begun);
  bool has_more();
  static void fail(const Group& group, const std::exception_ptr& error);
  static void answer(Group group);

  Connection& connection_;
  std::chrono::milliseconds busy_timeout_;
  boost::asio::any_io_executor writer_;
  std::function<void()> afterwards_;
  Statement savepoint_, release_, roll_back_;
  bool is_given_up_ = false;  ///< the group: nobody waits for another process any longer

  std::mutex mutex_;  ///< guards what follows
  std::deque<std::shared_ptr<Waiting>> queue_;
  bool is_flushing_ = false;
  bool is_closed_ = false;
};

}  // namespace dialogstore::sqlite
