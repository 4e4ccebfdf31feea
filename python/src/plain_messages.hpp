// DFF's messages without pydantic: most have a text, annotations and a misc of plain JSON. Those
// are written here, and those that were loaded are read when somebody first uses them.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "context.hpp"
#include "model/context_access.hpp"
#include "stamps.hpp"

namespace dialogstore::python {

/// The messages of exactly DFF's class, without commands, attachments and fields of their own; and
/// of `unread_kind`, a subclass whose objects stand for such messages until they are used: they
/// hold where their text is, in the slots that pydantic will want. Used under the GIL.
class PlainMessages {
 public:
  PlainMessages(nanobind::object kind, nanobind::object unread_kind);

  /// Appends the stored form of a message and adds its stamps, if there may be any. False, with
  /// something useless appended, when it is not plain.
  [[nodiscard]] bool write(std::string& out, PyObject* message, Stamps& stamps) const;
  /// Whether a message is still what was written when the stamps were taken.
  [[nodiscard]] bool is_unchanged(PyObject* message, std::span<const Stamp> stamps) const;

  /// Whether stored texts are of messages that `unread` may stand for. Any thread.
  [[nodiscard]] static Survey survey(const Context& context);
  /// A message to be read when it is used. `turns` is an UnreadTurns, and `index` a turn of it.
  [[nodiscard]] nanobind::object unread(nanobind::handle turns, PyObject* index,
                                        TurnPart part) const;
  /// The text that an unread message stands for; null when somebody has used it. `place`: where its
  /// turn may be in the load's, to save the search; it is then where the next one may be.
  [[nodiscard]] const SharedText* text_of(PyObject* message, std::size_t& place) const;
  /// Makes an unread message what pydantic would have built; any other stays as it is.
  void read(PyObject* message) const;

 private:
  /// A slot of pydantic's objects.
  class Slot {
   public:
    Slot(const nanobind::object& kind, const char* name);
    [[nodiscard]] PyObject*& of(PyObject* message) const noexcept {
      return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(message) + offset_);
    }
    void put(PyObject* message, nanobind::object value) const;

   private:
    std::ptrdiff_t offset_;
  };

  /// Whether it is of DFF's class, without fields of its own.
  [[nodiscard]] bool is_ordinary(PyObject* message) const;
  [[nodiscard]] nanobind::object fields_of(std::string_view stored) const;

  nanobind::object kind_, unread_kind_;
  std::array<nanobind::str, 5> names_;
  nanobind::dict nothing_set_;
  nanobind::object fields_set_;
  Slot set_, extra_, private_;
};

/// `_core.UnreadTurns`: what the unread messages of one load are read from.
struct UnreadTurns {
  std::vector<TurnText> turns;
  std::shared_ptr<const PlainMessages> messages;
};

void bind_messages(nanobind::module_& module);

}  // namespace dialogstore::python
