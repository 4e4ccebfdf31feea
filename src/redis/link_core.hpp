// The inside of RedisLink: which requests wait, which were written, and the connection's life.
//
// A request is in `waiting_` until its bytes go to the socket, then in `in_flight_` until its reply
// or the end of the connection. A request whose caller was answered early (deadline, cancellation)
// leaves `waiting_`, but keeps its place in `in_flight_`, since its reply still takes its turn.
//
// Callers are never resumed from within these containers' own loops: their results are collected
// in `finished_` and handed out when the state is consistent again.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "redis/handshake.hpp"
#include "redis/link.hpp"
#include "redis/link_transport.hpp"
#include "redis/reply_reader.hpp"

namespace dialogstore::redis {

/// One connection, from the first attempt to its end.
struct Session {
  Session(const asio::any_io_executor& executor, std::size_t max_reply_bytes)
      : transport(executor), reader(max_reply_bytes) {}

  Transport transport;
  ReplyReader reader;
  std::array<char, 64U << 10> input;
  std::string output;  ///< what is being written
  bool is_writing = false;
  bool has_answered = false;  ///< a user request: the server is worth an immediate retry
  bool timed_out = false;     ///< while being set up
  std::string phase;          ///< of the attempt, for texts
};

class LinkCore : public std::enable_shared_from_this<LinkCore> {
 public:
  /// What resumes a coroutine that awaits exec().
  using Handler = Resumer<ExecResult>;

  LinkCore(asio::any_io_executor executor, LinkSettings settings);

  const asio::any_io_executor& executor() const noexcept { return executor_; }
  const LinkStatistics& statistics() const noexcept { return statistics_; }
  Clock::time_point heard() const noexcept { return heard_; }

  /// Who waits for a request's end.
  struct Caller {
    Handler handler;
    asio::any_io_executor
        executor;  ///< empty: the link's own, where the handler is called directly
  };

  /// `replies`: as many as the request has commands.
  void submit(std::string request, unsigned replies, Clock::time_point deadline, Caller caller);
  void close();
  /// The execution context goes away with callers waiting: lets go of them.
  void abandon() noexcept;

 private:
  enum class State : std::uint8_t { idle, connecting, up, closed };

  struct Request;
  using Requests = std::list<Request>;
  using Deadlines =
      std::multimap<Clock::time_point, Requests::iterator, std::less<>,
                    FrameAllocator<std::pair<const Clock::time_point, Requests::iterator>>>;

  struct Request final : Flow::Cancellable {
    void on_cancel() override { core->cancel(place); }

    LinkCore* core = nullptr;
    Requests::iterator place;
    std::string bytes;  ///< empty once written
    std::size_t size = 0;
    std::optional<Caller> caller;  ///< empty once it was answered
    Clock::time_point submitted;
    Deadlines::iterator deadline;
    unsigned replies = 1;        ///< still to come
    std::vector<Reply> earlier;  ///< that came
    bool is_in_flight = false;
  };

  struct Finished {
    Handler handler;
    asio::any_io_executor executor;  ///< as Caller's
    ExecResult result;
  };

  struct DeadlineWait;
  struct Delivery;

  static constexpr auto never_heard = Clock::time_point::min();

  // link.cpp: requests
  errc admission(const std::string& request, Clock::time_point now, Clock::time_point deadline,
                 std::string& detail) const;
  void enqueue(std::string request, unsigned replies, Clock::time_point now,
               Clock::time_point deadline, Caller caller);
  void finish(Request& request, ExecResult result);
  void release(Requests& from, Requests::iterator request);
  void cancel(Requests::iterator request);
  void fail_waiting(errc code, const std::string& detail);
  void deliver();
  void deliver_later();
  void arm_deadline();
  void on_deadline();
  void expire(Requests::iterator request);
  void check_stall();

  // link_connection.cpp: the connection
  void connect_if_needed();
  static Task<void> connect(std::shared_ptr<LinkCore> self);
  static Task<LinkFailure> attempt(std::shared_ptr<LinkCore> self,
                                   std::shared_ptr<Session> session);
  static Task<LinkFailure> set_up(std::shared_ptr<LinkCore> self, std::shared_ptr<Session> session);
  static Task<LinkFailure> ask(std::shared_ptr<LinkCore> self, std::shared_ptr<Session> session,
                               const SetupStep& step);
  void on_attempt_failed(LinkFailure failure);
  void postpone_next_attempt();
  void start_serving();
  void read_more();
  void on_read(Session& session, boost::system::error_code error, std::size_t bytes);
  bool take_replies();
  bool take_push(const ReplyNode& push);
  void stop_hearing();
  void flush_later();
  void flush();
  void take_output(Session& session);
  static void drop_output(Session& session);
  void on_written(Session& session, boost::system::error_code error, std::size_t bytes);
  void lose(const LinkFailure& failure);

  asio::any_io_executor executor_;
  LinkSettings settings_;
  State state_ = State::idle;
  std::shared_ptr<Session> session_;  ///< being set up or up
  std::vector<Reply> replies_;        ///< of one read
  Clock::time_point heard_ = never_heard;

  Requests waiting_;
  Requests in_flight_;
  Requests spare_;  ///< nodes for later use
  std::size_t queued_bytes_ = 0;
  std::vector<Finished> finished_;
  bool is_delivery_posted_ = false;
  bool is_flush_posted_ = false;

  Deadlines deadlines_;
  asio::steady_timer deadline_timer_;
  Clock::time_point armed_for_ = Clock::time_point::max();  ///< max: not armed
  int strikes_ = 0;                                         ///< deadlines missed in silence
  Clock::time_point silent_since_;

  asio::steady_timer pause_timer_;
  Clock::time_point next_attempt_{};
  std::chrono::milliseconds pause_{0};
  LinkFailure last_failure_;
  std::minstd_rand random_;
  LinkStatistics statistics_;
};

}  // namespace dialogstore::redis
