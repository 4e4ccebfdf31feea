// DFF's messages without pydantic: most have a text, annotations and a misc of plain JSON, and
// those are built here, and compared with what they were.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "form.hpp"

namespace dialogstore::python {

/// What a turn's part was when it was last seen; null when only its text tells.
using FormPtr = std::shared_ptr<const Form>;

/// Builds and compares plain messages: of exactly DFF's class, without commands, attachments and
/// fields of their own.
class PlainMessages {
 public:
  /// `kind`: DFF's Message.
  explicit PlainMessages(nanobind::object kind);

  /// The form of a message that is stored as `text`; null when it is not plain.
  [[nodiscard]] FormPtr of_stored(std::string_view text) const;
  [[nodiscard]] FormPtr of(PyObject* message) const;
  [[nodiscard]] bool matches(const Form& form, PyObject* message) const;
  /// A message as pydantic would build it.
  [[nodiscard]] nanobind::object build(const Form& form) const;

 private:
  /// Text, annotations and misc; nulls when the message is not a plain one. Borrowed.
  [[nodiscard]] std::array<PyObject*, 3> values_of(PyObject* message) const;

  nanobind::object kind_;
  std::array<nanobind::str, 5> names_;
  nanobind::dict nothing_set_;
  nanobind::object fields_set_;
  nanobind::str dict_slot_, set_slot_, extra_slot_, private_slot_;
};

/// The forms of the texts met last. Once `capacity` bytes of texts have come in, those that nobody
/// asked for meanwhile go.
class FormCache {
 public:
  explicit FormCache(std::size_t capacity) noexcept : capacity_(capacity) {}
  [[nodiscard]] FormPtr find(std::string_view text);
  void put(std::string_view text, FormPtr form);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Map = std::unordered_map<std::string, FormPtr, Hash, std::equal_to<>>;

  std::size_t capacity_;
  std::size_t size_ = 0;
  Map young_, old_;
};

}  // namespace dialogstore::python
