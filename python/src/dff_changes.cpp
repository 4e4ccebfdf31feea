// What changed in the fields of a DFF context becomes changes of its twin.
#include <algorithm>
#include <string_view>

#include "dff_fields.hpp"
#include "dialogstore/limits.hpp"
#include "json_write.hpp"
#include "model/json_access.hpp"
#include "objects.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

using State = ContextAccess::State;

/// A walk over the turns of the twin beside that of a dict, which has mostly the same order.
class TwinTurns {
 public:
  TwinTurns(const TurnTable& turns, TurnPart part)
      : turns_(turns), part_(static_cast<std::size_t>(part)), is_there_(turns.all().size()) {}

  /// The text of the part under an index, which is in the dict too; null when there is none.
  const SharedText* at(std::int64_t index) {
    const auto& all = turns_.all();
    if (next_ == all.size() || all[next_].index != index) {
      const TurnText* const found = turns_.find(index);
      if (found == nullptr) return nullptr;
      next_ = static_cast<std::size_t>(found - all.data());
    }
    is_there_[next_] = true;
    const SharedText& text = all[next_++].parts[part_];
    return text.empty() ? nullptr : &text;
  }

  void add_gone(std::vector<std::pair<TurnPart, std::int64_t>>& gone) const {
    const auto& all = turns_.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (is_there_[i] || all[i].parts[part_].empty()) continue;
      gone.emplace_back(static_cast<TurnPart>(part_), all[i].index);
    }
  }

 private:
  const TurnTable& turns_;
  std::size_t part_;
  std::vector<bool> is_there_;
  std::size_t next_ = 0;
};

/// False for what is no index of a turn.
bool read_index(PyObject* key, std::int64_t& index) {
  if (!PyLong_CheckExact(key)) return false;
  int overflow = 0;
  index = PyLong_AsLongLongAndOverflow(key, &overflow);
  return overflow == 0 && index >= limits::turn_index_min && index <= limits::turn_index_max;
}

bool append_label(std::string& out, PyObject* label) {
  if (!PyTuple_CheckExact(label) || PyTuple_GET_SIZE(label) != 2) return false;
  PyObject* const flow = PyTuple_GET_ITEM(label, 0);
  PyObject* const node = PyTuple_GET_ITEM(label, 1);
  if (!PyUnicode_CheckExact(flow) || !PyUnicode_CheckExact(node)) return false;
  out += '[';
  if (!append_json_text(out, flow)) return false;
  out += ',';
  if (!append_json_text(out, node)) return false;
  out += ']';
  return true;
}

/// Keeps the text from `begin` on when it is another than the twin's.
void note_text(Changes& found, TurnPart part, std::int64_t index, std::size_t begin,
               const SharedText* stored) {
  const std::string_view text = std::string_view(found.texts).substr(begin);
  if (stored != nullptr && *stored == text) {
    found.texts.resize(begin);
  } else {
    found.set.push_back({part, index, begin, text.size()});
  }
}

std::string text_of(PyObject* name) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) throw nb::python_error();
  return {text, static_cast<std::size_t>(size)};
}

/// False when there is more to it than names and values.
bool compare_members(const Stamps* then, PyObject* live, const JsonObject& stored, Stamps& now,
                     Changes::Members& found, nb::dict& special) {
  if (live == nullptr || !PyDict_CheckExact(live)) return false;
  if (then != nullptr && !then->empty() && are_valid(*then, live)) {
    now = *then;
    return true;
  }
  std::string text;
  if (stored.empty()) {
    if (append_json(text, live)) {
      found.all = std::move(text);
      add_stamps(now, live);
      return true;
    }
  }
  std::size_t known = 0;
  Py_ssize_t place = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  bool is_plain = true;
  while (PyDict_Next(live, &place, &name, &value) != 0) {
    if (!PyUnicode_CheckExact(name)) return false;
    text.clear();
    if (!append_json_text(text, name)) return false;
    std::string named = text_of(name);
    const Json* const old = stored.find(named);
    if (old != nullptr) ++known;
    text.clear();
    if (!append_json(text, value)) {
      special[nb::handle(name)] = nb::handle(value);
      is_plain = false;
    } else if (old == nullptr || old->text() != text) {
      found.set.emplace_back(std::move(named), text);
    }
  }
  if (known != stored.size()) {
    for (const auto& [each, _] : stored) {
      const nb::str wanted(each.data(), each.size());
      if (PyDict_Contains(live, wanted.ptr()) == 0) found.gone.push_back(each);
    }
  }
  if (is_plain) add_stamps(now, live);
  return true;
}

/// The turns of a twin that has none and is new: as if they had been read from JSON.
void fill(State& state, const Changes& changes, const std::shared_ptr<const std::string>& texts) {
  std::array<std::vector<PartText>, turn_parts> parts;
  for (const auto& [part, index, begin, size] : changes.set) {
    const auto text = std::string_view(*texts).substr(begin, size);
    parts[static_cast<std::size_t>(part)].push_back({index, SharedText(text, texts)});
  }
  for (std::size_t i = 0; i < turn_parts; ++i) {
    if (parts[i].empty()) continue;
    std::sort(parts[i].begin(), parts[i].end(),
              [](const PartText& a, const PartText& b) { return a.index < b.index; });
    state.next[i] = std::max(parts[i].back().index + 1, std::int64_t{0});
    state.turns.merge(static_cast<TurnPart>(i), std::move(parts[i]));
  }
}

}  // namespace

bool DffFields::compare_labels(PyObject* live, const TurnTable& stored, Changes& found) {
  if (live == nullptr || !PyDict_CheckExact(live)) return false;
  TwinTurns turns(stored, TurnPart::label);
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(live, &place, &key, &value) != 0) {
    std::int64_t index = 0;
    const std::size_t begin = found.texts.size();
    if (!read_index(key, index) || !append_label(found.texts, value)) return false;
    note_text(found, TurnPart::label, index, begin, turns.at(index));
  }
  turns.add_gone(found.gone);
  return true;
}

bool DffFields::compare_messages(TurnPart part, const Seen* seen, PyObject* live,
                                 const TurnTable& twin, Changes& found) const {
  if (live == nullptr || !PyDict_CheckExact(live)) return false;
  TwinTurns turns(twin, part);
  const auto number = static_cast<std::size_t>(part);
  static const std::vector<Seen::Message> nothing;
  const auto& then = seen == nullptr ? nothing : seen->messages[number];
  auto stamped = then.begin();
  auto& now = found.now.messages[number];
  auto& stamps = found.now.stamps;
  now.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(live)));
  nb::dict special;
  std::size_t place_of_load = 0;
  Py_ssize_t place = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(live, &place, &key, &value) != 0) {
    std::int64_t index = 0;
    if (!read_index(key, index)) return false;
    const SharedText* const stored = turns.at(index);
    if (const SharedText* const unread = messages_->text_of(value, place_of_load)) {
      if (stored != nullptr && unread->view().data() == stored->view().data()) continue;
      messages_->read(value);
    }
    while (stamped != then.end() && stamped->index < index) ++stamped;
    const std::size_t first = stamps.size();
    if (stored != nullptr && stamped != then.end() && stamped->index == index) {
      const std::span<const Stamp> taken{seen->stamps.data() + stamped->begin,
                                         seen->stamps.data() + stamped->end};
      if (messages_->is_unchanged(value, taken)) {
        stamps.insert(stamps.end(), taken.begin(), taken.end());
        now.push_back({index, first, stamps.size()});
        continue;
      }
    }
    const std::size_t begin = found.texts.size();
    if (messages_->write(found.texts, value, stamps)) {
      if (stamps.size() != first) now.push_back({index, first, stamps.size()});
      note_text(found, part, index, begin, stored);
    } else {
      found.texts.resize(begin);
      special[nb::handle(key)] = nb::handle(value);
    }
  }
  turns.add_gone(found.gone);
  if (special.size() != 0)
    found.fields[part == TurnPart::request ? "requests" : "responses"] = special;
  return true;
}

std::optional<Changes> DffFields::changes(const Seen* seen, const PyContext& twin,
                                          const nb::dict& fields) {
  Changes found;
  const auto field = [&fields](const char* name) {
    return PyDict_GetItemString(fields.ptr(), name);
  };
  const HeldContext held(twin);
  const State& state = ContextAccess::state(held.get());
  if (!compare_labels(field("labels"), state.turns, found) ||
      !compare_messages(TurnPart::request, seen, field("requests"), state.turns, found) ||
      !compare_messages(TurnPart::response, seen, field("responses"), state.turns, found)) {
    return std::nullopt;
  }
  nb::dict misc;
  nb::dict states;
  if (!compare_members(seen == nullptr ? nullptr : &seen->misc, field("misc"), state.misc,
                       found.now.misc, found.misc, misc) ||
      !compare_members(seen == nullptr ? nullptr : &seen->framework_states,
                       field("framework_states"), state.framework_states,
                       found.now.framework_states, found.framework_states, states)) {
    return std::nullopt;
  }
  if (!found.misc.all.empty()) large_.put(found.misc.all, field("misc"));
  if (misc.size() != 0) found.fields["misc"] = misc;
  if (states.size() != 0) found.fields["framework_states"] = states;
  if (found.texts.size() > limits::context_bytes) return std::nullopt;
  return found;
}

Seen DffFields::apply(Changes& changes, const PyContext& twin, const PyContext* content,
                      const nb::object& is_same) {
  const HeldContext held(twin);
  Context& context = held.get();
  State& state = ContextAccess::state(context);
  // A save that nobody answered may have stored it without what comes now, which is a change then.
  const bool goes_as_a_whole = !state.position && !state.pending;
  const auto texts = std::make_shared<const std::string>(std::move(changes.texts));
  const auto same = same_value(is_same);
  const auto erase = [](std::vector<std::string>& names, auto erase_one) {
    for (const auto& name : names) erase_one(name);
  };
  for (const auto& [part, index] : changes.gone) context.erase(index, part);
  erase(changes.misc.gone, [&](const auto& name) { context.erase_misc(name); });
  erase(changes.framework_states.gone,
        [&](const auto& name) { context.erase_framework_state(name); });

  if (goes_as_a_whole && state.turns.empty()) {
    fill(state, changes, texts);
  } else {
    for (const auto& [part, index, begin, size] : changes.set) {
      const auto text = std::string_view(*texts).substr(begin, size);
      const TurnText* const turn = state.turns.find(index);
      const SharedText old =
          turn == nullptr ? SharedText() : turn->parts[static_cast<std::size_t>(part)];
      if (!old.empty() && same && same(old, text)) continue;
      set_turn_part(state, index, part, SharedText(text, texts));
    }
  }
  const auto set = [&](JsonObject& present, Changes::Members& members, auto set_one) {
    if (!members.all.empty()) {
      JsonObject added = JsonObject::parse(members.all);
      if (goes_as_a_whole && present.empty()) {
        present = std::move(added);
      } else {
        for (const auto& [name, value] : added) set_one(name, value);
      }
    }
    for (auto& [name, text] : members.set) {
      const Json* const old = present.find(name);
      if (old != nullptr && same && same(std::string(old->text()), text)) continue;
      set_one(name, Json::from_valid_text(std::move(text)));
    }
  };
  set(state.misc, changes.misc,
      [&](const auto& name, Json value) { context.set_misc(name, std::move(value)); });
  set(state.framework_states, changes.framework_states,
      [&](const auto& name, Json value) { context.set_framework_state(name, std::move(value)); });
  if (content != nullptr) context.update(content->get(), same);
  return std::move(changes.now);
}

}  // namespace dialogstore::python
