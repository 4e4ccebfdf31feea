// In place of naive_document.cpp where simdjson is not installed.
#include "contender.hpp"
#include "naive_document.hpp"

namespace dialogstore::bench {

struct NaiveDocument::Parser {};

NaiveDocument::NaiveDocument() {
  throw Absent("built without simdjson, in which the naive ways parse");
}
NaiveDocument::~NaiveDocument() = default;

std::string NaiveDocument::with_turn(std::string_view, const SaidTurn&) {
  return {};
}

}  // namespace dialogstore::bench
