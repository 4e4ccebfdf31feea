// The bound: the same bytes that this library would send, sent by the least that can send them,
// their replies only counted.
//
//   raw              one connection, as many requests in flight as dialogs run at once
//   raw-connections  a connection for each dialog that runs
#pragma once

#include <string>

#include "play.hpp"
#include "recording.hpp"

namespace dialogstore::bench {

[[nodiscard]] bool is_raw(const std::string& contender);

/// As play(). The recording must be of this server and its dialogs in the state that they had.
std::string play_raw(const std::string& contender, const Recording& recording, const Work& work,
                     const std::string& store);

/// Sends one request over and over, from `at_once` connections, for comparison with
/// redis-benchmark; returns requests a second.
double repeat_request(const std::string& request, std::uint32_t at_once, double seconds,
                      const std::string& store);

}  // namespace dialogstore::bench
