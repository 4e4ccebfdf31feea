// From a coroutine to a completion handler: the one place that spawns, and the one place where what
// the floors below throw becomes the public exceptions.
#pragma once

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "dialogstore/error.hpp"
#include "dialogstore/key.hpp"
#include "dialogstore/storage_engine.hpp"
#include "flow/task.hpp"
#include "storage/completion.hpp"
#include "storage/io_thread.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// Calls in flight of one storage: starts them on its thread, cancels them all when it closes.
class CallBridge : public std::enable_shared_from_this<CallBridge> {
 public:
  explicit CallBridge(std::unique_ptr<IoThread> thread)
      : thread_(std::move(thread)),
        queue_(thread_->executor()),
        executor_(queue_),
        completes_on_(executor_) {}

  [[nodiscard]] const asio::any_io_executor& executor() const { return executor_; }
  [[nodiscard]] bool runs_in_this_thread() const noexcept { return thread_->runs_in_this_thread(); }

  /// Runs `work()` (a callable giving Task<Result>) on the storage's thread and hands
  /// its end to `handler` on the handler's own executor. `owner` lives until then.
  template <class... Results, class Work>
  void run(std::shared_ptr<void> owner, const char* operation, std::string key, Work work,
           Handler<Results...> handler);

  /// Ends every call in flight (after `first`, on the storage's thread), refuses new ones, and
  /// waits for the thread unless called on it.
  template <class First>
  void close(First first);

 private:
  struct Call;
  using Calls = std::list<std::shared_ptr<Call>, FrameAllocator<std::shared_ptr<Call>>>;
  struct Call {
    Flow* flow = nullptr;  ///< while it runs
    Calls::iterator place;
    bool cancel_early = false;  ///< cancelled before it began
    /// What it waits for may be on another thread, and nothing else to do on the storage's.
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  };

  template <class Start>
  bool enqueue(Start start);
  template <class AnyHandler>
  std::shared_ptr<Call> prepare(AnyHandler& handler);
  void begin(const std::shared_ptr<Call>& call);
  void end(const std::shared_ptr<Call>& call);
  static void cancel(Call& call);
  std::exception_ptr translate(std::exception_ptr error, const char* operation,
                               const std::string& key) const;
  std::unique_ptr<IoThread> thread_;
  asio::io_context::executor_type queue_;  ///< the same, of a known type: much cheaper to post to
  asio::any_io_executor executor_;
  asio::any_completion_executor completes_on_;  ///< the same: for handlers without one of their own
  std::mutex mutex_;  ///< guards closed_ together with the post that follows its test
  bool closed_ = false;
  bool closing_ = false;  ///< the same, as the storage's thread sees it
  Calls calls_;
};

template <class AnyHandler>
std::shared_ptr<CallBridge::Call> CallBridge::prepare(AnyHandler& handler) {
  auto call = std::allocate_shared<Call>(FrameAllocator<Call>());
  auto slot = asio::get_associated_cancellation_slot(handler);
  if (slot.is_connected()) {
    // A caller's signal fires on the caller's thread; the call lives on the storage's.
    slot.assign([call, executor = executor_](asio::cancellation_type) {
      asio::post(executor, [call] { cancel(*call); });
    });
  }
  return call;
}

template <class Start>
bool CallBridge::enqueue(Start start) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  asio::post(queue_, asio::bind_allocator(FrameAllocator<void>(), std::move(start)));
  return true;
}

template <class... Results, class Work>
void CallBridge::run(std::shared_ptr<void> owner, const char* operation, std::string key, Work work,
                     Handler<Results...> handler) {
  auto call = prepare(handler);
  using CallEnd = Completion<Results...>;
  auto completion =
      std::allocate_shared<CallEnd>(FrameAllocator<CallEnd>(), std::move(handler), completes_on_);
  auto start = [self = shared_from_this(), owner = std::move(owner), operation, key,
                work = std::move(work), call, completion]() mutable {
    self->begin(call);
    auto finish = [self, owner = std::move(owner), operation, key = std::move(key), call,
                   completion = std::move(completion)](std::exception_ptr error,
                                                       auto... results) mutable {
      self->end(call);
      if (error) error = self->translate(std::move(error), operation, key);
      completion->run(std::move(error), std::move(results)...);
    };
    std::optional<decltype(work())> task;
    try {
      task.emplace(work());
    } catch (...) {
      return finish(std::current_exception(), Results{}...);
    }
    auto flow = make_flow(self->executor_, std::move(*task), std::move(finish));
    call->flow = flow.get();
    Flow::start(std::move(flow));
    if (call->cancel_early || self->closing_) cancel(*call);
  };
  if (enqueue(std::move(start))) return;
  // The storage's thread is gone.
  complete_soon(
      completion->release(),
      make_error(errc::closed, operation, ContextKey(key).printable(), "the storage was closed"),
      Results{}...);
}

template <class First>
void CallBridge::close(First first) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    asio::post(executor_, [self = shared_from_this(), first = std::move(first)]() mutable {
      self->closing_ = true;
      first();
      const auto calls = self->calls_;  // a cancelled call may end, and leave the list, at once
      for (const auto& call : calls) cancel(*call);
    });
  }
  thread_->finish();
}

}  // namespace dialogstore
