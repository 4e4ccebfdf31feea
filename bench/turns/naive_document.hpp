// The whole context as one JSON text, as the naive ways keep it: parsed as a whole, written as a
// whole. By simdjson, the fastest library of the distribution for this (docs/benchmarks.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "material.hpp"

namespace dialogstore::bench {

class NaiveDocument {
 public:
  /// Throws Absent when this program was built without the library.
  NaiveDocument();
  ~NaiveDocument();
  NaiveDocument(const NaiveDocument&) = delete;
  NaiveDocument& operator=(const NaiveDocument&) = delete;

  /// The text of the context `stored` with the turn behind its others.
  std::string with_turn(std::string_view stored, const SaidTurn& turn);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace dialogstore::bench
