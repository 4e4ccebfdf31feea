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
  bool has_given_up = false;  ///< after too much work: neither yes nor no
  std::size_t steps = 0;
  std::size_t work = 0;     ///< calls looked at, in all steps together
  std::string explanation;  ///< when it is not: how far an order got, and what it cannot explain
};

/// A step looks at each call, and takes some hundred nanoseconds for each in a build for debugging.
constexpr std::size_t most_work_of_a_check = 50'000'000;

Verdict check_linearizable(const ContextHistory& history,
                           std::size_t most_work = most_work_of_a_check);

/// Of a history that is rejected: as few of its calls as are rejected for the same reason, or what
/// it got to with so much work. It ends with the first answer that nothing explains, and calls are
/// left out that change nothing.
ContextHistory smallest_rejected(const ContextHistory& history,
                                 std::size_t most_work = most_work_of_a_check);

}  // namespace dialogstore::test
