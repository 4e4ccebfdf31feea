// Plain Python values to JSON text, as pydantic and `json.dumps` write them, in one pass.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <string>

namespace dialogstore::python {

/// Appends the JSON of a plain value. False, with something useless appended, for anything else:
/// what has no JSON, is of a class of its own, or comes back from JSON as something else: tuples,
/// keys of another type than str, infinities; also a key that stands for something else than itself
/// in what we store, and what is nested too deeply. Calls no Python code.
[[nodiscard]] bool append_json(std::string& out, PyObject* value, std::size_t depth = 0);

/// The same of a str alone.
[[nodiscard]] bool append_json_text(std::string& out, PyObject* text);

}  // namespace dialogstore::python
