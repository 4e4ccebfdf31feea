// Chatsky's values to the form of the rows and back, without the way through Python's objects where
// nothing has to be left out: `_chatsky_text.py` does the others.
#pragma once

#include <nanobind/nanobind.h>

namespace dialogstore::python {

void bind_chatsky_values(nanobind::module_& module);

}  // namespace dialogstore::python
