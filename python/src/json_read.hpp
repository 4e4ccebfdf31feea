// JSON text to plain Python objects, without the way through `json.loads`.
#pragma once

#include <nanobind/nanobind.h>

#include <string_view>

#include "dialogstore/json.hpp"

namespace dialogstore::python {

/// What `json.loads` builds of a text that the model has accepted: one valid value, nested as deep
/// as limits allow. Should it not be, something raises, and nothing is read behind its end. Keys
/// met before may be shared with other objects, as any string may.
nanobind::object read_json(std::string_view text);
/// The same of a string, by the way that is shortest where it has no escapes.
nanobind::object read_json_text(std::string_view text);
/// The dict of an object's members.
nanobind::dict read_members(const JsonObject& object);

}  // namespace dialogstore::python
