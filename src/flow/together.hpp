// Runs coroutines at the same time and waits for all of them.
#pragma once

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "flow/task.hpp"

namespace dialogstore {

/// Flows that one coroutine waits for. A cancellation of that one reaches each of them.
class Together {
 public:
  explicit Together(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// `end(std::exception_ptr, Value)` is called when it ends; what it refers to must live on until
  /// all() has.
  template <class Value, class End>
  void add(Task<Value> work, End end) {
    const auto place = works_.size();
    works_.push_back(make_flow(executor_, std::move(work),
                               [state = state_, place, end = std::move(end)](
                                   std::exception_ptr error, auto... value) mutable {
                                 end(std::move(error), std::move(value)...);
                                 state->end(place);
                               }));
  }

  /// Starts them, in order, and waits. Once.
  Task<void> all() {
    if (works_.empty()) co_return;
    const bool is_cancelled = co_await this_flow::is_cancelled;
    co_await operation<>([&](auto done) { start(std::move(done), is_cancelled); });
  }

 private:
  struct State {
    std::vector<Flow*> flows;  ///< null: it has ended
    std::size_t missing = 0;
    std::optional<Resumer<>> done;

    void cancel() {
      const auto now = flows;
      for (std::size_t i = 0; i < now.size(); ++i) {
        if (flows[i] != nullptr) flows[i]->cancel();
      }
    }
    void end(std::size_t place) {
      flows[place] = nullptr;
      if (--missing != 0) return;
      auto last = std::move(*done);
      done.reset();
      last();
    }
  };

  void start(Resumer<> done, bool is_cancelled) {
    // Not kept here: it owns the flow that waits, and so this object.
    const auto state = std::move(state_);
    auto works = std::move(works_);
    state->missing = works.size();
    for (const auto& work : works) state->flows.push_back(work.get());
    done.get_cancellation_slot().assign([weak = std::weak_ptr<State>(state)](auto) {
      if (const auto waiting = weak.lock()) waiting->cancel();
    });
    state->done.emplace(std::move(done));
    if (is_cancelled) state->cancel();
    for (auto& work : works) Flow::start(std::move(work));
  }

  asio::any_io_executor executor_;
  std::vector<Flow::Ptr> works_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Results in the order of `works`. What one throws is thrown when all have ended.
template <class Result>
Task<std::vector<Result>> gather(std::vector<Task<Result>> works) {
  std::vector<Result> results(works.size());
  std::exception_ptr first;
  Together together(co_await this_flow::executor);
  for (std::size_t i = 0; i < works.size(); ++i) {
    together.add(std::move(works[i]), [&, i](std::exception_ptr error, Result result) {
      if (error && !first) first = std::move(error);
      results[i] = std::move(result);
    });
  }
  co_await together.all();
  if (first) std::rethrow_exception(first);
  co_return results;
}

}  // namespace dialogstore
