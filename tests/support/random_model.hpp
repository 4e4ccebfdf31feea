// Random texts, JSON values, messages and contexts for property tests; the same seed gives the
// same.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "dialogstore/context.hpp"
#include "dialogstore/json.hpp"
#include "dialogstore/message.hpp"

namespace dialogstore::testing {

class RandomModel {
 public:
  explicit RandomModel(std::uint64_t seed) : engine_(seed) {}

  /// From 0 to `below` - 1.
  std::size_t number(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(engine_);
  }
  bool chance(std::size_t one_in) { return number(one_in) == 0; }

  /// UTF-8 with everything that needs care: quotes, controls, two to four byte characters.
  std::string text() {
    static constexpr auto pieces = std::to_array<std::string_view>(
        {"a",      "hello ", "\"", "\\", "/",    "\n", "\t",       "\x0b",   "\x1f",   "\x7f", "ж",
         "Привет", "\u2028", "漢", "😀",  "null", "{}", "01234567", "\u0080", "\uffff", "e"});
    std::string out;
    for (std::size_t i = number(8); i > 0; --i) out += pieces[number(pieces.size())];
    if (chance(9)) out.append(1, '\0');
    return out;
  }

  /// The text of a valid JSON value in any spelling that JSON allows.
  std::string json_text(std::size_t depth = 3) {
    switch (number(depth == 0 ? 4 : 6)) {
      case 0:
        return chance(2) ? "true" : (chance(2) ? "false" : "null");
      case 1:
        return json_number();
      case 2:
      case 3:
        return json_string();
      case 4:
        return container('[', ']', depth);
      default:
        return container('{', '}', depth);
    }
  }
  Json json() { return Json::parse(json_text()); }

  std::string json_object_text() { return container('{', '}', 2); }

  Label label() { return {text(), text()}; }

  Message message() {
    Message message;
    if (!chance(6)) message.text = text();
    if (chance(4)) message.commands = Json::parse(container('[', ']', 2));
    if (chance(6)) message.attachments = Json::parse(json_object_text());
    if (chance(6)) message.annotations = Json::parse(json_object_text());
    if (chance(4)) message.misc = Json::parse(json_object_text());
    for (std::size_t i = chance(4) ? number(3) : 0; i > 0; --i)
      message.extra.set("x" + text(), json());
    return message;
  }

  /// Sparse turns, negative ones too, parts missing, state of every kind.
  Context context() {
    Context context(chance(2) ? Json(text()) : Json(static_cast<int>(number(1000))));
    for (std::size_t i = number(8); i > 0; --i) {
      const auto index = static_cast<std::int64_t>(number(20)) - 4;
      if (!chance(4)) context.set_label(index, label());
      if (!chance(4)) context.set_request(index, message());
      if (!chance(4)) context.set_response(index, message());
    }
    for (std::size_t i = number(5); i > 0; --i) context.set_misc(text(), json());
    for (std::size_t i = number(3); i > 0; --i) context.set_framework_state(text(), json());
    for (std::size_t i = number(3); i > 0; --i) context.set_extra("x" + text(), json());
    context.set_validation(chance(3));
    return context;
  }

 private:
  std::string space() { return chance(8) ? std::string(1, " \t\n\r"[number(4)]) : std::string(); }

  std::string json_number() {
    static constexpr auto samples = std::to_array<std::string_view>(
        {"0", "-0", "1", "-1", "1.0", "-0.0", "1e+20", "1E5", "2.50", "9007199254740993",
         "123456789012345678901234567890", "-9223372036854775808", "0.1", "1e-7", "5e-324"});
    return std::string(samples[number(samples.size())]);
  }

  std::string json_string() {
    if (chance(5)) return chance(2) ? R"("\u0041\/\ud83d\ude00")" : R"("\u00E9\u0000")";
    return std::string(Json(text()).text());
  }

  std::string container(char open, char close, std::size_t depth) {
    std::string out(1, open);
    std::set<std::string> names;
    for (std::size_t i = number(4); i > 0; --i) {
      std::string name;
      if (open == '{') {
        const std::string decoded = text();
        if (!names.insert(decoded).second) continue;
        name = space() + std::string(Json(decoded).text()) + space() + ':';
      }
      if (out.size() > 1) out += ',';
      out += name + space() + json_text(depth - 1) + space();
    }
    return out + close;
  }

  std::mt19937_64 engine_;
};

}  // namespace dialogstore::testing
