// Whether the calls on one context can be put into one order that explains all they were told.
//
// The search is that of Wing and Gong with Lowe's memory: at each step one of the calls that may
// come next is tried on a model of the context, a call being able to come next when no other has
// ended before it began; what has been tried in vain is remembered.
#pragma once

#include <cstddef>
#include <string>

#include "support/history.hpp"

namespace dialogstore::test {

struct Verdict {
  bool is_linearizable = false;
  bool has_given_up = false;  ///< after too many steps: neither yes nor no
  std::size_t steps = 0;
  std::string explanation;  ///< when it is not: how far an order got, and what it cannot explain
};

Verdict check_linearizable(const ContextHistory& history, std::size_t most_steps = 5'000'000);

}  // namespace dialogstore::test
