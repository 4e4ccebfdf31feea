// Listing keys, and looking whether their contexts are there.
#include <algorithm>

#include "redis/command.hpp"
#include "redis/context_index.hpp"

namespace dialogstore::redis {
namespace {

// Names in one EXISTS.
constexpr std::size_t exists_count = 1000;

void erase_listed(std::vector<IndexEntry>& entries, const IndexEntry& from) {
  if (from.score.empty()) return;
  std::erase_if(entries, [&](const auto& entry) { return !is_before(from, entry); });
}

}  // namespace

asio::awaitable<ScanPage> ContextIndex::scan(std::string cursor, ScanOptions options,
                                             Deadline deadline) {
  return options.order == ScanOrder::any
             ? scan_any(std::move(cursor), options.page_size, deadline)
             : scan_newest(std::move(cursor), options.page_size, deadline);
}

asio::awaitable<ScanPage> ContextIndex::scan_any(std::string cursor, std::size_t count,
                                                 Deadline deadline) {
  ScanPage page;
  page.cursor = std::move(cursor);
  do {
    auto batch = co_await walk(std::move(page.cursor), count, deadline);
    page.cursor = std::move(batch.cursor);
    page.keys = co_await without_ghosts(std::move(batch.entries), deadline);
  } while (page.keys.empty() && !page.cursor.empty());
  co_return page;
}

asio::awaitable<ScanPage> ContextIndex::scan_newest(std::string cursor, std::size_t count,
                                                    Deadline deadline) {
  auto place = read_newest_cursor(cursor);
  if (cursor.empty() && ttl_.count() > 0) place.floor = std::to_string(expired_below());
  ScanPage page;
  while (page.keys.empty()) {
    auto entries = co_await newest(place.last, place.floor, count, deadline);
    const bool round_begins = place.last.score.empty();
    const bool round_ends = entries.size() < count;
    if (!entries.empty()) {
      if (round_begins) place.top = entries.front().score;
      place.last = entries.back();
    }
    page.keys = co_await without_ghosts(std::move(entries), deadline);
    // A round of one page is of one moment: nothing can have moved past it.
    if (round_begins && round_ends) co_return page;
    if (!round_ends) continue;
    NewestCursor next_round;
    next_round.floor = place.top;
    place = std::move(next_round);
    const auto rest = co_await newest(place.last, place.floor, 1, deadline);
    if (rest.empty()) co_return page;
    if (!page.keys.empty()) {
      // The next page begins the next round; a place just above its newest entry says so.
      place.top = rest.front().score;
      place.last.score = "inf";
      page.cursor = write_newest_cursor(place);
      co_return page;
    }
  }
  page.cursor = write_newest_cursor(place);
  co_return page;
}

asio::awaitable<std::vector<IndexEntry>> ContextIndex::newest(IndexEntry from, std::string floor,
                                                              std::size_t count,
                                                              Deadline deadline) {
  std::vector<IndexEntry> all;
  for (unsigned shard = 0; shard < state_->index_shards(); ++shard) {
    auto some = co_await newest_of_shard(shard, from, floor, count, deadline);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  if (state_->index_shards() > 1) std::sort(all.begin(), all.end(), is_before);
  if (all.size() > count) all.resize(count);
  co_return all;
}

asio::awaitable<std::vector<IndexEntry>> ContextIndex::newest_of_shard(
    unsigned shard, IndexEntry from, std::string floor, std::size_t count, Deadline deadline) {
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

asio::awaitable<std::vector<ContextKey>> ContextIndex::without_ghosts(
    std::vector<IndexEntry> entries, Deadline deadline) {
  std::vector<ContextKey> keys;
  if (entries.empty()) co_return keys;
  keys.reserve(entries.size());
  if (co_await all_exist(keys_of(entries), deadline)) {
    for (auto& entry : entries) keys.emplace_back(std::move(entry.key));
    co_return keys;
  }
  const auto presences = co_await look_up(keys_of(entries), deadline);
  std::vector<IndexEntry> ghosts;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (presences[i] == Presence::context || presences[i] == Presence::foreign) {
      keys.emplace_back(std::move(entries[i].key));
    } else if (is_old(entries[i])) {
      ghosts.push_back(std::move(entries[i]));
    }
  }
  if (!ghosts.empty()) co_await unlist(std::move(ghosts), deadline);
  co_return keys;
}

// One command for many keys, where a server takes that: the usual case, in which all are there.
asio::awaitable<bool> ContextIndex::all_exist(std::vector<std::string> keys, Deadline deadline) {
  if (!calls_.client().spans_slots()) co_return false;
  std::vector<Request> requests;
  for (std::size_t from = 0; from < keys.size(); from += exists_count) {
    const auto until = std::min(from + exists_count, keys.size());
    std::vector<std::string> names;
    for (auto i = from; i < until; ++i) names.push_back(names_.context(keys[i]).text);
    std::vector<std::string_view> arguments{"EXISTS"};
    arguments.insert(arguments.end(), names.begin(), names.end());
    requests.push_back({key_slot(names.front()), encode_command(arguments)});
  }
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  std::int64_t sum = 0;
  for (const auto& end : ends) sum += integer_of(root_or_throw(end, {}));
  co_return static_cast<std::size_t>(sum) == keys.size();
}

asio::awaitable<std::vector<ContextIndex::Presence>> ContextIndex::look_up(
    std::vector<std::string> keys, Deadline deadline) {
  std::vector<Request> requests;
  requests.reserve(keys.size());
  for (const auto& key : keys) {
    const auto name = names_.context(key);
    requests.push_back({name.slot, encode_command({"LINDEX", name.text, "-1"})});
  }
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  std::vector<Presence> presences;
  presences.reserve(ends.size());
  for (const auto& end : ends) {
    if (end.failure) throw *end.failure;
    const auto& root = end.reply.root();
    if (root.kind == ReplyKind::nil) {
      presences.push_back(Presence::absent);
    } else if (root.kind == ReplyKind::error) {
      auto failure = failure_of(root.text, {});
      if (failure.code != errc::wrong_type) throw failure;
      presences.push_back(Presence::foreign);
    } else {
      presences.push_back(text_of(root).starts_with('T') ? Presence::tombstone : Presence::context);
    }
  }
  co_return presences;
}

}  // namespace dialogstore::redis
