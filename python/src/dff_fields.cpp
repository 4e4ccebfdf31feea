// What is loaded becomes the fields of a DFF context.
#include "dff_fields.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include "dff_comparison.hpp"
#include "json_read.hpp"
#include "model/context_access.hpp"
#include "model/json_access.hpp"
#include "model/message_text.hpp"
#include "objects.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

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

nb::object label_of(std::string_view text) {
  JsonCursor cursor(text);
  LabelSpans spans;
  if (!read_label(cursor, spans)) return nb::none();  // it was checked when it was loaded
  const nb::object flow = read_json_text(spans.flow);
  const nb::object node = read_json_text(spans.node);
  return stolen(PyTuple_Pack(2, flow.ptr(), node.ptr()));
}

nb::object validated_message(std::string_view text, const nb::callable& validated) {
  std::string content;
  append_dff_message(content, text);
  return validated(nb::str(content.data(), content.size()));
}

bool holds_no_containers(PyObject* dict) noexcept {
  Py_ssize_t place = 0;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &place, nullptr, &value) != 0) {
    if (PyDict_CheckExact(value) || PyList_CheckExact(value)) return false;
  }
  return true;
}

void put(const nb::dict& dict, const nb::object& key, const nb::object& value) {
  if (PyDict_SetItem(dict.ptr(), key.ptr(), value.ptr()) != 0) throw nb::python_error();
}

}  // namespace

nb::object LargeDicts::find(std::string_view text) {
  const auto found = young_.find(text);
  if (found != young_.end()) return stolen(PyDict_Copy(found->second.ptr()));
  const auto old = old_.find(text);
  if (old == old_.end()) return {};
  nb::object copy = stolen(PyDict_Copy(old->second.ptr()));
  auto entry = old_.extract(old);
  keep(std::move(entry.key()), std::move(entry.mapped()));
  return copy;
}

void LargeDicts::put(std::string_view text, PyObject* dict) {
  const bool is_large = PyDict_GET_SIZE(dict) >= static_cast<Py_ssize_t>(least_members);
  if (!is_large || text.size() > capacity || !holds_no_containers(dict)) return;
  keep(std::string(text), stolen(PyDict_Copy(dict)));
}

void LargeDicts::keep(std::string text, nb::object dict) {
  const std::size_t size = text.size();
  if (size_ + size > capacity) {
    old_ = std::exchange(young_, {});
    size_ = 0;
  }
  if (young_.insert_or_assign(std::move(text), std::move(dict)).second) size_ += size;
}

Loading::Loading(std::shared_ptr<const PlainMessages> messages, LargeDicts& large,
                 const PyContext& core, nb::callable validated)
    : messages_(std::move(messages)),
      large_(large),
      held_(std::in_place, core),
      validated_(std::move(validated)) {
  const auto& turns = ContextAccess::state(held_->get()).turns.all();
  // It is of the context as it came, once.
  survey_ = std::exchange(held_->box().survey, {});
  if (survey_.size() != turns.size()) survey_ = PlainMessages::survey(held_->get());
  unread_ = nb::cast(UnreadTurns{turns, messages_});
}

bool Loading::step(Slice::Seconds seconds) {
  [[maybe_unused]] const GarbagePause pause;
  const Slice slice(seconds);
  while (next_ < survey_.size()) {
    load_turn();
    if (slice.is_over()) return false;
  }
  return true;
}

void Loading::load_turn() {
  const TurnText& turn = nb::inst_ptr<UnreadTurns>(unread_)->turns[next_];
  const auto& is_plain = survey_[next_++];
  const nb::object index = stolen(PyLong_FromLongLong(turn.index));
  for (std::size_t i = 0; i < turn_parts; ++i) {
    const std::string_view text = turn.parts[i];
    if (text.empty()) continue;
    const auto part = static_cast<TurnPart>(i);
    if (part == TurnPart::label) {
      put(sequences_[i], index, label_of(text));
    } else if (is_plain[i]) {
      put(sequences_[i], index, messages_->unread(unread_, index.ptr(), part));
    } else {
      put(sequences_[i], index, validated_message(text, validated_));
    }
  }
}

nb::object Loading::members_of(const JsonObject& object, Stamps& stamps) {
  const bool is_large = object.size() >= LargeDicts::least_members;
  const auto at_hand = JsonAccess::text_of(object);
  const std::string written = is_large && !at_hand ? object.to_text() : std::string();
  const std::string_view text = at_hand.value_or(written);
  nb::object members = is_large ? large_.find(text) : nb::object();
  if (members) {
    add_flat_stamp(stamps, members.ptr());
    return members;
  }
  members = read_members(object);
  if (is_large) large_.put(text, members.ptr());
  add_stamps(stamps, members.ptr());
  return members;
}

std::pair<Seen, nb::dict> Loading::result() {
  [[maybe_unused]] const GarbagePause pause;
  const auto& state = ContextAccess::state(held_->get());
  Seen seen;
  nb::dict fields;
  for (std::size_t i = 0; i < turn_parts; ++i) fields[sequence_names[i]] = sequences_[i];
  fields["misc"] = members_of(state.misc, seen.misc);
  fields["framework_states"] = members_of(state.framework_states, seen.framework_states);
  close();
  return {std::move(seen), std::move(fields)};
}

Loading DffFields::load(const PyContext& core, nb::callable validated) {
  return {messages_, large_, core, std::move(validated)};
}

Comparison DffFields::compare(const Seen* seen, const PyContext& twin, nb::dict fields) {
  return {messages_, large_, seen, twin, std::move(fields)};
}

void bind_dff_fields(nb::module_& module) {
  const auto seconds = nb::arg("seconds").none();
  nb::class_<Seen>(module, "Seen");
  nb::class_<Changes>(module, "Changes").def_ro("fields", &Changes::fields);
  nb::class_<Loading>(module, "Loading")
      .def("step", &Loading::step, seconds)
      .def("result", &Loading::result)
      .def("close", &Loading::close);
  nb::class_<Comparison>(module, "Comparison")
      .def("step", &Comparison::step, seconds)
      .def("result", &Comparison::result)
      .def("close", &Comparison::close);
  nb::class_<DffFields>(module, "DffFields")
      .def(nb::init<nb::object, nb::object>(), "message"_a, "unread"_a)
      .def("load", &DffFields::load, "core"_a, "validated"_a, nb::keep_alive<0, 1>())
      .def("compare", &DffFields::compare, "seen"_a.none(), "twin"_a, "fields"_a,
           nb::keep_alive<0, 1>(), nb::keep_alive<0, 2>())
      .def_static("apply", &DffFields::apply, "changes"_a, "twin"_a, "content"_a.none(),
                  "is_same"_a);
}

}  // namespace dialogstore::python
