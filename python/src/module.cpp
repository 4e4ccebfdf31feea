// The module dialogstore._core. It speaks JSON texts and bytes; the Python files beside it give
// them to people.
#include <nanobind/nanobind.h>

#include "call.hpp"
#include "chatsky_values.hpp"
#include "context.hpp"
#include "dff_fields.hpp"
#include "dialogstore/version.hpp"
#include "errors.hpp"
#include "plain_messages.hpp"
#include "storage.hpp"

NB_MODULE(_core, module) {
  // A storage that a module holds is still there when the interpreter ends, which is no fault.
  nanobind::set_leak_warnings(false);
  dialogstore::python::translate_exceptions();
  dialogstore::python::bind_context(module);
  dialogstore::python::bind_messages(module);
  dialogstore::python::bind_dff_fields(module);
  dialogstore::python::bind_chatsky_values(module);
  dialogstore::python::bind_calls(module);
  dialogstore::python::bind_storage(module);
  module.attr("version") = nanobind::str(dialogstore::version.data(), dialogstore::version.size());
}
