#include "json_write.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "dialogstore/limits.hpp"
#include "model/json_scanner.hpp"
#include "objects.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

constexpr std::string_view class_key = "dialogstore:class";  // _dff_text.py
// Left to others, who know the very limit, is what comes near it.
constexpr std::size_t deepest = limits::json_depth - 2;

bool is_reserved(PyObject* key) noexcept {
  return PyUnicode_GET_LENGTH(key) == static_cast<Py_ssize_t>(class_key.size()) &&
         PyUnicode_CompareWithASCIIString(key, class_key.data()) == 0;
}

bool append_integer(std::string& out, PyObject* value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow == 0) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
    return true;
  }
  const nb::object text = nb::steal(PyNumber_ToBase(value, 10));
  if (!text) {  // more digits than Python writes
    PyErr_Clear();
    return false;
  }
  Py_ssize_t size = 0;
  const char* const digits = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (digits == nullptr) throw nb::python_error();
  out.append(digits, static_cast<std::size_t>(size));
  return true;
}

bool append_float(std::string& out, double value) {
  if (!std::isfinite(value)) return false;
  char* const text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
  if (text == nullptr) throw nb::python_error();
  out += text;
  PyMem_Free(text);
  return true;
}

bool append_dict(std::string& out, PyObject* dict, std::size_t depth) {
  char separator = '{';
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &place, &key, &value) != 0) {
    if (!PyUnicode_CheckExact(key) || is_reserved(key)) return false;
    out += separator;
    separator = ',';
    if (!append_json_text(out, key)) return false;
    out += ':';
    if (!append_json(out, value, depth + 1)) return false;
  }
  out += separator == '{' ? "{}" : "}";
  return true;
}

bool append_list(std::string& out, PyObject* list, std::size_t depth) {
  char separator = '[';
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    out += separator;
    separator = ',';
    if (!append_json(out, PyList_GET_ITEM(list, i), depth + 1)) return false;
  }
  out += separator == '[' ? "[]" : "]";
  return true;
}

}  // namespace

bool append_json_text(std::string& out, PyObject* text) {
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) {  // a lone surrogate
    PyErr_Clear();
    return false;
  }
  return append_json_string(out, {bytes, static_cast<std::size_t>(size)});
}

bool append_json(std::string& out, PyObject* value, std::size_t depth) {
  if (PyUnicode_CheckExact(value)) return append_json_text(out, value);
  if (PyLong_CheckExact(value)) return append_integer(out, value);
  if (PyFloat_CheckExact(value)) return append_float(out, PyFloat_AS_DOUBLE(value));
  if (value == Py_None || value == Py_True || value == Py_False) {
    out += value == Py_None ? "null" : value == Py_True ? "true" : "false";
    return true;
  }
  // A list may hold itself, which nothing but the depth tells.
  if (depth >= deepest) return false;
  if (PyDict_CheckExact(value)) return append_dict(out, value, depth);
  return PyList_CheckExact(value) && append_list(out, value, depth);
}

}  // namespace dialogstore::python
