// What is loaded becomes the fields of a DFF context.
#include "dff_fields.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include "json_read.hpp"
#include "model/context_access.hpp"
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
  const nb::object flow = read_json(spans.flow);
  const nb::object node = read_json(spans.node);
  return stolen(PyTuple_Pack(2, flow.ptr(), node.ptr()));
}

nb::object validated_message(std::string_view text, const nb::callable& validated) {
  std::string content;
  append_dff_message(content, text);
  return validated(nb::str(content.data(), content.size()));
}

void put(const nb::dict& dict, const nb::object& key, const nb::object& value) {
  if (PyDict_SetItem(dict.ptr(), key.ptr(), value.ptr()) != 0) throw nb::python_error();
}

nb::object members_of(const JsonObject& object, Stamps& stamps) {
  nb::object members = read_members(object);
  add_stamps(stamps, members.ptr());
  return members;
}

}  // namespace

std::pair<Seen, nb::dict> DffFields::load(const PyContext& core,
                                          const nb::callable& validated) const {
  const GarbagePause pause;
  const auto& state = ContextAccess::state(core.get());
  // It is of the context as it came, once.
  Survey survey = std::exchange(core.box()->survey, {});
  if (survey.size() != state.turns.all().size()) survey = PlainMessages::survey(core.get());
  auto plain = survey.begin();
  const nb::object unread = nb::cast(UnreadTurns{state.turns.all(), messages_});
  std::array<nb::dict, turn_parts> sequences;
  for (const TurnText& turn : nb::inst_ptr<UnreadTurns>(unread)->turns) {
    const nb::object index = stolen(PyLong_FromLongLong(turn.index));
    const auto& is_plain = *plain++;
    for (std::size_t i = 0; i < turn_parts; ++i) {
      const std::string_view text = turn.parts[i];
      if (text.empty()) continue;
      const auto part = static_cast<TurnPart>(i);
      if (part == TurnPart::label) {
        put(sequences[i], index, label_of(text));
      } else if (is_plain[i]) {
        put(sequences[i], index, messages_->unread(unread, index.ptr(), part));
      } else {
        put(sequences[i], index, validated_message(text, validated));
      }
    }
  }
  Seen seen;
  nb::dict fields;
  for (std::size_t i = 0; i < turn_parts; ++i) fields[sequence_names[i]] = sequences[i];
  fields["misc"] = members_of(state.misc, seen.misc);
  fields["framework_states"] = members_of(state.framework_states, seen.framework_states);
  return {std::move(seen), std::move(fields)};
}

void bind_dff_fields(nb::module_& module) {
  nb::class_<Seen>(module, "Seen");
  nb::class_<Changes>(module, "Changes").def_ro("fields", &Changes::fields);
  nb::class_<DffFields>(module, "DffFields")
      .def(nb::init<nb::object, nb::object>(), "message"_a, "unread"_a)
      .def("load", &DffFields::load, "core"_a, "validated"_a)
      .def("changes", &DffFields::changes, "seen"_a.none(), "twin"_a, "fields"_a)
      .def_static("apply", &DffFields::apply, "changes"_a, "twin"_a, "content"_a.none(),
                  "is_same"_a);
}

}  // namespace dialogstore::python
