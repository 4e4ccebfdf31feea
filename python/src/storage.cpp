// `_core.Storage`: every operation once, for threads that wait and for event loops.
#include "storage.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "call.hpp"
#include "context.hpp"
#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "errors.hpp"
#include "model/context_access.hpp"
#include "plain_messages.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

using Milliseconds = std::optional<std::int64_t>;

CallOptions options_of(Milliseconds timeout, std::optional<ConflictPolicy> on_conflict = {},
                       std::optional<History> history = {}) {
  CallOptions call;
  if (timeout) call.timeout = std::chrono::milliseconds(*timeout);
  call.on_conflict = on_conflict;
  call.history = history;
  return call;
}

ContextKey key_of(const nb::bytes& key) {
  return ContextKey(std::string(key.c_str(), key.size()));
}

std::vector<ContextKey> keys_of(const std::vector<nb::bytes>& keys) {
  std::vector<ContextKey> all;
  all.reserve(keys.size());
  for (const auto& key : keys) all.push_back(key_of(key));
  return all;
}

template <class Value>
std::optional<Value> parsed(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return Value::from_json(*text);
}

class PyStorage {
 public:
  explicit PyStorage(const std::string& uri) : storage_(context_storage_factory(uri)) {}
  PyStorage(const PyStorage&) = delete;
  PyStorage& operator=(const PyStorage&) = delete;
  ~PyStorage() {
    const nb::gil_scoped_release released;  // closing waits for the storage's thread
    storage_.reset();
  }

  [[nodiscard]] DBContextStorage& operator*() const noexcept { return *storage_; }

  void close() {
    const nb::gil_scoped_release released;
    storage_->close();
  }

  /// For the child of a fork, where the storage's thread does not exist: nothing can be closed.
  void abandon() { static_cast<void>(new std::shared_ptr<DBContextStorage>(storage_)); }

  nb::object contains(const nb::bytes& key, Milliseconds timeout, nb::object to,
                      nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.contains_async(key_of(key), token_of<bool>(call), options_of(timeout));
    });
  }

  nb::object find(const nb::bytes& key, std::optional<History> history, Milliseconds timeout,
                  nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.find_async(key_of(key), token_of<std::optional<Context>>(call),
                         options_of(timeout, {}, history));
    });
  }

  /// For DFF: with the survey.
  nb::object find_surveyed(const nb::bytes& key, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      const auto slot = call->signal.slot();
      const ContextKey name = key_of(key);
      const auto end = [call, name](std::exception_ptr error, std::optional<Context> found) {
        SurveyedContext surveyed{std::move(found), {}};
        try {
          if (surveyed.context) surveyed.survey = PlainMessages::survey(*surveyed.context);
        } catch (const std::bad_alloc&) {       // whoever builds the context makes it
        } catch (const StorageError& damage) {  // of older turns, which are read here
          surveyed.context.reset();
          error = make_error(damage.reason(), "get_item", name.printable(), damage.detail());
        }
        call->end(std::move(error), std::move(surveyed));
      };
      storage.find_async(name, asio::bind_cancellation_slot(slot, end), {});
    });
  }

  nb::object save(const nb::bytes& key, PyContext& context, bool create,
                  std::optional<ConflictPolicy> on_conflict, Milliseconds timeout, nb::object to,
                  nb::object future) {
    const auto call_options = options_of(timeout, on_conflict);
    return run_save(context, to, future, [&](Context& target, const auto& call) {
      if (create) {
        storage_->create_async(key_of(key), target, token_of<>(call), call_options);
      } else {
        storage_->set_item_async(key_of(key), target, token_of<>(call), call_options);
      }
    });
  }

  /// For DFF: with the survey of what was merged, which it builds.
  nb::object save_surveyed(const nb::bytes& key, PyContext& context, nb::object to,
                           nb::object future) {
    return run_save(context, to, future, [&](Context& target, const auto& call) {
      const auto end = [call, box = context.box()](std::exception_ptr error) {
        try {
          if (ContextAccess::state(box->context).merged) {
            box->survey = PlainMessages::survey(box->context);
          }
        } catch (const std::bad_alloc&) {  // whoever builds the context makes it,
        } catch (const StorageError&) {    // or is told that older turns are damaged
        }
        call->end(std::move(error), {});
      };
      const auto slot = call->signal.slot();
      storage_->set_item_async(key_of(key), target, asio::bind_cancellation_slot(slot, end), {});
    });
  }

  nb::object erase(const nb::bytes& key, Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.del_item_async(key_of(key), token_of<bool>(call), options_of(timeout));
    });
  }

  nb::object len(Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.len_async(token_of<std::uint64_t>(call), options_of(timeout));
    });
  }

  nb::object clear(Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.clear_async(token_of<std::uint64_t>(call), options_of(timeout));
    });
  }

  nb::object append(const nb::bytes& key, const std::optional<std::string>& label,
                    const std::optional<std::string>& request,
                    const std::optional<std::string>& response, Milliseconds timeout, nb::object to,
                    nb::object future) {
    Turn turn{0, parsed<Label>(label), parsed<Message>(request), parsed<Message>(response)};
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.append_async(key_of(key), std::move(turn), token_of<std::int64_t>(call),
                           options_of(timeout));
    });
  }

  nb::object load_turns(const nb::bytes& key, std::int64_t from, std::int64_t end,
                        Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.load_turns_async(key_of(key), from, end, token_of<std::vector<Turn>>(call),
                               options_of(timeout));
    });
  }

  nb::object watch(const nb::bytes& key, std::int64_t from, Milliseconds timeout, nb::object to,
                   nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.watch_async(key_of(key), from, token_of<TurnUpdate>(call), options_of(timeout));
    });
  }

  nb::object scan(const std::string& cursor, std::size_t page_size, bool newest_first,
                  Milliseconds timeout, nb::object to, nb::object future) {
    const ScanOptions options{page_size, newest_first ? ScanOrder::newest_first : ScanOrder::any};
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.scan_async(cursor, options, token_of<ScanPage>(call), options_of(timeout));
    });
  }

  nb::object find_many(const std::vector<nb::bytes>& keys, std::optional<History> history,
                       Milliseconds timeout, nb::object to, nb::object future) {
    using Found = std::vector<std::optional<Context>>;
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.get_items_async(keys_of(keys), token_of<Found>(call),
                              options_of(timeout, {}, history));
    });
  }

  nb::object save_many(const std::vector<nb::bytes>& keys, const std::vector<PyContext*>& contexts,
                       std::optional<ConflictPolicy> on_conflict, Milliseconds timeout,
                       nb::object to, nb::object future) {
    std::vector<std::shared_ptr<ContextBox>> boxes;
    std::vector<std::pair<ContextKey, Context*>> items;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      boxes.push_back(contexts[i]->box());
      items.emplace_back(key_of(keys.at(i)), &contexts[i]->box()->context);
    }
    return run_call(storage_, std::move(boxes), to, future, [&](const auto& call) {
      storage_->set_items_async(std::move(items), token_of<std::vector<std::exception_ptr>>(call),
                                options_of(timeout, on_conflict));
    });
  }

  nb::object erase_many(const std::vector<nb::bytes>& keys, Milliseconds timeout, nb::object to,
                        nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.del_items_async(keys_of(keys), token_of<std::uint64_t>(call), options_of(timeout));
    });
  }

  nb::object check(bool repair, Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.check_async(repair, token_of<CheckReport>(call), options_of(timeout));
    });
  }

  nb::object statistics(Milliseconds timeout, nb::object to, nb::object future) {
    return run(to, future, [&](DBContextStorage& storage, auto call) {
      storage.statistics_async(token_of<Statistics>(call), options_of(timeout));
    });
  }

 private:
  template <class Start>
  nb::object run(const nb::object& to, const nb::object& future, Start start) {
    return run_call(storage_, {}, to, future,
                    [&](const std::shared_ptr<Call>& call) { start(*storage_, call); });
  }

  template <class Start>
  nb::object run_save(PyContext& context, const nb::object& to, const nb::object& future,
                      Start start) {
    ContextAccess::state(context.get()).merged = false;
    context.box()->survey.clear();  // what is merged in has other turns
    return run_call(storage_, {context.box()}, to, future,
                    [&](const auto& call) { start(context.box()->context, call); });
  }

  std::shared_ptr<DBContextStorage> storage_;
};

}  // namespace

void bind_storage(nb::module_& module) {
  module.def("absent", [](const std::string& operation, const nb::bytes& key) {
    return to_python_error(make_error(errc::key_not_found, operation, key_of(key).printable(),
                                      "no context is stored under this key"));
  });
  nb::enum_<ConflictPolicy>(module, "ConflictPolicy")
      .value("FAIL", ConflictPolicy::fail)
      .value("MERGE", ConflictPolicy::merge)
      .value("OVERWRITE", ConflictPolicy::overwrite);
  nb::enum_<History>(module, "History").value("ALL", History::all).value("RECENT", History::recent);

  // Every operation ends in where its outcome goes: None to wait for it, or arrivals and a future.
  const auto to = nb::arg("arrivals").none();
  const auto future = nb::arg("future").none();
  const auto timeout = nb::arg("timeout").none();
  const auto policy = nb::arg("on_conflict").none();
  const auto history = nb::arg("history").none();
  nb::class_<PyStorage>(module, "Storage")
      .def(nb::init<const std::string&>(), "uri"_a)
      .def("full_path", [](const PyStorage& self) { return (*self).full_path(); })
      .def("path", [](const PyStorage& self) { return std::string((*self).path()); })
      .def("close", &PyStorage::close)
      .def("abandon", &PyStorage::abandon)
      .def("expect_absent",
           [](const PyStorage& self, const nb::bytes& key, const PyContext& context) {
             (*self).expect_absent(key_of(key), context.get());
           })
      .def("contains", &PyStorage::contains, "key"_a, timeout, to, future)
      .def("find", &PyStorage::find, "key"_a, history, timeout, to, future)
      .def("find_surveyed", &PyStorage::find_surveyed, "key"_a, to, future)
      .def("save", &PyStorage::save, "key"_a, "context"_a, "create"_a, policy, timeout, to, future)
      .def("save_surveyed", &PyStorage::save_surveyed, "key"_a, "context"_a, to, future)
      .def("erase", &PyStorage::erase, "key"_a, timeout, to, future)
      .def("len", &PyStorage::len, timeout, to, future)
      .def("clear", &PyStorage::clear, timeout, to, future)
      .def("append", &PyStorage::append, "key"_a, "label"_a.none(), "request"_a.none(),
           "response"_a.none(), timeout, to, future)
      .def("load_turns", &PyStorage::load_turns, "key"_a, "begin"_a, "end"_a, timeout, to, future)
      .def("watch", &PyStorage::watch, "key"_a, "begin"_a, timeout, to, future)
      .def("scan", &PyStorage::scan, "cursor"_a, "page_size"_a, "newest_first"_a, timeout, to,
           future)
      .def("find_many", &PyStorage::find_many, "keys"_a, history, timeout, to, future)
      .def("save_many", &PyStorage::save_many, "keys"_a, "contexts"_a, policy, timeout, to, future)
      .def("erase_many", &PyStorage::erase_many, "keys"_a, timeout, to, future)
      .def("check", &PyStorage::check, "repair"_a, timeout, to, future)
      .def("statistics", &PyStorage::statistics, timeout, to, future);
}

}  // namespace dialogstore::python
