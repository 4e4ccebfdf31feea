// Entries of the index and the cursors of its listings, as text: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "redis/reply.hpp"

namespace dialogstore::redis {

/// An entry as it was read; the score as the server printed it.
struct IndexEntry {
  std::string key;
  std::string score;
};

/// Member, score, member, score … as ZSCAN and ZRANGE … WITHSCORES answer. Throws Failure.
[[nodiscard]] std::vector<IndexEntry> read_entries(const ReplyNode& reply);
[[nodiscard]] std::vector<std::string> keys_of(const std::vector<IndexEntry>& entries);
[[nodiscard]] double score_value(std::string_view score);
/// The order of newest_first: by falling score, keys of the same score by falling bytes, as the
/// server's reverse ranges go.
[[nodiscard]] bool is_before(const IndexEntry& a, const IndexEntry& b);

/// Where a walk goes on: `a:<shard>:<cursor of ZSCAN>`.
struct WalkCursor {
  unsigned shard = 0;
  std::string cursor = "0";
};
/// Where a listing by use goes on: `n:<floor>:<top>:<score>:<key in hexadecimal>`, then
/// `m:<top>:<cursor of the walk>`.
///
/// It goes down from the newest entry, whose score is `top`, to `floor`. What is used meanwhile
/// moves above `top`, perhaps before it was met. So at the end comes what is above `top` by then:
/// in no order, as a walk finds it. An order by use could be outrun for ever by what is used and
/// created while it goes on; the walk finds each entry where its key puts it, however often its
/// score changes, and ends.
struct NewestCursor {
  std::string floor = "-inf";
  std::string top;  ///< empty before the first entry
  IndexEntry last;  ///< the last one of the way down; empty score: at its beginning
  bool has_arrived = false;
  std::string walk;  ///< of the second part; empty at its beginning
};

/// Throw Failure (invalid_argument) for what was not written by their twin.
[[nodiscard]] WalkCursor read_walk_cursor(std::string_view text, unsigned shards);
[[nodiscard]] std::string write_walk_cursor(const WalkCursor& cursor);
[[nodiscard]] NewestCursor read_newest_cursor(std::string_view text);
[[nodiscard]] std::string write_newest_cursor(const NewestCursor& cursor);

}  // namespace dialogstore::redis
