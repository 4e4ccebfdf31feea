#include "dff_comparison.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "dialogstore/limits.hpp"
#include "json_write.hpp"
#include "model/json_access.hpp"
#include "objects.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

constexpr std::array<const char*, turn_parts> sequence_names{"labels", "requests", "responses"};

const char* name_of(TurnPart part) {
  return sequence_names[static_cast<std::size_t>(part)];
}

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

}  // namespace

const SharedText* Comparison::Walk::twins(std::int64_t index) {
  const auto& all = turns_.all();
  if (next_ == all.size() || all[next_].index != index) {
    const TurnText* const found = turns_.find(index);
    if (found == nullptr) return nullptr;
    next_ = static_cast<std::size_t>(found - all.data());
  }
  is_there_[next_] = true;
  const SharedText& text = all[next_++].parts[static_cast<std::size_t>(part)];
  return text.empty() ? nullptr : &text;
}

void Comparison::Walk::add_gone(std::vector<std::pair<TurnPart, std::int64_t>>& gone) const {
  const auto& all = turns_.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_there_[i] || all[i].parts[static_cast<std::size_t>(part)].empty()) continue;
    gone.emplace_back(part, all[i].index);
  }
}

Comparison::Comparison(std::shared_ptr<const PlainMessages> messages, LargeDicts& large,
                       const Seen* seen, const PyContext& twin, nb::dict fields)
    : messages_(std::move(messages)),
      large_(large),
      seen_(seen),
      held_(std::in_place, twin),
      fields_(std::move(fields)) {}

PyObject* Comparison::field(const char* name) const {
  return PyDict_GetItemString(fields_.ptr(), name);
}

/// The state, and of the sequences what the walks go over.
void Comparison::begin(bool in_slices) {
  walks_.emplace();
  fits_ = compare_state();
  const TurnTable& twin = ContextAccess::state(held_->get()).turns;
  for (const TurnPart part : {TurnPart::label, TurnPart::request, TurnPart::response}) {
    PyObject* const live = field(name_of(part));
    fits_ = fits_ && live != nullptr && PyDict_CheckExact(live);
    if (!fits_) return;
    nb::object dict = in_slices ? stolen(PyDict_Copy(live)) : nb::borrow(live);
    walks_->emplace_back(part, std::move(dict), twin);
    if (part == TurnPart::label) continue;
    auto& now = found_.now.messages[static_cast<std::size_t>(part)];
    now.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(live)));
  }
}

bool Comparison::compare_state() {
  const auto& state = ContextAccess::state(held_->get());
  const auto compare = [this](const char* name, const Stamps* then, const JsonObject& stored,
                              Stamps& now, Changes::Members& found) {
    nb::dict special;
    if (!compare_members(then, field(name), stored, now, found, special)) return false;
    if (special.size() != 0) found_.fields[name] = special;
    return true;
  };
  if (!compare("misc", seen_ == nullptr ? nullptr : &seen_->misc, state.misc, found_.now.misc,
               found_.misc) ||
      !compare("framework_states", seen_ == nullptr ? nullptr : &seen_->framework_states,
               state.framework_states, found_.now.framework_states, found_.framework_states)) {
    return false;
  }
  if (!found_.misc.all.empty()) large_.put(found_.misc.all, field("misc"));
  return true;
}

bool Comparison::step(Slice::Seconds seconds) {
  const Slice slice(seconds);
  try {
    if (!walks_) begin(seconds.has_value());
    while (fits_ && ended_ < walks_->size()) {
      Walk& walk = (*walks_)[ended_];
      const bool is_at_end = walk.part == TurnPart::label ? compare_labels(walk, slice)
                                                          : compare_messages(walk, slice);
      if (!is_at_end) return false;
      end(walk);
    }
  } catch (...) {
    close();
    throw;
  }
  return true;
}

/// False when the slice is over.
bool Comparison::compare_labels(Walk& walk, const Slice& slice) {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(walk.live.ptr(), &walk.place, &key, &value) != 0) {
    std::int64_t index = 0;
    const std::size_t begin = found_.texts.size();
    fits_ = read_index(key, index) && append_label(found_.texts, value);
    if (!fits_) return true;
    note_text(found_, TurnPart::label, index, begin, walk.twins(index));
    if (slice.is_over()) return false;
  }
  return true;
}

bool Comparison::compare_messages(Walk& walk, const Slice& slice) {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(walk.live.ptr(), &walk.place, &key, &value) != 0) {
    std::int64_t index = 0;
    fits_ = read_index(key, index);
    if (!fits_) return true;
    compare_message(walk, index, key, value);
    if (slice.is_over()) return false;
  }
  return true;
}

void Comparison::compare_message(Walk& walk, std::int64_t index, PyObject* key, PyObject* message) {
  static const std::vector<Seen::Message> nothing;
  const auto number = static_cast<std::size_t>(walk.part);
  const auto& then = seen_ == nullptr ? nothing : seen_->messages[number];
  auto& now = found_.now.messages[number];
  auto& stamps = found_.now.stamps;
  const SharedText* const stored = walk.twins(index);
  if (const SharedText* const unread = messages_->text_of(message, walk.place_of_load)) {
    if (stored != nullptr && unread->view().data() == stored->view().data()) return;
    messages_->read(message);
  }
  while (walk.stamped != then.size() && then[walk.stamped].index < index) ++walk.stamped;
  const std::size_t first = stamps.size();
  if (stored != nullptr && walk.stamped != then.size() && then[walk.stamped].index == index) {
    const auto& [_, from, to] = then[walk.stamped];
    const auto taken = std::span(seen_->stamps).subspan(from, to - from);
    if (messages_->is_unchanged(message, taken)) {
      stamps.insert(stamps.end(), taken.begin(), taken.end());
      now.push_back({index, first, stamps.size()});
      return;
    }
  }
  const std::size_t begin = found_.texts.size();
  if (messages_->write(found_.texts, message, stamps)) {
    if (stamps.size() != first) now.push_back({index, first, stamps.size()});
    note_text(found_, walk.part, index, begin, stored);
  } else {
    found_.texts.resize(begin);
    walk.special[nb::handle(key)] = nb::handle(message);
  }
}

void Comparison::end(const Walk& walk) {
  ++ended_;
  walk.add_gone(found_.gone);
  if (walk.special.size() != 0) found_.fields[name_of(walk.part)] = walk.special;
}

std::optional<Changes> Comparison::result() {
  close();
  if (!fits_ || found_.texts.size() > limits::context_bytes) return std::nullopt;
  return std::move(found_);
}

}  // namespace dialogstore::python
