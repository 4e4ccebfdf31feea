// What was done to a context since it was loaded or saved: what its next save sends.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "model/log_position.hpp"

namespace dialogstore {

/// What was done to the members of one object: names that were erased, and names whose present
/// value was set, after that. In both: it was there, went, and stands behind the others now.
struct MemberChanges {
  using Names = std::set<std::string, std::less<>>;
  Names erased;
  Names set;

  void note_erased(std::string_view name);
  void note_set(std::string_view name) { set.emplace(name); }
  /// Puts `later` changes of the same object behind these.
  void add(const MemberChanges& later);
  [[nodiscard]] bool empty() const noexcept { return erased.empty() && set.empty(); }
  void clear() noexcept {
    erased.clear();
    set.clear();
  }
  friend bool operator==(const MemberChanges&, const MemberChanges&) = default;
};

/// What was done to a context since it was loaded or saved.
struct ContextChanges {
  /// Touched parts, a bit for each TurnPart; whether set or erased shows in the context itself.
  std::map<std::int64_t, std::uint8_t> turns;
  MemberChanges misc, framework_states, extra;
  bool id = false;
  bool validation = false;
  /// Sequences trimmed: parts below are dropped. keep_all where not.
  FirstKept first{keep_all, keep_all, keep_all};

  [[nodiscard]] bool empty() const noexcept;
  /// Puts `later` changes of the same context behind these.
  void add(const ContextChanges& later);
  void clear() noexcept;
};

}  // namespace dialogstore
