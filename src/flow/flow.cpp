#include "flow/flow.hpp"

namespace dialogstore {

void Flow::LetGo::operator()(Flow* flow) const noexcept {
  if (flow->is_running_) {
    flow->is_let_go_ = true;
  } else {
    delete flow;
  }
}

void Flow::cancel() {
  is_cancelled_ = true;
  if (awaited_ != nullptr) std::exchange(awaited_, nullptr)->on_cancel();
  cancellation_.emit(asio::cancellation_type::terminal);
}

void Flow::start(Ptr flow) {
  const auto first = flow->begin();
  resume(std::move(flow), first);
}

void Flow::resume(Ptr flow, std::coroutine_handle<> with) {
  flow->next_ = with;
  // An operation that ended while it was being started: the loop further up the stack goes on.
  Flow* const running = flow.release();
  if (!running->is_running_) run(running);
}

// Here and nowhere else are coroutines resumed, one after the other: however deep they await one
// another, the stack stays flat.
void Flow::run(Flow* flow) {
  flow->is_running_ = true;
  while (flow->next_) std::exchange(flow->next_, nullptr).resume();
  flow->is_running_ = false;
  if (flow->is_done_) {
    flow->finish(std::unique_ptr<Flow>(flow));
  } else if (flow->is_let_go_) {
    delete flow;
  }
}

}  // namespace dialogstore
