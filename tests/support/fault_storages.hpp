// The storages of a fault test: of several kinds, on the same contexts.
#pragma once

#include <functional>
#include <string>

#include "support/fault_run.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {

/// What callers may be told while a server does not answer.
inline const std::set<errc> told_when_away{errc::unavailable, errc::outcome_unknown,
                                           errc::timed_out};

/// The same, and one thing more.
inline std::set<errc> told_besides(errc code) {
  auto told = told_when_away;
  told.insert(code);
  return told;
}

inline WorkloadOptions storages_at(const std::function<std::string(const std::string&)>& uri,
                                   const std::string& query = "timeout=1s") {
  const auto all = "namespace=" + unique_name() + "&" + query;
  return {.uris = {uri(all + "&on_conflict=merge"), uri(all + "&on_conflict=fail"),
                   uri(all + "&on_conflict=merge&cache=100&seal_after=3")},
          .seed = fault_seed()};
}

inline WorkloadOptions storages_at(const RedisServer& server,
                                   const std::string& query = "timeout=1s") {
  return storages_at([&](const std::string& all) { return server.uri(all); }, query);
}

inline Moment right_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace dialogstore::test
