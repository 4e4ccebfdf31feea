#include "plain_messages.hpp"

#include <utility>

#include "model/message_text.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

nb::object stolen(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

nb::str interned(const char* text) {
  return nb::steal<nb::str>(PyUnicode_InternFromString(text));
}

enum Field : std::size_t { text, commands, attachments, annotations, misc };

}  // namespace

PlainMessages::PlainMessages(nb::object kind)
    : kind_(std::move(kind)),
      dict_slot_(interned("__dict__")),
      set_slot_(interned("__pydantic_fields_set__")),
      extra_slot_(interned("__pydantic_extra__")),
      private_slot_(interned("__pydantic_private__")) {
  nb::object all = stolen(PySet_New(nullptr));
  for (std::size_t i = 0; i < names_.size(); ++i) {
    names_[i] = interned(message_fields[i].data());
    nothing_set_[names_[i]] = nb::none();
    if (PySet_Add(all.ptr(), names_[i].ptr()) != 0) throw nb::python_error();
  }
  fields_set_ = std::move(all);
}

FormPtr PlainMessages::of_stored(std::string_view stored) const {
  if (stored.find("dialogstore:class") != std::string_view::npos) return nullptr;
  JsonCursor cursor(stored);
  MessageSpans spans;
  std::string_view field;
  if (!read_message(cursor, spans, field) || !spans.extra.empty()) return nullptr;
  const auto is_null = [](std::string_view span) { return span.empty() || span == "null"; };
  if (!is_null(spans.known[commands]) || !is_null(spans.known[attachments])) return nullptr;
  const auto form = std::make_shared<Form>();
  for (const Field known : {text, annotations, misc}) {
    const std::string_view span = spans.known[known];
    if (is_null(span)) {
      form->add_none();
      continue;
    }
    const auto kind = known == text ? JsonKind::string : JsonKind::object;
    if (json_kind(span) != kind) return nullptr;  // pydantic has a word to say about it
    form->add_json(span);
  }
  return form;
}

std::array<PyObject*, 3> PlainMessages::values_of(PyObject* message) const {
  constexpr std::array<PyObject*, 3> not_plain{};
  if (Py_TYPE(message) != reinterpret_cast<PyTypeObject*>(kind_.ptr())) return not_plain;
  const nb::object extra = stolen(PyObject_GenericGetAttr(message, extra_slot_.ptr()));
  if (!extra.is_none() && (!PyDict_CheckExact(extra.ptr()) || PyDict_GET_SIZE(extra.ptr()) != 0)) {
    return not_plain;
  }
  const nb::object fields = stolen(PyObject_GenericGetDict(message, nullptr));
  if (PyDict_GET_SIZE(fields.ptr()) != static_cast<Py_ssize_t>(names_.size())) return not_plain;
  std::array<PyObject*, 5> values{};
  Py_ssize_t place = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    PyObject* name = nullptr;
    PyDict_Next(fields.ptr(), &place, &name, &values[i]);
    if (name != names_[i].ptr() && PyUnicode_Compare(name, names_[i].ptr()) != 0) return not_plain;
  }
  if (values[commands] != Py_None || values[attachments] != Py_None) return not_plain;
  return {values[text], values[annotations], values[misc]};
}

FormPtr PlainMessages::of(PyObject* message) const {
  const auto [said, notes, rest] = values_of(message);
  if (said == nullptr) return nullptr;
  // Of another type a field would come back changed, or not at all.
  if (said != Py_None && !PyUnicode_CheckExact(said)) return nullptr;
  auto form = std::make_shared<Form>();
  form->add(said);
  for (PyObject* const value : {notes, rest}) {
    if (value != Py_None && !PyDict_CheckExact(value)) return nullptr;
    form->add(value);
  }
  if (form->is_opaque()) return nullptr;
  return form;
}

bool PlainMessages::matches(const Form& form, PyObject* message) const {
  const auto [said, notes, rest] = values_of(message);
  if (said == nullptr) return false;
  Form::Reader reader(form);
  return reader.matches(said) && reader.matches(notes) && reader.matches(rest);
}

nb::object PlainMessages::build(const Form& form) const {
  nb::object fields = stolen(PyDict_Copy(nothing_set_.ptr()));
  Form::Reader reader(form);
  for (const Field known : {text, annotations, misc}) {
    const nb::object value = reader.build();
    if (value.is_none()) continue;
    if (PyDict_SetItem(fields.ptr(), names_[known].ptr(), value.ptr()) != 0) {
      throw nb::python_error();
    }
  }
  auto* const type = reinterpret_cast<PyTypeObject*>(kind_.ptr());
  nb::object message = stolen(type->tp_alloc(type, 0));
  const auto put = [&message](const nb::str& slot, const nb::object& value) {
    if (PyObject_GenericSetAttr(message.ptr(), slot.ptr(), value.ptr()) != 0) {
      throw nb::python_error();
    }
  };
  put(dict_slot_, fields);
  const nb::object fields_set = stolen(PySet_New(fields_set_.ptr()));
  // It holds names alone, which lead nowhere: a third of what the collector would have to walk
  // over.
  PyObject_GC_UnTrack(fields_set.ptr());
  put(set_slot_, fields_set);
  put(extra_slot_, stolen(PyDict_New()));
  put(private_slot_, nb::none());
  return message;
}

FormPtr FormCache::find(std::string_view text) {
  if (const auto found = young_.find(text); found != young_.end()) return found->second;
  const auto found = old_.find(text);
  if (found == old_.end()) return nullptr;
  FormPtr form = std::move(found->second);
  old_.erase(found);
  put(text, form);
  return form;
}

void FormCache::put(std::string_view text, FormPtr form) {
  if (text.size() > capacity_) return;
  if (size_ + text.size() > capacity_) {
    old_ = std::exchange(young_, {});
    size_ = 0;
  }
  if (young_.insert_or_assign(std::string(text), std::move(form)).second) size_ += text.size();
}

}  // namespace dialogstore::python
