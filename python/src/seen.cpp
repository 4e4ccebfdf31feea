#include "seen.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <unordered_map>

#include "model/context_access.hpp"
#include "model/message_text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

constexpr std::array<TurnPart, turn_parts> all_parts{TurnPart::label, TurnPart::request,
                                                     TurnPart::response};
constexpr std::array<const char*, turn_parts> sequence_names{"labels", "requests", "responses"};

/// While a load makes its thousands of objects, which all stay, looking for garbage finds none.
class GarbagePause {
 public:
#if PY_VERSION_HEX >= 0x030A0000
  GarbagePause() noexcept : was_enabled_(PyGC_Disable() != 0) {}
  ~GarbagePause() {
    if (was_enabled_) PyGC_Enable();
  }
#else
  GarbagePause() noexcept = default;
  ~GarbagePause() = default;
#endif
  GarbagePause(const GarbagePause&) = delete;
  GarbagePause& operator=(const GarbagePause&) = delete;

 private:
#if PY_VERSION_HEX >= 0x030A0000
  bool was_enabled_;
#endif
};

FormPtr form_of_label(std::string_view text) {
  JsonCursor cursor(text);
  LabelSpans spans;
  if (!read_label(cursor, spans)) return nullptr;
  Form strings;
  strings.add_json(spans.flow);
  strings.add_json(spans.node);
  Form::Reader reader(strings);
  const nb::object flow = reader.build();
  const nb::object node = reader.build();
  auto form = std::make_shared<Form>();
  form->add_shared(nb::make_tuple(flow, node));
  return form;
}

bool is_label(PyObject* value) noexcept {
  return PyTuple_CheckExact(value) && PyTuple_GET_SIZE(value) == 2 &&
         PyUnicode_CheckExact(PyTuple_GET_ITEM(value, 0)) &&
         PyUnicode_CheckExact(PyTuple_GET_ITEM(value, 1));
}

std::string text_of(PyObject* name) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) throw nb::python_error();
  return {text, static_cast<std::size_t>(size)};
}

/// The members of a dict that was seen, by name.
class SeenMembers {
 public:
  explicit SeenMembers(const Form* form) {
    if (form == nullptr) return;
    Form::Reader reader(*form);
    flat_ = reader.flat_dict();
    if (flat_ != nullptr || !reader.is_dict()) return;
    for (std::size_t left = reader.enter_dict(); left != 0; --left) {
      const nb::object name = nb::borrow(reader.key());
      places_[name] = nb::int_(readers_.size());
      readers_.push_back(reader);
      reader.skip();
    }
  }

  [[nodiscard]] bool holds(PyObject* name, PyObject* value) const {
    if (flat_ != nullptr) return PyDict_GetItemWithError(flat_, name) == value;
    PyObject* const place = PyDict_GetItemWithError(places_.ptr(), name);
    if (place == nullptr) return false;
    return Form::Reader(readers_[PyLong_AsSize_t(place)]).matches(value);
  }
  [[nodiscard]] std::vector<std::string> absent_in(PyObject* live) const {
    std::vector<std::string> names;
    Py_ssize_t place = 0;
    PyObject* name = nullptr;
    while (PyDict_Next(flat_ != nullptr ? flat_ : places_.ptr(), &place, &name, nullptr) != 0) {
      if (PyDict_Contains(live, name) == 0) names.push_back(text_of(name));
    }
    return names;
  }

 private:
  PyObject* flat_ = nullptr;
  nb::dict places_;
  std::vector<Form::Reader> readers_;
};

/// False when there is more to it than names and values.
bool compare_members(const FormPtr& then, PyObject* live, FormPtr& now, nb::dict& changed,
                     std::vector<std::string>& gone) {
  if (live == nullptr || !PyDict_CheckExact(live)) return false;
  if (then && Form::Reader(*then).matches(live)) {
    now = then;
    return true;
  }
  const auto form = std::make_shared<Form>();
  form->add(live);
  if (Form::Reader(*form).is_opaque()) return false;
  const SeenMembers seen(then.get());
  gone = seen.absent_in(live);
  Py_ssize_t place = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(live, &place, &name, &value) != 0) {
    if (!seen.holds(name, value)) changed[nb::handle(name)] = nb::handle(value);
  }
  now = form;
  return true;
}

}  // namespace

nb::object Forms::part_of(TurnPart part, std::string_view text, const nb::callable& validated,
                          FormPtr& form) {
  form = parts_.find(text);
  if (!form) {
    form = part == TurnPart::label ? form_of_label(text) : plain_.of_stored(text);
    if (form) parts_.put(text, form);
  }
  if (form && part == TurnPart::label) return Form::Reader(*form).build();
  if (form) return plain_.build(*form);
  std::string content;
  append_dff_message(content, text);
  return validated(nb::str(content.data(), content.size()));
}

std::pair<Seen, nb::dict> Forms::load(const PyContext& core, const nb::callable& validated) {
  const GarbagePause pause;
  const auto& state = ContextAccess::state(core.get());
  Seen seen;
  std::array<nb::dict, turn_parts> sequences;
  for (auto& parts : seen.sequences) parts.reserve(state.turns.all().size());
  for (const TurnText& turn : state.turns.all()) {
    const nb::int_ index(turn.index);
    for (std::size_t part = 0; part < turn_parts; ++part) {
      const std::string_view text = turn.parts[part];
      if (text.empty()) continue;
      FormPtr form;
      sequences[part][index] = part_of(static_cast<TurnPart>(part), text, validated, form);
      seen.sequences[part].push_back({turn.index, std::move(form)});
    }
  }
  nb::dict fields;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    fields[sequence_names[part]] = sequences[part];
  }
  const auto members = [&](const char* name, const JsonObject& object) {
    const std::string text = object.to_text();
    FormPtr form = objects_.find(text);
    if (!form) {
      const auto read = std::make_shared<Form>();
      read->add_json(text);
      form = read;
      objects_.put(text, form);
    }
    fields[name] = Form::Reader(*form).build();
    return form;
  };
  seen.misc = members("misc", state.misc);
  seen.framework_states = members("framework_states", state.framework_states);
  return {std::move(seen), std::move(fields)};
}

FormPtr Forms::form_of(TurnPart part, PyObject* value) const {
  if (part != TurnPart::label) return plain_.of(value);
  if (!is_label(value)) return nullptr;
  auto form = std::make_shared<Form>();
  form->add_shared(nb::borrow(value));
  return form;
}

bool Forms::matches(TurnPart part, const FormPtr& form, PyObject* value) const {
  if (!form) return false;
  if (part == TurnPart::label) return Form::Reader(*form).matches(value);
  return plain_.matches(*form, value);
}

bool Forms::compare_sequence(TurnPart part, const Seen* seen, PyObject* live,
                             Changes& found) const {
  if (live == nullptr || !PyDict_CheckExact(live)) return false;
  static const std::vector<Seen::Part> nothing;
  const auto place_of_part = static_cast<std::size_t>(part);
  const auto& then = seen == nullptr ? nothing : seen->sequences[place_of_part];
  auto& now = found.now.sequences[place_of_part];
  now.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(live)));
  nb::dict changed;
  std::vector<bool> is_there(then.size());
  std::unordered_map<std::int64_t, std::size_t> places;  // filled once the order is another
  std::size_t next = 0;

  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(live, &place, &key, &value) != 0) {
    if (!PyLong_CheckExact(key)) return false;
    int overflow = 0;
    const std::int64_t index = PyLong_AsLongLongAndOverflow(key, &overflow);
    if (overflow != 0) return false;
    if (next < then.size() && then[next].index != index) {
      if (places.empty()) {
        for (std::size_t i = 0; i < then.size(); ++i) places.emplace(then[i].index, i);
      }
      const auto old = places.find(index);
      next = old == places.end() ? then.size() : old->second;
    }
    const bool known = next < then.size();
    if (known) is_there[next] = true;
    if (known && matches(part, then[next].form, value)) {
      now.push_back(then[next]);
    } else {
      found.fresh.emplace_back(part, now.size());
      now.push_back({index, form_of(part, value)});
      changed[nb::handle(key)] = nb::handle(value);
    }
    ++next;
  }
  for (std::size_t i = 0; i < then.size(); ++i) {
    if (!is_there[i]) found.gone.emplace_back(part, then[i].index);
  }
  found.fields[sequence_names[place_of_part]] = changed;
  return true;
}

std::optional<Changes> Forms::changes(const Seen* seen, const nb::dict& fields) const {
  Changes found;
  const auto field = [&fields](const char* name) {
    return PyDict_GetItemString(fields.ptr(), name);
  };
  for (const TurnPart part : all_parts) {
    PyObject* const live = field(sequence_names[static_cast<std::size_t>(part)]);
    if (!compare_sequence(part, seen, live, found)) return std::nullopt;
  }
  const FormPtr nothing;
  nb::dict misc;
  nb::dict states;
  if (!compare_members(seen == nullptr ? nothing : seen->misc, field("misc"), found.now.misc, misc,
                       found.gone_misc) ||
      !compare_members(seen == nullptr ? nothing : seen->framework_states,
                       field("framework_states"), found.now.framework_states, states,
                       found.gone_states)) {
    return std::nullopt;
  }
  found.fields["misc"] = misc;
  found.fields["framework_states"] = states;
  return found;
}

Seen Forms::apply(Changes& changes, const PyContext& twin, const PyContext& content,
                  const nb::object& is_same) {
  Context& context = twin.get();
  for (const auto& [part, index] : changes.gone) context.erase(index, part);
  for (const auto& name : changes.gone_misc) context.erase_misc(name);
  for (const auto& name : changes.gone_states) context.erase_framework_state(name);
  context.update(content.get(), same_value(is_same));
  return keep(changes, twin);
}

Seen Forms::keep(Changes& changes, const PyContext& twin) {
  const auto& turns = ContextAccess::state(twin.get()).turns;
  for (const auto& [part, place] : changes.fresh) {
    const auto& seen = changes.now.sequences[static_cast<std::size_t>(part)][place];
    if (!seen.form) continue;
    const TurnText* const turn = turns.find(seen.index);
    if (turn == nullptr) continue;
    const std::string_view text = turn->parts[static_cast<std::size_t>(part)];
    if (!text.empty()) parts_.put(text, seen.form);
  }
  return std::move(changes.now);
}

void bind_seen(nb::module_& module) {
  nb::class_<Seen>(module, "Seen");
  nb::class_<Changes>(module, "Changes").def_ro("fields", &Changes::fields);
  nb::class_<Forms>(module, "Forms")
      .def(nb::init<nb::object>(), "message"_a)
      .def("load", &Forms::load, "core"_a, "validated"_a)
      .def("changes", &Forms::changes, "seen"_a.none(), "fields"_a)
      .def("apply", &Forms::apply, "changes"_a, "twin"_a, "content"_a, "is_same"_a)
      .def("keep", &Forms::keep, "changes"_a, "twin"_a);
}

}  // namespace dialogstore::python
