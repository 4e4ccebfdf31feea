// What several callers did to one context and what they were told, with the times of both: the
// material of the checks in linearizability.hpp. Knows nothing of a store.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dialogstore::test {

using Moment = std::chrono::steady_clock::time_point;

/// A context as its readers see it: the marks of its turns in order. Each turn of a history has a
/// mark of its own.
using Turns = std::vector<int>;
/// Nothing when there is no context.
using Seen = std::optional<Turns>;

/// How a call ended: it took effect once between its begin and its end; it never did and never
/// will; or it may take effect once, then or at any later time.
enum class Ending : std::uint8_t { done, refused, unknown };

struct RecordedCall {
  enum class Kind : std::uint8_t { append, load, erase };

  Kind kind = Kind::load;
  int caller = 0;
  Ending ending = Ending::done;
  Moment begin;
  Moment end;

  int turn = 0;  ///< append: the mark of the turn
  Turns base;    ///< append: what the caller had before; what it adds to begins with that
  /// The same of earlier tries, each of which a server has said it did not apply.
  std::vector<Turns> earlier_bases{};
  /// Of a load that is done, what it gave; of an append, the context after it, if the caller knows.
  Seen seen;
  bool has_erased = false;  ///< of an erase that is done: what it said
  bool has_failed = false;  ///< a try of it ended in doubt, or without an answer of the store
};

/// Something that may happen by itself between two moments.
struct AllowedLoss {
  enum class What : std::uint8_t {
    /// The context is gone, any number of times: expired, evicted, the server without memory of it.
    everything,
    /// Once: a primary is deposed that callers still use. From some moment on what it has is a copy
    /// of its own, which is lost: no call sees or changes it that begins after `to`.
    branch,
    /// The same where saves wait for replicas: none is acknowledged that is on the copy alone.
    unconfirmed_branch
  };
  What what = What::everything;
  Moment from;
  Moment to;
};

/// All calls on one context, which was absent before.
struct ContextHistory {
  std::vector<RecordedCall> calls;
  std::vector<AllowedLoss> losses;  ///< in the order of time
};

std::string describe(const RecordedCall& call);
std::string describe(const Seen& content);
/// A line for each call, by its begin, with times in milliseconds.
std::string describe(const ContextHistory& history);

}  // namespace dialogstore::test
