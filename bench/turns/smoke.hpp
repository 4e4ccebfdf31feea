// A little of everything: that this program works, not how fast.
#pragma once

#include <string>

namespace dialogstore::bench {

/// Plays two dialogs of two turns with every contender on a server of its own. Returns which played
/// and which are absent, with the reason. Throws what any of them threw, and std::runtime_error
/// when one did not play all turns.
std::string smoke(const std::string& material_file);

}  // namespace dialogstore::bench
