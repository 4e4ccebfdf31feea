// Whether the calls on one context can be put into one order that explains all they were told.
//
// The search is that of Wing and Gong with Lowe's memory: at each step one of the calls that may
// come next is tried on a model of the context, a call being able to come next when no other has
// ended before it began; what has been tried in vain is remembered.
//
// What no search is needed for is looked at before (firm_answers.hpp), for to try out all that
// cannot be may take for ever.
//
// Where a primary is deposed that callers still use, the model has the context twice from some
// moment on: as the new primary has it, and as the old one goes on with it. A call is explained by
// either. Callers go from the old one to the new one and never back, so that a save of which the
// old one got a copy may have taken effect there as well, whatever the new one answered; what the
// new one got was answered by it.
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

/// Far more than a history takes that is right, one for each call or two; and no more time than a
/// test has where each step is slow, as in the build of the thread sanitizer.
constexpr std::size_t most_steps_of_a_check = 300'000;

Verdict check_linearizable(const ContextHistory& history,
                           std::size_t most_steps = most_steps_of_a_check);

/// Of a history that is rejected: as few of its calls as are rejected for the same reason, or what
/// it got to in so many steps. It ends with the first answer that nothing explains, and calls are
/// left out that change nothing.
ContextHistory smallest_rejected(const ContextHistory& history,
                                 std::size_t most_steps = most_steps_of_a_check);

}  // namespace dialogstore::test
