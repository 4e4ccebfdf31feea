#include "stamps.hpp"

#include <algorithm>
#include <cstddef>

namespace dialogstore::python {

#if PY_VERSION_HEX < 0x030C0000

namespace {

std::uint64_t version_of(PyObject* dict) noexcept {
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
}

bool add_all(Stamps& stamps, PyObject* dict) {
  stamps.push_back({dict, version_of(dict)});
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &place, &key, &value) != 0) {
    if (PyList_CheckExact(value)) return false;
    if (PyDict_CheckExact(value) && !add_all(stamps, value)) return false;
  }
  return true;
}

}  // namespace

bool add_stamps(Stamps& stamps, PyObject* dict) {
  const std::size_t before = stamps.size();
  if (add_all(stamps, dict)) return true;
  stamps.resize(before);
  return false;
}

bool add_flat_stamp(Stamps& stamps, PyObject* dict) {
  stamps.push_back({dict, version_of(dict)});
  return true;
}

bool are_valid(std::span<const Stamp> stamps, PyObject* dict) noexcept {
  return stamps.front().dict == dict && std::all_of(stamps.begin(), stamps.end(), [](Stamp stamp) {
           return version_of(stamp.dict) == stamp.version;
         });
}

#else

bool add_stamps(Stamps& /*stamps*/, PyObject* /*dict*/) {
  return false;
}

bool add_flat_stamp(Stamps& /*stamps*/, PyObject* /*dict*/) {
  return false;
}

bool are_valid(std::span<const Stamp> /*stamps*/, PyObject* /*dict*/) noexcept {
  return false;
}

#endif

}  // namespace dialogstore::python
