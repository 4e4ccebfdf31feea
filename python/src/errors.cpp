#include "errors.hpp"

#include <new>
#include <string>

#include "dialogstore/error.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

nb::str text_of(const std::string& text) {
  return nb::str(text.data(), text.size());
}

nb::object storage_error(const StorageError& error) {
  const auto name = to_string(error.reason());
  return nb::module_::import_("dialogstore.errors")
      .attr("error_of")(nb::str(name.data(), name.size()), text_of(error.operation()),
                        text_of(error.key()), text_of(error.detail()), text_of(error.what()),
                        is_transient(error.code()), is_outcome_unknown(error.code()));
}

}  // namespace

nb::object to_python_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StorageError& failure) {
    return storage_error(failure);
  } catch (const std::bad_alloc&) {
    return nb::handle(PyExc_MemoryError)();
  } catch (const std::exception& failure) {
    return nb::handle(PyExc_RuntimeError)(nb::str(failure.what()));
  }
}

void translate_exceptions() {
  nb::register_exception_translator([](const std::exception_ptr& error, void*) {
    try {
      std::rethrow_exception(error);
    } catch (const StorageError& failure) {
      const nb::object exception = storage_error(failure);
      PyErr_SetObject(exception.type().ptr(), exception.ptr());
    }
  });
}

}  // namespace dialogstore::python
