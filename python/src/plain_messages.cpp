#include "plain_messages.hpp"

#include <structmember.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "json_read.hpp"
#include "json_write.hpp"
#include "model/message_text.hpp"
#include "objects.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

nb::str interned(const char* text) {
  return nb::steal<nb::str>(PyUnicode_InternFromString(text));
}

enum Field : std::size_t { text, commands, attachments, annotations, misc };

bool is_null(std::string_view span) noexcept {
  return span.empty() || span == "null";
}

bool is_plain(std::string_view stored) {
  constexpr std::string_view class_key = "dialogstore:class";  // _dff_text.py
  // Several times as fast as string_view::find, which tries at every first letter.
  if (memmem(stored.data(), stored.size(), class_key.data(), class_key.size()) != nullptr) {
    return false;
  }
  JsonCursor cursor(stored);
  MessageSpans spans;
  std::string_view field;
  if (!read_message(cursor, spans, field) || !spans.extra.empty()) return false;
  if (!is_null(spans.known[commands]) || !is_null(spans.known[attachments])) return false;
  return std::all_of(spans.known.begin() + annotations, spans.known.end(), [](auto span) {
    // Of other kinds, pydantic has a word to say about it.
    return is_null(span) || json_kind(span) == JsonKind::object;
  });
}

PyTypeObject* as_type(const nb::object& kind) noexcept {
  return reinterpret_cast<PyTypeObject*>(kind.ptr());
}

nb::object dict_of(PyObject* message) {
  return stolen(PyObject_GenericGetDict(message, nullptr));
}

}  // namespace

PlainMessages::Slot::Slot(const nb::object& kind, const char* name) {
  const nb::object slot = kind.attr(name);
  if (Py_TYPE(slot.ptr()) != &PyMemberDescr_Type) {
    throw nb::type_error("the objects of this pydantic are laid out in another way");
  }
  offset_ = reinterpret_cast<PyMemberDescrObject*>(slot.ptr())->d_member->offset;
}

void PlainMessages::Slot::put(PyObject* message, nb::object value) const {
  const nb::object before = nb::steal(std::exchange(of(message), value.release().ptr()));
}

PlainMessages::PlainMessages(nb::object kind, nb::object unread_kind)
    : kind_(std::move(kind)),
      unread_kind_(std::move(unread_kind)),
      set_(kind_, "__pydantic_fields_set__"),
      extra_(kind_, "__pydantic_extra__"),
      private_(kind_, "__pydantic_private__") {
  nb::object all = stolen(PySet_New(nullptr));
  for (std::size_t i = 0; i < names_.size(); ++i) {
    names_[i] = interned(message_fields[i].data());
    nothing_set_[names_[i]] = nb::none();
    if (PySet_Add(all.ptr(), names_[i].ptr()) != 0) throw nb::python_error();
  }
  fields_set_ = std::move(all);
}

bool PlainMessages::is_ordinary(PyObject* message) const {
  if (Py_TYPE(message) != as_type(kind_)) return false;
  PyObject* const extra = extra_.of(message);
  if (extra == nullptr) return false;
  return extra == Py_None || (PyDict_CheckExact(extra) && PyDict_GET_SIZE(extra) == 0);
}

bool PlainMessages::write(std::string& out, PyObject* message, Stamps& stamps) const {
  if (!is_ordinary(message)) return false;
  const nb::object fields = dict_of(message);
  if (PyDict_GET_SIZE(fields.ptr()) != static_cast<Py_ssize_t>(names_.size())) return false;
  char separator = '{';
  Py_ssize_t place = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    PyDict_Next(fields.ptr(), &place, &name, &value);
    if (name != names_[i].ptr() && PyUnicode_Compare(name, names_[i].ptr()) != 0) return false;
    if (value == Py_None) continue;
    // Of another type a field would come back changed, or not at all.
    const bool fits = i == text ? PyUnicode_CheckExact(value) : PyDict_CheckExact(value);
    if (!fits || i == commands || i == attachments) return false;
    out.append(1, separator).append(1, '"').append(message_fields[i]).append("\":");
    separator = ',';
    if (!append_json(out, value)) return false;
  }
  out += separator == '{' ? "{}" : "}";
  add_stamps(stamps, fields.ptr());
  return true;
}

bool PlainMessages::is_unchanged(PyObject* message, std::span<const Stamp> stamps) const {
  return is_ordinary(message) && are_valid(stamps, dict_of(message).ptr());
}

Survey PlainMessages::survey(const Context& context) {
  Survey survey;
  const auto& turns = ContextAccess::state(context).turns.all();
  survey.reserve(turns.size());
  for (const TurnText& turn : turns) {
    auto& plain = survey.emplace_back();
    for (const TurnPart part : {TurnPart::request, TurnPart::response}) {
      const auto place = static_cast<std::size_t>(part);
      plain[place] = !turn.parts[place].empty() && is_plain(turn.parts[place]);
    }
  }
  return survey;
}

nb::object PlainMessages::unread(nb::handle turns, PyObject* index, TurnPart part) const {
  auto* const type = as_type(unread_kind_);
  nb::object message = stolen(type->tp_alloc(type, 0));
  // It leads nowhere until it is read: nothing that the collector would have to walk over.
  PyObject_GC_UnTrack(message.ptr());
  private_.put(message.ptr(), nb::borrow(turns));
  set_.put(message.ptr(), nb::borrow(index));
  extra_.put(message.ptr(), nb::bool_(part == TurnPart::response));
  return message;
}

const SharedText* PlainMessages::text_of(PyObject* message, std::size_t& place) const {
  if (Py_TYPE(message) != as_type(unread_kind_)) return nullptr;
  PyObject* const turns = private_.of(message);
  static PyObject* const turns_type = nb::type<UnreadTurns>().ptr();
  if (turns == nullptr || reinterpret_cast<PyObject*>(Py_TYPE(turns)) != turns_type) return nullptr;
  const auto& all = nb::inst_ptr<UnreadTurns>(turns)->turns;
  const std::int64_t wanted = PyLong_AsLongLong(set_.of(message));
  if (place >= all.size() || all[place].index != wanted) {
    const auto found = std::lower_bound(
        all.begin(), all.end(), wanted,
        [](const TurnText& each, std::int64_t index) { return each.index < index; });
    place = static_cast<std::size_t>(found - all.begin());
  }
  const auto part = extra_.of(message) == Py_True ? TurnPart::response : TurnPart::request;
  return &all[place++].parts[static_cast<std::size_t>(part)];
}

nb::object PlainMessages::fields_of(std::string_view stored) const {
  JsonCursor cursor(stored);
  MessageSpans spans;
  std::string_view field;
  // It was found plain when it was loaded.
  static_cast<void>(read_message(cursor, spans, field));
  nb::object fields = stolen(PyDict_Copy(nothing_set_.ptr()));
  for (const Field known : {text, annotations, misc}) {
    if (is_null(spans.known[known])) continue;
    const nb::object value = read_json(spans.known[known]);
    if (PyDict_SetItem(fields.ptr(), names_[known].ptr(), value.ptr()) != 0) {
      throw nb::python_error();
    }
  }
  return fields;
}

void PlainMessages::read(PyObject* message) const {
  std::size_t place = 0;
  const SharedText* const found = text_of(message, place);
  if (found == nullptr) return;
  const SharedText stored = *found;
  const nb::object fields = fields_of(stored);
  const nb::object fields_set = stolen(PySet_New(fields_set_.ptr()));
  const nb::object extra = stolen(PyDict_New());
  // Making those may have run code that used the message.
  if (text_of(message, place) == nullptr) return;
  set_.put(message, fields_set);
  extra_.put(message, extra);
  private_.put(message, nb::none());
  if (PyObject_GenericSetDict(message, fields.ptr(), nullptr) != 0 ||
      PyObject_GenericSetAttr(message, interned("__class__").ptr(), kind_.ptr()) != 0) {
    throw nb::python_error();
  }
  if (PyObject_GC_IsTracked(message) == 0) PyObject_GC_Track(message);
}

void bind_messages(nb::module_& module) {
  nb::class_<UnreadTurns>(module, "UnreadTurns");
  module.def(
      "read_message",
      [](nb::handle message) {
        const nb::object turns =
            stolen(PyObject_GenericGetAttr(message.ptr(), interned("__pydantic_private__").ptr()));
        if (!nb::isinstance<UnreadTurns>(turns)) return;
        nb::inst_ptr<UnreadTurns>(turns)->messages->read(message.ptr());
      },
      "message"_a);
}

}  // namespace dialogstore::python
