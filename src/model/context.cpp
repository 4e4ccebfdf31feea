// A context's life and its state; the turns are in context_turns.cpp, the JSON in context_json.cpp.
#include "dialogstore/context.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "dialogstore/error.hpp"
#include "dialogstore/key.hpp"
#include "model/context_access.hpp"
#include "model/context_json.hpp"
#include "model/json_access.hpp"

namespace dialogstore {
namespace {

// Sets a member of the state and remembers that; the value already there is no change.
void set_member(JsonObject& object, MemberChanges& changes, std::string_view place,
                std::string_view name, Json value) {
  if (!is_utf8(name)) {
    throw_error(errc::invalid_json, "", "", std::string(place) + ": the name is not UTF-8");
  }
  value = checked_value(std::move(value), place);
  const Json* present = object.find(name);
  if (present != nullptr && *present == value) return;
  changes.note_set(name);
  object.set(name, std::move(value));
}

bool erase_member(JsonObject& object, MemberChanges& changes, std::string_view name) {
  if (!object.contains(name)) return false;
  changes.note_erased(name);
  return object.erase(name);
}

Json checked_id(Json id) {
  id = checked_value(std::move(id), "id");
  if (!is_context_id(id.text())) {
    throw_error(errc::invalid_argument, "", "", "id: neither a string nor an integer");
  }
  return id;
}

// Parts spelled differently may still say the same.
template <class Value>
bool same_part(const SharedText& a, const SharedText& b) {
  return a == b || (!a.empty() && !b.empty() && Value::from_json(a) == Value::from_json(b));
}

bool same_turn(const TurnText& a, const TurnText& b) {
  return a.index == b.index && same_part<Label>(a.parts[0], b.parts[0]) &&
         same_part<Message>(a.parts[1], b.parts[1]) && same_part<Message>(a.parts[2], b.parts[2]);
}

std::unique_ptr<ContextAccess::State> copy_of(const ContextAccess::State& from) {
  auto copy = std::make_unique<ContextAccess::State>(from);
  // It is the other object that is being saved, and that others' changes came to.
  copy->saving = false;
  copy->merged = false;
  return copy;
}

}  // namespace

Context::Context() : Context(Json(Uuid::random().to_string())) {}

Context::Context(Json id) : state_(std::make_unique<State>()) {
  state_->id = checked_id(std::move(id));
}

Context::Context(const Context& other) : state_(other.state_ ? copy_of(*other.state_) : nullptr) {}

Context::Context(Context&&) noexcept = default;

Context& Context::operator=(const Context& other) {
  if (this != &other) *this = Context(other);
  return *this;
}

Context& Context::operator=(Context&&) noexcept = default;

Context::~Context() = default;

Context Context::cast(std::optional<std::string_view> json) {
  return json ? from_json(*json) : Context();
}

const Json& Context::id() const noexcept {
  return state_->id;
}

void Context::set_id(Json id) {
  id = checked_id(std::move(id));
  if (id == state_->id) return;
  state_->changes.id = true;
  state_->id = std::move(id);
}

const JsonObject& Context::misc() const noexcept {
  return state_->misc;
}

void Context::set_misc(std::string_view name, Json value) {
  set_member(state_->misc, state_->changes.misc, "misc", name, std::move(value));
}

bool Context::erase_misc(std::string_view name) {
  return erase_member(state_->misc, state_->changes.misc, name);
}

const JsonObject& Context::framework_states() const noexcept {
  return state_->framework_states;
}

void Context::set_framework_state(std::string_view module, Json value) {
  set_member(state_->framework_states, state_->changes.framework_states, "framework_states", module,
             std::move(value));
}

bool Context::erase_framework_state(std::string_view module) {
  return erase_member(state_->framework_states, state_->changes.framework_states, module);
}

bool Context::validation() const noexcept {
  return state_->validation;
}

void Context::set_validation(bool value) {
  if (value == state_->validation) return;
  state_->changes.validation = true;
  state_->validation = value;
}

const JsonObject& Context::extra() const noexcept {
  return state_->extra;
}

void Context::set_extra(std::string_view name, Json value) {
  if (is_known_field(name)) {
    throw_error(errc::invalid_argument, "", "",
                "extra: " + std::string(name) + " is a field of its own");
  }
  set_member(state_->extra, state_->changes.extra, "extra", name, std::move(value));
}

bool Context::erase_extra(std::string_view name) {
  return erase_member(state_->extra, state_->changes.extra, name);
}

bool Context::is_complete() const noexcept {
  return !state_->position || state_->position->complete;
}

bool Context::has_changes() const noexcept {
  return !state_->position || !state_->changes.empty();
}

bool Context::has_pending_save() const noexcept {
  return state_->pending != nullptr;
}

bool operator==(const Context& a, const Context& b) {
  const Context::State& left = *a.state_;
  const Context::State& right = *b.state_;
  return left.id == right.id && left.validation == right.validation && left.misc == right.misc &&
         left.framework_states == right.framework_states && left.extra == right.extra &&
         std::equal(left.turns.all().begin(), left.turns.all().end(), right.turns.all().begin(),
                    right.turns.all().end(), same_turn);
}

}  // namespace dialogstore
