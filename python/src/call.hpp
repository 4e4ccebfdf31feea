// How the end of a call reaches Python: to a thread that waits for it, or to a future of an event
// loop. The storage's thread never takes the GIL: it would wait for whatever Python is doing.
#pragma once

#include <nanobind/nanobind.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "context.hpp"
#include "dialogstore/context_storage.hpp"

namespace dialogstore::python {

/// What a load of a DFF context ends with. The survey takes milliseconds for a long dialog, and is
/// made where nobody waits for the interpreter.
struct SurveyedContext {
  std::optional<Context> context;
  Survey survey;
};

/// What calls end with, as one type, so that it is handed over and turned into Python in one place.
using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t,
                           std::optional<Context>, SurveyedContext,
                           std::vector<std::optional<Context>>, std::vector<std::exception_ptr>,
                           std::vector<Turn>, TurnUpdate, ScanPage, CheckReport, Statistics>;

struct Outcome {
  std::exception_ptr error;
  Value value;
};

/// One call in flight.
struct Call {
  asio::cancellation_signal signal;
  /// Weak: the storage's own thread must not be the one to destroy it.
  std::weak_ptr<DBContextStorage> storage;
  /// Contexts that nobody may touch until the call ends.
  std::vector<std::shared_ptr<ContextBox>> saving;
  /// Run once, by a thread without the GIL.
  std::function<void(Outcome)> deliver;

  /// Throws StorageError (save_in_progress) when another call has one of them.
  void hold(std::vector<std::shared_ptr<ContextBox>> contexts);
  void release();
  void end(std::exception_ptr error, Value value);
};

/// The completion token of a call.
template <class... Results>
auto token_of(std::shared_ptr<Call> call) {
  const auto slot = call->signal.slot();
  return asio::bind_cancellation_slot(
      slot, [call = std::move(call)](std::exception_ptr error, Results... results) {
        call->end(std::move(error), Value(std::move(results)...));
      });
}

/// Asks a call to end early. Any thread.
void cancel(const std::shared_ptr<Call>& call);

/// Outcomes on their way to one event loop, and the descriptor that wakes it: once for all that
/// have come since it last looked, or a part of them when they are many.
class ArrivalQueue {
 public:
  /// How many are handed over before the loop sees to others: a millisecond or two of its time.
  static constexpr std::ptrdiff_t at_once = 128;

  ArrivalQueue();
  ~ArrivalQueue();
  ArrivalQueue(const ArrivalQueue&) = delete;
  ArrivalQueue& operator=(const ArrivalQueue&) = delete;

  void push(std::uint64_t number, Outcome outcome);
  std::vector<std::pair<std::uint64_t, Outcome>> take();
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, Outcome>> arrived_;
  int descriptor_;
};

/// `_core.Arrivals`: the futures of one event loop that wait for outcomes. Used under the GIL.
class Arrivals {
 public:
  [[nodiscard]] int fileno() const noexcept { return queue_->descriptor(); }
  /// Completes the futures whose outcomes have come; the loop calls it when `fileno` is readable.
  void drain();

  std::uint64_t expect(nanobind::object future);
  /// Another future takes the place of one; false when its outcome has been handed over.
  bool replace(std::uint64_t number, nanobind::object future);
  [[nodiscard]] const std::shared_ptr<ArrivalQueue>& queue() const noexcept { return queue_; }
  /// For the garbage collector.
  [[nodiscard]] auto& waiting() noexcept { return waiting_; }

 private:
  std::shared_ptr<ArrivalQueue> queue_ = std::make_shared<ArrivalQueue>();
  std::unordered_map<std::uint64_t, nanobind::object> waiting_;
  std::uint64_t last_number_ = 0;
};

/// `_core.Call`: a call whose outcome goes to a future.
struct PyCall {
  std::shared_ptr<Call> call;
  nanobind::object arrivals;
  std::uint64_t number = 0;

  /// Cancels; the outcome goes to `ended` instead. False when there is nothing to wait for.
  bool cancel_and_tell(nanobind::object ended);
};

/// Starts a call and waits for its end (`arrivals` is None), without the GIL; or returns a PyCall
/// whose outcome `future` gets. A signal handler that raises cancels a call that is waited for.
nanobind::object run_call(const std::shared_ptr<DBContextStorage>& storage,
                          std::vector<std::shared_ptr<ContextBox>> saving,
                          nanobind::object arrivals, nanobind::object future,
                          const std::function<void(const std::shared_ptr<Call>&)>& start);

void bind_calls(nanobind::module_& module);

}  // namespace dialogstore::python
