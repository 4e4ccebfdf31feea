// The storages of the library as one Python class.
#pragma once

#include <nanobind/nanobind.h>

namespace dialogstore::python {

void bind_storage(nanobind::module_& module);

}  // namespace dialogstore::python
