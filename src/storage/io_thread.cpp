#include "storage/io_thread.hpp"

namespace dialogstore {

IoThread::IoThread()
    : context_(std::make_shared<asio::io_context>(1)),
      work_(context_->get_executor()),
      // The thread shares the context, so that a detached thread never outlives it.
      thread_([context = context_] { context->run(); }) {}

IoThread::~IoThread() {
  finish();
}

void IoThread::finish() {
  work_.reset();
  if (!thread_.joinable()) return;
  if (runs_in_this_thread()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

bool IoThread::runs_in_this_thread() const noexcept {
  return context_->get_executor().running_in_this_thread();
}

}  // namespace dialogstore
