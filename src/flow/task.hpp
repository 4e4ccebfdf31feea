// The coroutines that a flow is made of.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "flow/flow.hpp"
#include "flow/frame_pool.hpp"

namespace dialogstore {

template <class Value = void>
class Task;

namespace detail {

class TaskPromise {
 public:
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

  void begin(Flow& flow, std::coroutine_handle<> awaiting) noexcept {
    flow_ = &flow;
    awaiting_ = awaiting;
  }
  [[nodiscard]] Flow& flow() const noexcept { return *flow_; }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  auto final_suspend() const noexcept {
    struct End {
      const TaskPromise& promise;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) const noexcept {
        if (promise.awaiting_) {
          promise.flow_->go_on_with(promise.awaiting_);
        } else {
          promise.flow_->is_done();
        }
      }
      void await_resume() const noexcept {}
    };
    return End{*this};
  }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  template <class Awaited>
  Awaited&& await_transform(Awaited&& awaited) const noexcept {
    return std::forward<Awaited>(awaited);
  }
  auto await_transform(this_flow::ExecutorTag) const noexcept {
    return Known<asio::any_io_executor>{flow_->executor()};
  }
  auto await_transform(this_flow::CancelledTag) const noexcept {
    return Known<bool>{flow_->is_cancelled()};
  }

 protected:
  void rethrow() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  template <class Value>
  struct Known {
    Value value;
    [[nodiscard]] bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    Value await_resume() { return std::move(value); }
  };

  Flow* flow_ = nullptr;
  std::coroutine_handle<> awaiting_;  ///< null: the flow's first
  std::exception_ptr error_;
};

template <class Value>
class ValuePromise : public TaskPromise {
 public:
  Task<Value> get_return_object() noexcept;
  template <class From>
  void return_value(From&& value) {
    value_.emplace(std::forward<From>(value));
  }
  Value take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<Value> value_;
};

template <>
class ValuePromise<void> : public TaskPromise {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { rethrow(); }
};

}  // namespace detail

/// A coroutine that begins when it is awaited, or spawned. Its result is taken once.
template <class Value>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::ValuePromise<Value>;
  using Handle = std::coroutine_handle<promise_type>;
  using Result = Value;

  explicit Task(Handle frame) noexcept : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  [[nodiscard]] auto operator co_await() && noexcept { return Awaiter{frame_}; }

  /// For who starts a flow with it, and takes its result at the end.
  [[nodiscard]] Handle frame() const noexcept { return frame_; }

 private:
  struct Awaiter {
    Handle frame;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> awaiting) const noexcept {
      Flow& flow = awaiting.promise().flow();
      frame.promise().begin(flow, awaiting);
      flow.go_on_with(frame);
    }
    Value await_resume() const { return frame.promise().take(); }
  };

  Handle frame_;
};

template <class Value>
Task<Value> detail::ValuePromise<Value>::get_return_object() noexcept {
  return Task<Value>(std::coroutine_handle<ValuePromise>::from_promise(*this));
}
inline Task<void> detail::ValuePromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<ValuePromise>::from_promise(*this));
}

/// A flow of `work`, which hands its end to `end(std::exception_ptr, Value)`; of nothing:
/// `end(std::exception_ptr)`. When it never ends, `end` is destroyed.
template <class Value, class End>
class FlowOf final : public Flow {
 public:
  FlowOf(asio::any_io_executor executor, Task<Value> work, End end)
      : Flow(std::move(executor)), work_(std::move(work)), end_(std::move(end)) {}

 private:
  std::coroutine_handle<> begin() noexcept override {
    work_.frame().promise().begin(*this, nullptr);
    return work_.frame();
  }
  void finish(std::unique_ptr<Flow> self) override {
    auto end = std::move(end_);
    std::exception_ptr error;
    if constexpr (std::is_void_v<Value>) {
      try {
        work_.frame().promise().take();
      } catch (...) {
        error = std::current_exception();
      }
      self.reset();
      end(std::move(error));
    } else {
      std::optional<Value> value;
      try {
        value.emplace(work_.frame().promise().take());
      } catch (...) {
        error = std::current_exception();
      }
      self.reset();
      end(std::move(error), value ? std::move(*value) : Value{});
    }
  }

  Task<Value> work_;
  End end_;
};

template <class Value, class End>
Flow::Ptr make_flow(asio::any_io_executor executor, Task<Value> work, End end) {
  return Flow::Ptr(new FlowOf<Value, End>(std::move(executor), std::move(work), std::move(end)));
}

/// Starts work that nobody waits for, at once. Call it on the executor's thread.
inline void spawn(asio::any_io_executor executor, Task<void> work) {
  Flow::start(make_flow(std::move(executor), std::move(work), [](const std::exception_ptr&) {}));
}

}  // namespace dialogstore
