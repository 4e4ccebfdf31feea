// The one thread a storage's work runs on. Single-threaded inside, so nothing below needs a lock.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>

namespace dialogstore {

namespace asio = boost::asio;

class IoThread {
 public:
  IoThread();
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  [[nodiscard]] asio::io_context::executor_type executor() noexcept {
    return context_->get_executor();
  }
  [[nodiscard]] bool runs_in_this_thread() const noexcept;

  /// Lets the work that is queued finish, then joins; on the thread itself it detaches instead.
  /// Call it from one thread only.
  void finish();

 private:
  std::shared_ptr<asio::io_context> context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace dialogstore
