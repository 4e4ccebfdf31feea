#include "naive_document.hpp"

#include <simdjson.h>

namespace dialogstore::bench {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
}

// A sequence of turns with one more.
void append_sequence(std::string& out, const object& sequence, const std::string& added) {
  out += simdjson::minify(sequence);
  out.pop_back();
  append_name(out, std::to_string(sequence.size()));
  out += added;
  out += '}';
}

void append_misc(std::string& out, const object& misc, const JsonObject& changed) {
  out += '{';
  for (const auto& [name, value] : misc) {
    if (changed.contains(name)) continue;
    append_name(out, name);
    out += simdjson::minify(value);
  }
  for (const auto& [name, value] : changed) {
    append_name(out, name);
    out += value.text();
  }
  out += '}';
}

}  // namespace

struct NaiveDocument::Parser {
  simdjson::dom::parser parser;
};

NaiveDocument::NaiveDocument() : parser_(std::make_unique<Parser>()) {}
NaiveDocument::~NaiveDocument() = default;

std::string NaiveDocument::with_turn(std::string_view stored, const SaidTurn& turn) {
  const object document = parser_->parser.parse(stored.data(), stored.size());
  std::string out = "{";
  for (const auto& [name, value] : document) {
    append_name(out, name);
    if (name == "labels") {
      append_sequence(out, value, turn.label.to_json());
    } else if (name == "requests") {
      append_sequence(out, value, turn.request.to_json());
    } else if (name == "responses") {
      append_sequence(out, value, turn.response.to_json());
    } else if (name == "misc" && !turn.misc.empty()) {
      append_misc(out, value, turn.misc);
    } else {
      out += simdjson::minify(value);
    }
  }
  out += '}';
  return out;
}

}  // namespace dialogstore::bench
