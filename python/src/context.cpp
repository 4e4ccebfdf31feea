#include "context.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "json_read.hpp"
#include "model/context_access.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace dialogstore::python {
namespace {

using Text = std::optional<std::string>;
using Members = std::vector<std::pair<std::string, std::string>>;

template <class Value>
Text text_of(const std::optional<Value>& value) {
  return value ? Text(value->to_json()) : std::nullopt;
}

Text part_of(const PyContext& self, std::int64_t index, TurnPart part) {
  const Context& context = self.get();
  switch (part) {
    case TurnPart::label:
      return text_of(context.label(index));
    case TurnPart::request:
      return text_of(context.request(index));
    case TurnPart::response:
      break;
  }
  return text_of(context.response(index));
}

Text last_part(const PyContext& self, TurnPart part) {
  const Context& context = self.get();
  switch (part) {
    case TurnPart::label:
      return text_of(context.last_label());
    case TurnPart::request:
      return text_of(context.last_request());
    case TurnPart::response:
      break;
  }
  return text_of(context.last_response());
}

template <class Values>
std::vector<std::pair<std::int64_t, std::string>> texts_of(const Values& values) {
  std::vector<std::pair<std::int64_t, std::string>> texts;
  texts.reserve(values.size());
  for (const auto& [index, value] : values) texts.emplace_back(index, value.to_json());
  return texts;
}

std::vector<std::pair<std::int64_t, std::string>> sequence(const PyContext& self, TurnPart part) {
  const Context& context = self.get();
  switch (part) {
    case TurnPart::label:
      return texts_of(context.labels());
    case TurnPart::request:
      return texts_of(context.requests());
    case TurnPart::response:
      break;
  }
  return texts_of(context.responses());
}

void set_part(const PyContext& self, std::int64_t index, TurnPart part, std::string_view text) {
  Context& context = self.get();
  switch (part) {
    case TurnPart::label:
      return context.set_label(index, Label::from_json(text));
    case TurnPart::request:
      return context.set_request(index, Message::from_json(text));
    case TurnPart::response:
      break;
  }
  context.set_response(index, Message::from_json(text));
}

std::int64_t add_part(const PyContext& self, TurnPart part, std::string_view text) {
  Context& context = self.get();
  switch (part) {
    case TurnPart::label:
      return context.add_label(Label::from_json(text));
    case TurnPart::request:
      return context.add_request(Message::from_json(text));
    case TurnPart::response:
      break;
  }
  return context.add_response(Message::from_json(text));
}

bool has_part(const PyContext& self, std::int64_t index, TurnPart part) {
  const TurnText* const turn = ContextAccess::state(self.get()).turns.find(index);
  return turn != nullptr && !turn->parts[static_cast<std::size_t>(part)].empty();
}

/// In ascending order; of the last ones alone when their number is given.
std::vector<std::int64_t> part_indices(const PyContext& self, TurnPart part,
                                       std::optional<std::size_t> last) {
  std::vector<std::int64_t> indices;
  const TurnTable& table = ContextAccess::state(self.get()).turns;
  const auto find_in = [&](std::span<const TurnText> turns) {
    indices.clear();
    for (auto turn = turns.rbegin(); turn != turns.rend() && indices.size() != last; ++turn) {
      if (!turn->parts[static_cast<std::size_t>(part)].empty()) indices.push_back(turn->index);
    }
  };
  find_in(table.here());
  if (indices.size() != last && table.here_from() != keep_all) find_in(table.all());
  std::reverse(indices.begin(), indices.end());
  return indices;
}

/// In a merge turns from this index on are moved behind the others': those that no one had stored
/// when this context was loaded or saved.
std::int64_t first_movable(const Context& context) {
  const auto& position = ContextAccess::state(context).position;
  return position ? std::int64_t{position->next_turn} : 0;
}

/// One past the last turn that is stored, or waits to be.
std::int64_t turns_end(const PyContext& self) {
  const Context& context = self.get();
  const auto last = ContextAccess::state(context).turns.last_index();
  return std::max(last ? *last + 1 : 0, first_movable(context));
}

/// The three objects of a context that hold members by name.
enum class Place : std::uint8_t { misc, framework_states, extra };

const JsonObject& object_at(const Context& context, Place place) {
  switch (place) {
    case Place::misc:
      return context.misc();
    case Place::framework_states:
      return context.framework_states();
    case Place::extra:
      break;
  }
  return context.extra();
}

Members members(const PyContext& self, Place place) {
  Members all;
  for (const auto& [name, value] : object_at(self.get(), place)) {
    all.emplace_back(name, std::string(value.text()));
  }
  return all;
}

Text member(const PyContext& self, Place place, std::string_view name) {
  const Json* value = object_at(self.get(), place).find(name);
  return value == nullptr ? std::nullopt : Text(value->text());
}

void set_member(Context& context, Place place, std::string_view name, std::string_view text) {
  switch (place) {
    case Place::misc:
      return context.set_misc(name, Json::parse(text));
    case Place::framework_states:
      return context.set_framework_state(name, Json::parse(text));
    case Place::extra:
      break;
  }
  context.set_extra(name, Json::parse(text));
}

bool erase_member(Context& context, Place place, std::string_view name) {
  switch (place) {
    case Place::misc:
      return context.erase_misc(name);
    case Place::framework_states:
      return context.erase_framework_state(name);
    case Place::extra:
      break;
  }
  return context.erase_extra(name);
}

/// Makes the members those of a JSON object.
void assign_members(const PyContext& self, Place place, std::string_view text,
                    const nb::object& is_same) {
  const HeldContext held(self);
  Context& context = held.get();
  const JsonObject& present = object_at(context, place);
  if (present.to_text() == text) return;
  const auto same = same_value(is_same);
  const JsonObject wanted = JsonObject::parse(text);
  std::vector<std::string> superfluous;
  for (const auto& [name, value] : present) {
    if (!wanted.contains(name)) superfluous.push_back(name);
  }
  for (const auto& name : superfluous) erase_member(context, place, name);
  for (const auto& [name, value] : wanted) {
    const Json* const old = present.find(name);
    if (old != nullptr && old->text() == value.text()) continue;
    if (old != nullptr && same && same(std::string(old->text()), value.text())) continue;
    set_member(context, place, name, value.text());
  }
}

void clear_field(const PyContext& self, std::size_t hold_last_n, ContextField field) {
  self.get().clear(hold_last_n, {field});
}

void assign(const PyContext& self, const PyContext& content, const nb::object& is_same) {
  const Context& wanted = content.get();
  const HeldContext held(self);
  held.get().assign(wanted, same_value(is_same));
}

[[noreturn]] void throw_in_progress() {
  throw_error(errc::save_in_progress, "", "",
              "this context is being saved: wait for the end of that call first");
}

}  // namespace

Context& PyContext::get() const {
  if (box_->saving.load(std::memory_order_acquire)) throw_in_progress();
  return box_->context;
}

HeldContext::HeldContext(const PyContext& context) : box_(context.box()) {
  if (box_->saving.exchange(true)) throw_in_progress();
}

Context::SameValue same_value(const nb::object& is_same) {
  if (is_same.is_none()) return {};
  return [is_same](std::string_view present, std::string_view wanted) {
    return nb::cast<bool>(
        is_same(nb::str(present.data(), present.size()), nb::str(wanted.data(), wanted.size())));
  };
}

nb::object to_python(const Turn& turn) {
  return nb::make_tuple(turn.index, text_of(turn.label), text_of(turn.request),
                        text_of(turn.response));
}

void bind_context(nb::module_& module) {
  nb::enum_<TurnPart>(module, "TurnPart")
      .value("LABEL", TurnPart::label)
      .value("REQUEST", TurnPart::request)
      .value("RESPONSE", TurnPart::response);
  nb::enum_<Place>(module, "Place")
      .value("MISC", Place::misc)
      .value("FRAMEWORK_STATES", Place::framework_states)
      .value("EXTRA", Place::extra);
  nb::enum_<ContextField>(module, "ContextField")
      .value("LABELS", ContextField::labels)
      .value("REQUESTS", ContextField::requests)
      .value("RESPONSES", ContextField::responses)
      .value("MISC", ContextField::misc)
      .value("FRAMEWORK_STATES", ContextField::framework_states);

  nb::class_<PyContext>(module, "Context")
      .def(
          "__init__",
          [](PyContext* self, const Text& id) {
            new (self) PyContext(id ? Context(Json::parse(*id)) : Context());
          },
          "id"_a = nb::none())
      .def_static("from_json",
                  [](std::string_view text) { return PyContext(Context::from_json(text)); })
      .def("to_json", [](const PyContext& self) { return self.get().to_json(); })
      .def("loaded_to_json", [](const PyContext& self) { return self.get().loaded_to_json(); })
      .def("copy", [](const PyContext& self) { return PyContext(self.get()); })
      .def("assign", &assign, "content"_a, "is_same"_a.none() = nb::none())
      .def("id", [](const PyContext& self) { return std::string(self.get().id().text()); })
      .def("set_id",
           [](const PyContext& self, std::string_view id) { self.get().set_id(Json::parse(id)); })
      .def("validation", [](const PyContext& self) { return self.get().validation(); })
      .def("set_validation",
           [](const PyContext& self, bool value) { self.get().set_validation(value); })
      .def("part", &part_of)
      .def("last_part", &last_part)
      .def("set_part", &set_part)
      .def("add_part", &add_part)
      .def("erase", [](const PyContext& self, std::int64_t index,
                       TurnPart part) { return self.get().erase(index, part); })
      .def("sequence", &sequence)
      .def("has_part", &has_part)
      .def("part_indices", &part_indices, "part"_a, "last"_a = nb::none())
      .def("last_index",
           [](const PyContext& self) {
             return ContextAccess::state(self.get()).turns.last_index().value_or(0);
           })
      .def("first_movable", [](const PyContext& self) { return first_movable(self.get()); })
      .def("turns_end", &turns_end)
      .def("turn_indices", [](const PyContext& self) { return self.get().turn_indices(); })
      .def("members", &members)
      .def("members_to_json", [](const PyContext& self,
                                 Place place) { return object_at(self.get(), place).to_text(); })
      .def("members_to_dict",
           [](const PyContext& self, Place place) {
             return read_members(object_at(self.get(), place));
           })
      .def("assign_members", &assign_members, "place"_a, "text"_a, "is_same"_a.none())
      .def("member", &member)
      .def("set_member", [](const PyContext& self, Place place, std::string_view name,
                            std::string_view text) { set_member(self.get(), place, name, text); })
      .def("erase_member",
           [](const PyContext& self, Place place, std::string_view name) {
             return erase_member(self.get(), place, name);
           })
      .def("clear_field", &clear_field)
      .def("is_complete", [](const PyContext& self) { return self.get().is_complete(); })
      .def("has_changes", [](const PyContext& self) { return self.get().has_changes(); })
      .def("has_pending_save", [](const PyContext& self) { return self.get().has_pending_save(); })
      .def("was_merged",
           [](const PyContext& self) { return ContextAccess::state(self.get()).merged; })
      .def("equals",
           [](const PyContext& self, const PyContext& other) { return self.get() == other.get(); });
}

}  // namespace dialogstore::python
