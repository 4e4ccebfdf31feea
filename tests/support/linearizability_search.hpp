// The search behind linearizability.hpp: after what can be seen without one.
#pragma once

#include <cstddef>

#include "support/firm_answers.hpp"
#include "support/history.hpp"
#include "support/linearizability.hpp"

namespace dialogstore::test {

/// `firm` is of the same history, and has no contradiction.
Verdict search_order(const ContextHistory& history, const FirmAnswers& firm,
                     std::size_t most_steps);

}  // namespace dialogstore::test
