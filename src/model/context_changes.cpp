#include "model/context_changes.hpp"

#include <algorithm>

namespace dialogstore {

void MemberChanges::note_erased(std::string_view name) {
  if (const auto found = set.find(name); found != set.end()) set.erase(found);
  erased.emplace(name);
}

void MemberChanges::add(const MemberChanges& later) {
  for (const std::string& name : later.erased) note_erased(name);
  set.insert(later.set.begin(), later.set.end());
}

bool ContextChanges::empty() const noexcept {
  return turns.empty() && misc.empty() && framework_states.empty() && extra.empty() && !id &&
         !validation && first == FirstKept{keep_all, keep_all, keep_all};
}

void ContextChanges::clear() noexcept {
  turns.clear();
  for (MemberChanges* const members : {&misc, &framework_states, &extra}) members->clear();
  id = validation = false;
  first.fill(keep_all);
}

void ContextChanges::add(const ContextChanges& later) {
  for (const auto& [index, parts] : later.turns) {
    turns[index] = static_cast<std::uint8_t>(turns[index] | parts);
  }
  misc.add(later.misc);
  framework_states.add(later.framework_states);
  extra.add(later.extra);
  id = id || later.id;
  validation = validation || later.validation;
  for (std::size_t part = 0; part < turn_parts; ++part) {
    first[part] = std::max(first[part], later.first[part]);
  }
}

}  // namespace dialogstore
