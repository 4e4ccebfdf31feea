// Whether dicts are still what they were, without a look inside: CPython up to 3.11 gives a dict
// another version, never used before, whenever anything in it is set or removed.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <span>
#include <vector>

namespace dialogstore::python {

struct Stamp {
  PyObject* dict;
  std::uint64_t version;
};
/// Of an object's dicts: the outermost first, each before those inside it. While the ones before
/// are unchanged, they hold the next one, so that it may be looked at.
using Stamps = std::vector<Stamp>;

/// Adds the dict and those inside it. False, with nothing added, when stamps cannot tell a change:
/// there are lists inside, or Python has no versions. The values must be plain (json_write.hpp),
/// since what can change then is a dict or a list.
bool add_stamps(Stamps& stamps, PyObject* dict);

/// The same of a dict that holds no others and no lists.
bool add_flat_stamp(Stamps& stamps, PyObject* dict);

/// Whether `dict` and all inside it is as when the stamps were taken; there is one at least.
bool are_valid(std::span<const Stamp> stamps, PyObject* dict) noexcept;

}  // namespace dialogstore::python
