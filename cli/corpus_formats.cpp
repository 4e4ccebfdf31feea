// The three formats, one JSON object at a time.
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base64.hpp"
#include "corpus.hpp"

namespace dialogstore::cli {
namespace {

const Json& member(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr) throw std::invalid_argument("no member " + std::string(name));
  return *value;
}

std::string text_member(const JsonObject& object, std::string_view name) {
  auto text = member(object, name).as_string();
  if (!text) throw std::invalid_argument("the member " + std::string(name) + " is no string");
  return std::move(*text);
}

std::vector<Json> array_member(const JsonObject& object, std::string_view name) {
  auto items = member(object, name).as_array();
  if (!items) throw std::invalid_argument("the member " + std::string(name) + " is no array");
  return std::move(*items);
}

JsonObject object_of(const Json& value, std::string_view name) {
  auto object = value.as_object();
  if (!object) throw std::invalid_argument(std::string(name) + " is no object");
  return std::move(*object);
}

// A string or a whole number, as a key.
std::string key_text(const JsonObject& object, std::string_view name) {
  const Json& value = member(object, name);
  if (auto text = value.as_string()) return std::move(*text);
  if (value.as_int64()) return std::string(value.text());
  throw std::invalid_argument("the member " + std::string(name) +
                              " is neither a string nor a whole number");
}

// A text or a DFF message; null and absent are nothing.
std::optional<Message> message_member(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (auto text = value->as_string()) return Message(std::move(*text));
  return Message::from_json(value->text());
}

// The current service of a user's turn: a frame that has an intent rather than one without.
std::optional<Label> sgd_label(const std::vector<JsonObject>& frames) {
  std::optional<Label> label;
  for (const auto& frame : frames) {
    const Json* state = frame.find("state");
    if (state == nullptr) continue;
    Label candidate{text_member(frame, "service"),
                    text_member(object_of(*state, "state"), "active_intent")};
    if (candidate.node != "NONE") return candidate;
    if (!label) label = std::move(candidate);
  }
  return label;
}

// Each service's slots under the service's name, as they stand after the turn.
void take_slots(const std::vector<JsonObject>& frames, JsonObject& misc) {
  for (const auto& frame : frames) {
    const Json* state = frame.find("state");
    if (state == nullptr) continue;
    misc.set(text_member(frame, "service"), member(object_of(*state, "state"), "slot_values"));
  }
}

std::vector<JsonObject> frames_of(const JsonObject& turn) {
  std::vector<JsonObject> frames;
  for (const auto& frame : array_member(turn, "frames")) {
    frames.push_back(object_of(frame, "a frame"));
  }
  return frames;
}

Message sgd_message(const JsonObject& turn) {
  Message message(text_member(turn, "utterance"));
  message.annotations = Json(JsonObject{{"frames", member(turn, "frames")}});
  return message;
}

std::vector<PlayedTurn> turns_of(const Context& context) {
  std::vector<PlayedTurn> turns;
  for (const auto index : context.turn_indices()) {
    auto turn = context.turn(index);
    if (!turn) continue;
    turns.push_back(
        {std::move(turn->label), std::move(turn->request), std::move(turn->response), {}});
  }
  if (!turns.empty()) turns.back().misc = context.misc();
  return turns;
}

}  // namespace

Conversation read_exported(const JsonObject& object) {
  Conversation conversation;
  if (object.contains("key_base64")) {
    auto bytes = from_base64(text_member(object, "key_base64"));
    if (!bytes) throw std::invalid_argument("the member key_base64 is not base64");
    conversation.key = ContextKey(std::move(*bytes));
  } else {
    conversation.key = ContextKey(text_member(object, "key"));
  }
  conversation.key.check();
  conversation.exported = Context::from_json(member(object, "context").text());
  conversation.turns = turns_of(*conversation.exported);
  return conversation;
}

Conversation read_conversation(const JsonObject& object) {
  Conversation conversation;
  conversation.key = ContextKey(key_text(object, "id"));
  conversation.key.check();
  for (const auto& item : array_member(object, "turns")) {
    const JsonObject fields = object_of(item, "a turn");
    PlayedTurn turn;
    turn.request = message_member(fields, "request");
    turn.response = message_member(fields, "response");
    if (!turn.request && !turn.response) {
      throw std::invalid_argument("a turn with neither request nor response");
    }
    if (const Json* label = fields.find("label"); label != nullptr && !label->is_null()) {
      turn.label = Label::from_json(label->text());
    }
    if (const Json* misc = fields.find("misc"); misc != nullptr && !misc->is_null()) {
      turn.misc = object_of(*misc, "the misc of a turn");
    }
    conversation.turns.push_back(std::move(turn));
  }
  return conversation;
}

// A USER turn opens a turn of ours, the SYSTEM turn behind it answers it. Where the speakers do not
// alternate, a turn of ours stays without a request or without a response.
Conversation read_sgd(const JsonObject& object) {
  Conversation conversation;
  conversation.key = ContextKey(key_text(object, "dialogue_id"));
  conversation.key.check();
  for (const auto& item : array_member(object, "turns")) {
    const JsonObject turn = object_of(item, "a turn");
    const std::string speaker = text_member(turn, "speaker");
    if (speaker != "USER" && speaker != "SYSTEM") {
      throw std::invalid_argument("an unknown speaker: " + speaker);
    }
    auto& turns = conversation.turns;
    if (speaker == "USER" || turns.empty() || turns.back().response) turns.emplace_back();
    if (speaker == "USER") {
      const auto frames = frames_of(turn);
      turns.back().request = sgd_message(turn);
      turns.back().label = sgd_label(frames);
      take_slots(frames, turns.back().misc);
    } else {
      turns.back().response = sgd_message(turn);
    }
  }
  return conversation;
}

}  // namespace dialogstore::cli
