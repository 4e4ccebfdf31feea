#include "form.hpp"

#include <cmath>

#include "dialogstore/limits.hpp"
#include "model/json_scanner.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

constexpr std::string_view class_key = "dialogstore:class";  // _dff_text.py

bool is_leaf(PyObject* value) noexcept {
  if (PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyBool_Check(value)) return true;
  if (PyFloat_CheckExact(value)) return std::isfinite(PyFloat_AS_DOUBLE(value));
  return value == Py_None;
}

nb::object stolen(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

bool holds_leaves_alone(PyObject* dict) noexcept {
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &place, &key, &value) != 0) {
    if (!is_leaf(value)) return false;
  }
  return true;
}

bool has_plain_keys(PyObject* dict) noexcept {
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &place, &key, &value) != 0) {
    if (!PyUnicode_CheckExact(key) || is_reserved_key(key)) return false;
  }
  return true;
}

// Without a call of any Python code, so that the dicts stay as they are meanwhile.
bool holds_the_same(PyObject* one, PyObject* other) noexcept {
  if (PyDict_GET_SIZE(one) != PyDict_GET_SIZE(other)) return false;
  Py_ssize_t place = 0;
  Py_ssize_t other_place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  PyObject* other_key = nullptr;
  PyObject* other_value = nullptr;
  while (PyDict_Next(one, &place, &key, &value) != 0) {
    PyDict_Next(other, &other_place, &other_key, &other_value);
    if (key != other_key || value != other_value) return false;
  }
  return true;
}

}  // namespace

bool is_reserved_key(std::string_view key) noexcept {
  return key == class_key;
}

bool is_reserved_key(PyObject* key) noexcept {
  return PyUnicode_GET_LENGTH(key) == static_cast<Py_ssize_t>(class_key.size()) &&
         PyUnicode_CompareWithASCIIString(key, class_key.data()) == 0;
}

Form::~Form() {
  shrink(0);
}

void Form::shrink(std::size_t begin) noexcept {
  for (std::size_t i = begin; i < tokens_.size(); ++i) {
    const Tag tag = tag_of(tokens_[i]);
    if (tag == leaf || tag == flat) Py_XDECREF(object_of(tokens_[i]));
  }
  tokens_.resize(begin);
}

bool Form::is_opaque() const noexcept {
  for (const auto token : tokens_) {
    if (token == 0) return true;
  }
  return false;
}

void Form::add(PyObject* value) {
  add_value(value, 0);
}

void Form::add_leaf(PyObject* value) {
  tokens_.push_back(to_token(value, leaf));
  Py_INCREF(value);
}

void Form::add_value(PyObject* value, std::size_t depth) {
  if (is_leaf(value)) return add_leaf(value);
  // A list may hold itself, which nothing but the depth tells.
  if (depth > limits::json_depth) return add_opaque();
  if (PyDict_CheckExact(value)) return add_dict(value, depth);
  if (!PyList_CheckExact(value)) return add_opaque();
  const Py_ssize_t size = PyList_GET_SIZE(value);
  tokens_.push_back(static_cast<std::size_t>(size) << tag_bits | list);
  for (Py_ssize_t i = 0; i < size; ++i) add_value(PyList_GET_ITEM(value, i), depth + 1);
}

void Form::add_dict(PyObject* value, std::size_t depth) {
  if (!has_plain_keys(value)) return add_opaque();
  if (holds_leaves_alone(value)) {
    tokens_.push_back(0);
    tokens_.back() = to_token(stolen(PyDict_Copy(value)).release().ptr(), flat);
    return;
  }
  begin_dict(static_cast<std::size_t>(PyDict_GET_SIZE(value)));
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* held = nullptr;
  while (PyDict_Next(value, &place, &key, &held) != 0) {
    add_leaf(key);
    add_value(held, depth + 1);
  }
}

bool Form::Reader::matches(PyObject* value) {
  const auto token = *next_++;
  switch (tag_of(token)) {
    case leaf:
      return object_of(token) == value;
    case flat:
      return PyDict_CheckExact(value) && holds_the_same(object_of(token), value);
    case dict: {
      if (!PyDict_CheckExact(value)) return false;
      if (static_cast<std::size_t>(PyDict_GET_SIZE(value)) != token >> tag_bits) return false;
      Py_ssize_t place = 0;
      PyObject* name = nullptr;
      PyObject* held = nullptr;
      while (PyDict_Next(value, &place, &name, &held) != 0) {
        if (key() != name || !matches(held)) return false;
      }
      return true;
    }
    case list:
      break;
  }
  if (!PyList_CheckExact(value)) return false;
  const auto size = static_cast<Py_ssize_t>(token >> tag_bits);
  if (PyList_GET_SIZE(value) != size) return false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!matches(PyList_GET_ITEM(value, i))) return false;
  }
  return true;
}

nb::object Form::Reader::build() {
  const auto token = *next_++;
  switch (tag_of(token)) {
    case leaf:
      return nb::borrow(object_of(token));
    case flat:
      return stolen(PyDict_Copy(object_of(token)));
    case dict: {
      nb::object built = stolen(PyDict_New());
      for (std::size_t left = token >> tag_bits; left != 0; --left) {
        PyObject* name = key();
        const nb::object held = build();
        if (PyDict_SetItem(built.ptr(), name, held.ptr()) != 0) throw nb::python_error();
      }
      return built;
    }
    case list:
      break;
  }
  const auto size = static_cast<Py_ssize_t>(token >> tag_bits);
  nb::object built = stolen(PyList_New(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyList_SET_ITEM(built.ptr(), i, build().release().ptr());
  }
  return built;
}

void Form::Reader::skip() {
  const auto token = *next_++;
  const Tag tag = tag_of(token);
  if (tag != dict && tag != list) return;
  for (std::size_t left = token >> tag_bits; left != 0; --left) {
    if (tag == dict) ++next_;
    skip();
  }
}

}  // namespace dialogstore::python
