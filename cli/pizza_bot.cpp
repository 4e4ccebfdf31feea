#include "pizza_bot.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

namespace dialogstore::cli {
namespace {

constexpr std::array<std::string_view, 3> sizes{"small", "medium", "large"};
constexpr std::array<std::string_view, 5> pizzas{"margherita", "funghi", "salami", "hawaii",
                                                 "vegetarian"};

// Lower-case words without punctuation, each between spaces: " i am ann ".
std::string words_of(std::string_view text) {
  std::string words(1, ' ');
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) != 0 || byte >= 0x80) {
      words += static_cast<char>(std::tolower(byte));
    } else if (letter != '\'' && words.back() != ' ') {
      words += ' ';
    }
  }
  if (words.back() != ' ') words += ' ';
  return words;
}

bool says(std::string_view words, std::string_view phrase) {
  return words.find(' ' + std::string(phrase) + ' ') != std::string_view::npos;
}

template <std::size_t Count>
bool says_any(std::string_view words, const std::array<std::string_view, Count>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [words](std::string_view phrase) { return says(words, phrase); });
}

template <std::size_t Count>
std::optional<std::string> first_of(std::string_view words,
                                    const std::array<std::string_view, Count>& choices) {
  for (const auto choice : choices) {
    if (says(words, choice)) return std::string(choice);
  }
  return std::nullopt;
}

bool says_yes(std::string_view words) {
  return says_any(words,
                  std::to_array<std::string_view>({"yes", "y", "yep", "ok", "sure", "please"}));
}

bool says_no(std::string_view words) {
  return says_any(words, std::to_array<std::string_view>({"no", "n", "nope", "cancel", "stop"}));
}

std::string text_in(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  return value == nullptr ? std::string() : value->as_string().value_or("");
}

JsonObject order_of(const Context& context) {
  const Json* order = context.misc().find("order");
  if (order == nullptr) return {};
  return order->as_object().value_or(JsonObject{});
}

std::string name_of(const Context& context) {
  return text_in(context.misc(), "name");
}

// The name behind "my name is", or the whole of a short answer to the question for it.
std::optional<std::string> name_in(std::string_view request, bool asked) {
  std::string text(request);
  const auto space = [](unsigned char byte) { return std::isspace(byte) != 0; };
  bool introduced = false;
  for (const std::string_view lead : {"my name is ", "i am ", "i'm ", "call me "}) {
    const auto found =
        std::search(text.begin(), text.end(), lead.begin(), lead.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
    if (found == text.end()) continue;
    text.erase(text.begin(), found + static_cast<std::ptrdiff_t>(lead.size()));
    introduced = true;
    break;
  }
  if (!introduced && !asked) return std::nullopt;
  while (!text.empty() && (space(static_cast<unsigned char>(text.back())) ||
                           std::string_view(".!,?").find(text.back()) != std::string_view::npos)) {
    text.pop_back();
  }
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
  if (text.empty() || std::count(text.begin(), text.end(), ' ') > 2) return std::nullopt;
  return text;
}

std::string joined(const auto& choices) {
  std::string text;
  for (const auto choice : choices) text.append(text.empty() ? "" : ", ").append(choice);
  return text;
}

// The next question of the order, or the offer to send it.
BotAnswer go_on_with_order(const JsonObject& order) {
  const std::string kind = text_in(order, "kind");
  const std::string size = text_in(order, "size");
  if (kind.empty()) return {{"order", "ask_kind"}, "Which pizza? We have " + joined(pizzas) + "."};
  if (size.empty()) return {{"order", "ask_size"}, "What size: " + joined(sizes) + "?"};
  return {{"order", "confirm"}, "One " + size + ' ' + kind + ". Shall I order it? (yes/no)"};
}

BotAnswer take_order(Context& context, std::string_view words, const std::string& node) {
  JsonObject order = order_of(context);
  if (says_no(words)) {
    context.erase_misc("order");
    return {{"order", "cancelled"}, "Nothing ordered. Say \"pizza\" whenever you are hungry."};
  }
  if (node == "confirm" && says_yes(words)) {
    const std::string pizza = text_in(order, "size") + ' ' + text_in(order, "kind");
    context.erase_misc("order");
    const Json* before = context.misc().find("pizzas_ordered");
    const std::int64_t count = before == nullptr ? 0 : before->as_int64().value_or(0);
    context.set_misc("pizzas_ordered", count + 1);
    return {{"order", "done"}, "Your " + pizza + " is on its way. Enjoy!"};
  }
  if (auto kind = first_of(words, pizzas)) order.set("kind", *kind);
  if (auto size = first_of(words, sizes)) order.set("size", *size);
  context.set_misc("order", order);
  return go_on_with_order(order);
}

BotAnswer greet(const Context& context) {
  const std::string name = name_of(context);
  if (name.empty()) return {{"greeting", "ask_name"}, "Hello! What is your name?"};
  return {{"greeting", "hello"}, "Hello " + name + "! Say \"pizza\" to order one."};
}

}  // namespace

BotAnswer answer(Context& context, std::string_view request) {
  const std::string words = words_of(request);
  const Label last = context.last_label().value_or(Label{"greeting", "start"});
  if (says(words, "help")) {
    return {{"help", "commands"},
            "I take orders: say \"pizza\". Tell me your name with \"my name is …\", say \"bye\" to "
            "leave; I remember where we stopped."};
  }
  if (says_any(words, std::to_array<std::string_view>({"bye", "goodbye"}))) {
    const std::string name = name_of(context);
    return {{"greeting", "bye"}, name.empty() ? "Bye!" : "Bye, " + name + "!"};
  }
  const bool asked = last == Label{"greeting", "ask_name"};
  const bool greets = says_any(words, std::to_array<std::string_view>({"hi", "hello", "hey"}));
  if (context.misc().contains("order") && !greets) return take_order(context, words, last.node);
  const bool orders = says(words, "pizza") || first_of(words, pizzas) || says(words, "order");
  if (orders) return take_order(context, words, "start");
  if (auto name = name_in(request, asked && !greets)) {
    context.set_misc("name", *name);
    return {{"greeting", "named"}, "Nice to meet you, " + *name + ". Say \"pizza\" to order one."};
  }
  if (context.misc().contains("order")) return go_on_with_order(order_of(context));
  if (greets || last.node == "start") return greet(context);
  return {{"fallback", "unclear"}, "I did not get that. Say \"pizza\" or \"help\"."};
}

std::string welcome(const Context& context) {
  if (context.turn_count() == 0)
    return "Hi! I am the pizza bot. Say \"hi\", \"pizza\" or \"help\".";
  const std::string name = name_of(context);
  std::string text = "Welcome back" + (name.empty() ? "" : ", " + name) + "!";
  if (context.misc().contains("order")) {
    return text + " We stopped at your order. " + go_on_with_order(order_of(context)).text;
  }
  if (const auto last = context.last_label()) {
    text += " We stopped at " + last->flow + " / " + last->node + ".";
  }
  return text;
}

}  // namespace dialogstore::cli
