// What a context holds, as plain maps: the truth that stored rows are compared with.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "unit/log_fixture.hpp"

namespace dialogstore::format {

using Parts = std::array<SharedText, turn_parts>;

inline bool nothing(const Parts& parts) {
  return std::ranges::all_of(parts, [](const SharedText& part) { return part.empty(); });
}

struct Truth {
  std::map<std::int64_t, Parts> turns;
  std::map<std::string, std::string> misc, states, extra;
  std::string id = "\"id\"";
  bool validation = false;
  friend bool operator==(const Truth&, const Truth&) = default;

  void set(std::int64_t index, std::size_t part, SharedText text) {
    turns[index][part] = std::move(text);
    tidy(index);
  }
  void tidy(std::int64_t index) {
    if (nothing(turns[index])) turns.erase(index);
  }
  void trim(const FirstKept& first) {
    for (auto& [index, parts] : turns) {
      for (std::size_t part = 0; part < turn_parts; ++part) {
        if (index < first[part]) parts[part] = {};
      }
    }
    std::erase_if(turns, [](const auto& turn) { return nothing(turn.second); });
  }
};

inline Truth truth_of(const ContextState& state) {
  Truth truth;
  for (const TurnText& turn : state.turns.all()) truth.turns[turn.index] = turn.parts;
  for (const auto& [name, value] : state.misc) truth.misc[name] = value.text();
  for (const auto& [name, value] : state.framework_states) truth.states[name] = value.text();
  for (const auto& [name, value] : state.extra) truth.extra[name] = value.text();
  truth.id = state.id.text();
  truth.validation = state.validation;
  return truth;
}

}  // namespace dialogstore::format
