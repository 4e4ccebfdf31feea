// Listing keys.
#include <algorithm>

#include "redis/command.hpp"
#include "redis/context_index.hpp"

namespace dialogstore::redis {
namespace {

// Entries in one step of the walk at the end of a listing by use, of which it may want only a few.
constexpr std::size_t least_walk = 100;

void erase_listed(std::vector<IndexEntry>& entries, const IndexEntry& from) {
  if (from.score.empty()) return;
  std::erase_if(entries, [&](const auto& entry) { return !is_before(from, entry); });
}

}  // namespace

Task<ScanPage> ContextIndex::scan(std::string cursor, ScanOptions options, Deadline deadline) {
  return options.order == ScanOrder::any
             ? scan_any(std::move(cursor), options.page_size, deadline)
             : scan_newest(std::move(cursor), options.page_size, deadline);
}

Task<ScanPage> ContextIndex::scan_any(std::string cursor, std::size_t count, Deadline deadline) {
  ScanPage page;
  page.cursor = std::move(cursor);
  do {
    auto batch = co_await walk(std::move(page.cursor), count, deadline);
    page.cursor = std::move(batch.cursor);
    page.keys = co_await without_ghosts(std::move(batch.entries), deadline);
  } while (page.keys.empty() && !page.cursor.empty());
  co_return page;
}

Task<ScanPage> ContextIndex::scan_newest(std::string cursor, std::size_t count, Deadline deadline) {
  auto place = read_newest_cursor(cursor);
  if (place.has_arrived) co_return co_await scan_moved(std::move(place), count, deadline);
  if (cursor.empty() && ttl_.count() > 0) {
    co_await state_->renew_clock(deadline);
    place.floor = std::to_string(expired_below());
  }
  ScanPage page;
  while (page.keys.empty()) {
    auto entries = co_await newest(place.last, place.floor, count, deadline);
    const bool begins = place.last.score.empty();
    const bool ends = entries.size() < count;
    if (!entries.empty()) {
      if (begins) place.top = entries.front().score;
      place.last = entries.back();
    }
    page.keys = co_await without_ghosts(std::move(entries), deadline);
    if (!ends) continue;
    // A listing of one page is of one moment: nothing can have moved past it.
    if (begins) co_return page;
    place.has_arrived = true;
    if (page.keys.empty()) co_return co_await scan_moved(std::move(place), count, deadline);
    IndexEntry from_above;
    const auto moved = co_await newest(std::move(from_above), place.top, 1, deadline);
    if (moved.empty()) co_return page;
  }
  page.cursor = write_newest_cursor(place);
  co_return page;
}

Task<ScanPage> ContextIndex::scan_moved(NewestCursor place, std::size_t count, Deadline deadline) {
  ScanPage page;
  if (place.walk.empty()) {
    // As a rule one page has it all, and then it is of one moment too.
    IndexEntry from_above;
    auto entries = co_await newest(std::move(from_above), place.top, count, deadline);
    if (entries.size() < count) {
      page.keys = co_await without_ghosts(std::move(entries), deadline);
      co_return page;
    }
  }
  const auto top = score_value(place.top);
  do {
    auto batch = co_await walk(std::move(place.walk), std::max(count, least_walk), deadline);
    place.walk = std::move(batch.cursor);
    std::erase_if(batch.entries,
                  [&](const auto& entry) { return score_value(entry.score) <= top; });
    page.keys = co_await without_ghosts(std::move(batch.entries), deadline);
  } while (page.keys.empty() && !place.walk.empty());
  if (!place.walk.empty()) page.cursor = write_newest_cursor(place);
  co_return page;
}

Task<std::vector<IndexEntry>> ContextIndex::newest(IndexEntry from, std::string floor,
                                                   std::size_t count, Deadline deadline) {
  std::vector<IndexEntry> all;
  for (unsigned shard = 0; shard < state_->index_shards(); ++shard) {
    auto some = co_await newest_of_shard(shard, from, floor, count, deadline);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  if (state_->index_shards() > 1) std::sort(all.begin(), all.end(), is_before);
  if (all.size() > count) all.resize(count);
  co_return all;
}

Task<std::vector<IndexEntry>> ContextIndex::newest_of_shard(unsigned shard, IndexEntry from,
                                                            std::string floor, std::size_t count,
                                                            Deadline deadline) {
  const auto name = names_.index(shard);
  const std::string max = from.score.empty() ? "+inf" : from.score;
  const std::string min = floor == "-inf" ? floor : "(" + floor;
  const auto limit = std::to_string(count);
  std::vector<IndexEntry> all;
  // Entries of the same score as the last one may have been listed already: pass over them.
  for (std::size_t offset = 0; all.size() < count; offset += count) {
    Request request{name.slot,
                    encode_command({"ZREVRANGEBYSCORE", name.text, max, min, "WITHSCORES", "LIMIT",
                                    std::to_string(offset), limit})};
    const auto reply = co_await calls_.call(std::move(request), name.text, deadline);
    auto some = read_entries(reply.root());
    const bool is_last = some.size() < count;
    erase_listed(some, from);
    std::move(some.begin(), some.end(), std::back_inserter(all));
    if (is_last) break;
  }
  if (all.size() > count) all.resize(count);
  co_return all;
}

Task<std::vector<ContextKey>> ContextIndex::without_ghosts(std::vector<IndexEntry> entries,
                                                           Deadline deadline) {
  const auto presences = co_await look_up(keys_of(entries), deadline);
  std::vector<ContextKey> keys;
  keys.reserve(entries.size());
  std::vector<IndexEntry> ghosts;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (presences[i] == Presence::context) {
      keys.emplace_back(std::move(entries[i].key));
    } else if (is_old(entries[i])) {
      ghosts.push_back(std::move(entries[i]));
    }
  }
  if (!ghosts.empty()) co_await unlist(std::move(ghosts), deadline);
  co_return keys;
}

}  // namespace dialogstore::redis
