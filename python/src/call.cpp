#include "call.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <system_error>

#include "dialogstore/error.hpp"
#include "errors.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

nb::object optional_context(std::optional<Context>& context) {
  if (!context) return nb::none();
  return nb::cast(PyContext(std::move(*context)));
}

nb::list turns_of(const std::vector<Turn>& turns) {
  nb::list list;
  for (const Turn& turn : turns) list.append(to_python(turn));
  return list;
}

struct ToPython {
  nb::object operator()(std::monostate /*nothing*/) const { return nb::none(); }
  nb::object operator()(bool value) const { return nb::bool_(value); }
  nb::object operator()(std::int64_t value) const { return nb::int_(value); }
  nb::object operator()(std::uint64_t value) const { return nb::int_(value); }
  nb::object operator()(std::optional<Context>& context) const { return optional_context(context); }
  nb::object operator()(SurveyedContext& found) const {
    if (!found.context) return nb::none();
    PyContext context(std::move(*found.context));
    context.box()->survey = std::move(found.survey);
    return nb::cast(std::move(context));
  }
  nb::object operator()(std::vector<std::optional<Context>>& contexts) const {
    nb::list list;
    for (auto& context : contexts) list.append(optional_context(context));
    return list;
  }
  nb::object operator()(const std::vector<std::exception_ptr>& errors) const {
    nb::list list;
    for (const auto& error : errors) {
      list.append(error ? to_python_error(error) : nb::object(nb::none()));
    }
    return list;
  }
  nb::object operator()(const std::vector<Turn>& turns) const { return turns_of(turns); }
  nb::object operator()(const TurnUpdate& update) const {
    return nb::make_tuple(turns_of(update.turns), update.next_index);
  }
  nb::object operator()(const ScanPage& page) const {
    nb::list keys;
    for (const ContextKey& key : page.keys) {
      keys.append(nb::bytes(key.text().data(), key.text().size()));
    }
    return nb::make_tuple(keys, page.cursor);
  }
  nb::object operator()(const CheckReport& report) const {
    return nb::make_tuple(report.contexts, report.unlisted, report.listed_absent, report.damaged,
                          report.repaired);
  }
  nb::object operator()(const Statistics& statistics) const { return nb::cast(statistics); }
};

nb::object to_python(Value& value) {
  return std::visit(ToPython{}, value);
}

/// The end of a call that a thread waits for.
class Waiter {
 public:
  void deliver(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ended_.notify_one();  // under the lock: the waiting thread destroys this next
  }
  bool wait_a_little() {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, std::chrono::milliseconds(50), [this] { return has_ended(); });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return has_ended(); });
  }
  [[nodiscard]] Outcome take() { return std::move(*outcome_); }

 private:
  [[nodiscard]] bool has_ended() const noexcept { return outcome_.has_value(); }

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<Outcome> outcome_;
};

nb::object wait_for(const std::shared_ptr<Call>& call,
                    const std::function<void(const std::shared_ptr<Call>&)>& start) {
  const auto waiter = std::make_shared<Waiter>();
  call->deliver = [waiter](Outcome outcome) { waiter->deliver(std::move(outcome)); };
  start(call);
  for (;;) {
    bool ended = false;
    {
      const nb::gil_scoped_release released;
      ended = waiter->wait_a_little();
    }
    if (ended) break;
    if (PyErr_CheckSignals() == 0) continue;
    nb::python_error interrupt;
    {
      const nb::gil_scoped_release released;
      cancel(call);
      waiter->wait();
    }
    throw interrupt;
  }
  Outcome outcome = waiter->take();
  if (!outcome.error) return to_python(outcome.value);
  const nb::object error = to_python_error(outcome.error);
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

void hand_over(const nb::object& future, Outcome& outcome) {
  if (nb::cast<bool>(future.attr("done")())) return;  // cancelled: nobody wants it any more
  try {
    if (outcome.error) {
      future.attr("set_exception")(to_python_error(outcome.error));
    } else {
      future.attr("set_result")(to_python(outcome.value));
    }
  } catch (nb::python_error& failure) {
    future.attr("set_exception")(failure.value());
  }
}

// A pending future leads to its loop, which leads to the reader that drains these arrivals.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  for (const auto& [number, future] : nb::inst_ptr<Arrivals>(self)->waiting()) {
    Py_VISIT(future.ptr());
  }
  return 0;
}

int clear(PyObject* self) {
  // Destroying a future may run code that comes back here.
  const auto waiting = std::move(nb::inst_ptr<Arrivals>(self)->waiting());
  nb::inst_ptr<Arrivals>(self)->waiting().clear();
  return 0;
}

PyType_Slot arrivals_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(clear)},
                                {0, nullptr}};

}  // namespace

void Call::hold(std::vector<std::shared_ptr<ContextBox>> contexts) {
  for (auto& box : contexts) {
    if (box->saving.exchange(true)) {
      release();
      throw_error(errc::save_in_progress, "set_item", "",
                  "this context is being saved: wait for the end of that call first");
    }
    saving.push_back(std::move(box));
  }
}

void Call::release() {
  for (const auto& box : saving) box->saving.store(false, std::memory_order_release);
}

void Call::end(std::exception_ptr error, Value value) {
  release();
  deliver({std::move(error), std::move(value)});
}

void cancel(const std::shared_ptr<Call>& call) {
  // The slot lives on the storage's thread; signals are not for two.
  if (const auto storage = call->storage.lock()) {
    asio::post(storage->get_executor(),
               [call] { call->signal.emit(asio::cancellation_type::terminal); });
  }
}

ArrivalQueue::ArrivalQueue() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

ArrivalQueue::~ArrivalQueue() {
  ::close(descriptor_);
}

void ArrivalQueue::push(std::uint64_t number, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  arrived_.emplace_back(number, std::move(outcome));
  if (arrived_.size() > 1) return;  // awakened already
  // Fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const int written = ::eventfd_write(descriptor_, 1);
}

std::vector<std::pair<std::uint64_t, Outcome>> ArrivalQueue::take() {
  const std::lock_guard lock(mutex_);
  if (std::ssize(arrived_) > at_once) {
    // The descriptor stays readable, so that the loop comes back for the others.
    const auto end = arrived_.begin() + at_once;
    std::vector<std::pair<std::uint64_t, Outcome>> first(std::make_move_iterator(arrived_.begin()),
                                                         std::make_move_iterator(end));
    arrived_.erase(arrived_.begin(), end);
    return first;
  }
  eventfd_t count = 0;
  [[maybe_unused]] const int read = ::eventfd_read(descriptor_, &count);
  return std::exchange(arrived_, {});
}

void Arrivals::drain() {
  for (auto& [number, outcome] : queue_->take()) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) continue;
    const nb::object future = std::move(found->second);
    waiting_.erase(found);
    hand_over(future, outcome);
  }
}

std::uint64_t Arrivals::expect(nb::object future) {
  waiting_.emplace(++last_number_, std::move(future));
  return last_number_;
}

bool Arrivals::replace(std::uint64_t number, nb::object future) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return false;
  const nb::object replaced = std::exchange(found->second, std::move(future));
  return true;
}

bool PyCall::cancel_and_tell(nb::object ended) {
  if (!nb::cast<Arrivals&>(arrivals).replace(number, std::move(ended))) return false;
  cancel(call);
  return true;
}

nb::object run_call(const std::shared_ptr<DBContextStorage>& storage,
                    std::vector<std::shared_ptr<ContextBox>> saving, nb::object arrivals,
                    nb::object future,
                    const std::function<void(const std::shared_ptr<Call>&)>& start) {
  const auto call = std::make_shared<Call>();
  call->storage = storage;
  call->hold(std::move(saving));
  if (arrivals.is_none()) return wait_for(call, start);

  Arrivals& target = nb::cast<Arrivals&>(arrivals);
  const auto number = target.expect(std::move(future));
  call->deliver = [queue = target.queue(), number](Outcome outcome) {
    queue->push(number, std::move(outcome));
  };
  start(call);
  return nb::cast(PyCall{call, std::move(arrivals), number});
}

void bind_calls(nb::module_& module) {
  nb::class_<Arrivals>(module, "Arrivals", nb::type_slots(arrivals_slots))
      .def(nb::init<>())
      .def("fileno", &Arrivals::fileno)
      .def("drain", &Arrivals::drain);
  nb::class_<PyCall>(module, "Call").def("cancel", &PyCall::cancel_and_tell);
}

}  // namespace dialogstore::python
