// The end of a call: its handler runs on the handler's own executor, which may be gone right after.
#pragma once

#include <atomic>
#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "dialogstore/storage_engine.hpp"

namespace dialogstore {

template <class... Results>
class Completion : public std::enable_shared_from_this<Completion<Results...>> {
 public:
  /// `fallback` is for a handler without an executor of its own. (Of this type, made once: from
  /// another one each conversion takes memory.)
  Completion(Handler<Results...> handler, const asio::any_completion_executor& fallback)
      : handler_(std::move(handler)) {
    asio::any_completion_executor executor = asio::get_associated_executor(handler_, fallback);
    // That the fallback goes on is the business of whoever gives it.
    if (executor != fallback) work_.emplace(std::move(executor));
  }

  /// Hands the results to the handler. Once, and on the fallback's thread.
  void run(std::exception_ptr error, Results... results) {
    if (!work_) {  // where dispatching would be calling
      clear_slot(handler_);
      return std::move(handler_)(std::move(error), std::move(results)...);
    }
    {
      const auto executor = work_->get_executor();
      asio::dispatch(executor, [self = this->shared_from_this(), handler = std::move(handler_),
                                // The work ends there too: once the handler has run, its executor
                                // may be gone.
                                work = std::move(*work_), error = std::move(error),
                                passer = std::this_thread::get_id(),
                                ... results = std::move(results)]() mutable {
        // Nor may the passing thread be on its way out of that executor: an io_context wakes the
        // caller's thread after it has let go of its lock, and that thread may be faster.
        if (std::this_thread::get_id() != passer) self->is_passed_on_.wait(false);
        // Cleared where the caller's signal is emitted from, since signals are not for two threads.
        clear_slot(handler);
        std::move(handler)(std::move(error), std::move(results)...);
      });
    }
    is_passed_on_.test_and_set();
    is_passed_on_.notify_one();
  }

  /// Takes the handler back, for a call that never began.
  [[nodiscard]] Handler<Results...> release() { return std::move(handler_); }

 private:
  static void clear_slot(const Handler<Results...>& handler) {
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
      slot.clear();
    }
  }

  Handler<Results...> handler_;
  /// Keeps the handler's executor from running out of work while the call is under way. Nothing
  /// when it is the fallback.
  std::optional<asio::executor_work_guard<asio::any_completion_executor>> work_;
  std::atomic_flag is_passed_on_;  ///< the passing thread is done with the executor
};

/// Completes a call that needs no storage, though never from within the call that starts it.
template <class... Results>
void complete_soon(Handler<Results...> handler, std::exception_ptr error,
                   std::type_identity_t<Results>... results) {
  auto completion = std::make_shared<Completion<Results...>>(
      std::move(handler), asio::any_completion_executor(asio::system_executor()));
  asio::post(asio::system_executor(), [completion = std::move(completion), error = std::move(error),
                                       ... results = std::move(results)]() mutable {
    completion->run(std::move(error), std::move(results)...);
  });
}

}  // namespace dialogstore
