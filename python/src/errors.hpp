// The exceptions of the library as those of the module dialogstore.errors, one to one.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>

namespace dialogstore::python {

/// The Python exception for what a call ended with. Needs the GIL.
nanobind::object to_python_error(const std::exception_ptr& error);

/// Lets every function of the module throw the library's exceptions.
void translate_exceptions();

}  // namespace dialogstore::python
