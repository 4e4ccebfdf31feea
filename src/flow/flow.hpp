// A chain of coroutines that await one another, of which one runs or waits: what spawn() started.
//
// Of our own, because a call of the storage is a dozen steps deep, and asio::awaitable took about a
// fifth of a turn's CPU for them (docs/architecture.md). Known rules make it cheap: a chain lives
// on one thread, and cancelling never throws.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "flow/frame_pool.hpp"

namespace dialogstore {

namespace asio = boost::asio;

/// All members are called on the thread of `executor`.
class Flow {
 public:
  /// Of a flow that waits: destroys it with its coroutines, or leaves that to run().
  struct LetGo {
    void operator()(Flow* flow) const noexcept;
  };
  /// Held by whoever will let it go on; destroyed instead when that will never be.
  using Ptr = std::unique_ptr<Flow, LetGo>;

  explicit Flow(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  virtual ~Flow() = default;
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* flow, std::size_t bytes) noexcept { free_frame(flow, bytes); }

  [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
  /// For the one operation that is awaited.
  [[nodiscard]] asio::cancellation_slot slot() noexcept { return cancellation_.slot(); }
  /// The same for operations of our own, at no cost: what is to be told of a cancellation, once;
  /// null when the operation has ended. It must not let the flow go on before it returns.
  class Cancellable {
   public:
    virtual void on_cancel() = 0;

   protected:
    ~Cancellable() = default;
  };
  void set_awaited(Cancellable* awaited) noexcept { awaited_ = awaited; }

  /// Ends the operation that is awaited, if it can end early; what follows sees is_cancelled().
  void cancel();
  [[nodiscard]] bool is_cancelled() const noexcept { return is_cancelled_; }

  /// Runs its coroutines until they wait for something, or to the end.
  static void start(Ptr flow);
  static void resume(Ptr flow, std::coroutine_handle<> with);

  // ---- for the coroutines themselves
  void go_on_with(std::coroutine_handle<> next) noexcept { next_ = next; }
  void is_done() noexcept { is_done_ = true; }
  /// An operation let go of the flow and then failed to start: its coroutine takes the exception.
  void goes_on() noexcept { is_let_go_ = false; }

 private:
  [[nodiscard]] virtual std::coroutine_handle<> begin() noexcept = 0;
  /// Destroys `self`, which is this, and tells whoever waits for its end.
  virtual void finish(std::unique_ptr<Flow> self) = 0;
  static void run(Flow* flow);

  asio::any_io_executor executor_;
  asio::cancellation_signal cancellation_;
  Cancellable* awaited_ = nullptr;
  std::coroutine_handle<> next_;  ///< null: it waits, or is done
  bool is_cancelled_ = false;
  bool is_running_ = false;
  bool is_done_ = false;
  bool is_let_go_ = false;  ///< while it ran
};

/// The completion handler of an operation that a coroutine awaits.
template <class... Results>
class Resumer {
 public:
  using executor_type = asio::any_io_executor;
  using cancellation_slot_type = asio::cancellation_slot;
  using allocator_type = FrameAllocator<void>;

  Resumer(Flow& flow, std::coroutine_handle<> waiting,
          std::optional<std::tuple<Results...>>& results) noexcept
      : flow_(&flow), waiting_(waiting), results_(&results) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return flow_->executor(); }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return flow_->slot();
  }
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }

  [[nodiscard]] Flow& flow() const noexcept { return *flow_; }

  void operator()(Results... results) {
    results_->emplace(std::move(results)...);
    // Asio leaves in the slot what refers to the operation, a timer for example, which may be gone
    // when the flow is cancelled; and the next operation may be one that does not use the slot.
    flow_->slot().clear();
    Flow::resume(std::move(flow_), waiting_);
  }

 private:
  Flow::Ptr flow_;
  std::coroutine_handle<> waiting_;
  std::optional<std::tuple<Results...>>* results_;
};

/// Awaits an operation: `initiate(done)` starts it, and it ends by calling `done` once, on the
/// flow's thread.
template <class Initiate, class... Results>
class [[nodiscard]] Operation {
 public:
  explicit Operation(Initiate initiate) : initiate_(std::move(initiate)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> waiting) {
    Flow& flow = waiting.promise().flow();
    try {
      initiate_(Resumer<Results...>(flow, waiting, results_));
    } catch (...) {
      flow.goes_on();
      throw;
    }
  }
  auto await_resume() {
    if constexpr (sizeof...(Results) == 1) {
      return std::get<0>(std::move(*results_));
    } else if constexpr (sizeof...(Results) > 1) {
      return std::move(*results_);
    }
  }

 private:
  Initiate initiate_;
  std::optional<std::tuple<Results...>> results_;
};

/// For one thing at a time: `co_await operation<Result>([&](auto done) { start(std::move(done));
/// })`. Capture references only (gcc 12 destroys what else a temporary of a co_await owns twice).
template <class... Results, class Initiate>
auto operation(Initiate initiate) {
  return Operation<Initiate, Results...>(std::move(initiate));
}

/// What a coroutine may ask of its own flow: `co_await this_flow::executor`.
namespace this_flow {

struct ExecutorTag {};
struct CancelledTag {};
inline constexpr ExecutorTag executor;
inline constexpr CancelledTag is_cancelled;

}  // namespace this_flow

}  // namespace dialogstore
