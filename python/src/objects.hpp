// What Python's C functions give, as objects that are released again.
#pragma once

#include <nanobind/nanobind.h>

namespace dialogstore::python {

/// A new reference, or the exception that there is none.
inline nanobind::object stolen(PyObject* object) {
  if (object == nullptr) throw nanobind::python_error();
  return nanobind::steal(object);
}

}  // namespace dialogstore::python
