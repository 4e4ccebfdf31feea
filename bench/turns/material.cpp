#include "material.hpp"

#include <fstream>
#include <stdexcept>

namespace dialogstore::bench {
namespace {

// Far apart, so that dialogs that run together say different things.
constexpr std::size_t dialog_stride = 7919;

JsonObject without_nulls(const JsonObject& object) {
  JsonObject result;
  for (const auto& [name, value] : object) {
    if (!value.is_null()) result.set(name, value);
  }
  return result;
}

Json member(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  return value == nullptr ? Json() : *value;
}

SaidTurn turn_of(const JsonObject& object) {
  SaidTurn turn;
  const Json label = member(object, "label");
  const Json request = member(object, "request");
  const Json response = member(object, "response");
  turn.label = Label::from_json(label.text());
  turn.request = Message::from_json(request.text());
  turn.response = Message::from_json(response.text());
  const JsonObject alone{{"label", label},
                         {"request", Json(without_nulls(JsonObject::parse(request.text())))},
                         {"response", Json(without_nulls(JsonObject::parse(response.text())))}};
  turn.turn_bytes = alone.to_text().size();
  if (const Json* misc = object.find("misc")) {
    turn.misc = JsonObject::parse(misc->text());
    turn.state_bytes = misc->text().size();
  }
  return turn;
}

double mean(const std::vector<SaidTurn>& turns, std::size_t SaidTurn::*bytes) {
  std::size_t sum = 0;
  for (const auto& turn : turns) sum += turn.*bytes;
  return static_cast<double>(sum) / static_cast<double>(turns.size());
}

}  // namespace

void add_turn(Context& context, const SaidTurn& turn) {
  context.add_request(turn.request);
  context.add_label(turn.label);
  context.add_response(turn.response);
  for (const auto& [name, value] : turn.misc) context.set_misc(name, value);
}

Context fresh_context(std::uint32_t dialog) {
  Context context{Json("user-" + std::to_string(dialog))};
  context.set_misc("user", Json::parse(R"({"name":"Ada","language":"en","visits":17})"));
  return context;
}

Material::Material(const std::string& file, Order order) : order_(order) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    starts_.push_back(turns_.size());
    const auto turns = member(JsonObject::parse(line), "turns").as_array();
    if (!turns) throw std::runtime_error(file + ": a line without turns");
    for (const Json& turn : *turns) turns_.push_back(turn_of(JsonObject::parse(turn.text())));
  }
  if (turns_.empty()) throw std::runtime_error(file + ": there is no turn in it");
}

const SaidTurn& Material::turn(std::uint32_t dialog, std::uint32_t number) const {
  if (order_ == Order::exact) return turns_.at(starts_.at(dialog) + number);
  return turns_[(dialog * dialog_stride + number) % turns_.size()];
}

std::uint32_t Material::turns_of(std::uint32_t dialog) const {
  const auto end = dialog + 1 < starts_.size() ? starts_[dialog + 1] : turns_.size();
  return static_cast<std::uint32_t>(end - starts_.at(dialog));
}

double Material::mean_turn_bytes() const {
  return mean(turns_, &SaidTurn::turn_bytes);
}

double Material::mean_state_bytes() const {
  return mean(turns_, &SaidTurn::state_bytes);
}

Context context_of(const Material& material, std::uint32_t dialog, std::uint32_t turns) {
  Context context = fresh_context(dialog);
  for (std::uint32_t i = 0; i < turns; ++i) add_turn(context, material.turn(dialog, i));
  return context;
}

}  // namespace dialogstore::bench
