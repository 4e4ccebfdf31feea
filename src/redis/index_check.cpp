// Comparing the listing with what is stored, both ways.
#include <algorithm>

#include "redis/command.hpp"
#include "redis/context_index.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::string_view batch_count = "1000";
constexpr std::size_t walk_count = 1000;

}  // namespace

Task<CheckReport> ContextIndex::check(bool repair, Deadline deadline) {
  CheckReport report;
  co_await check_unlisted(repair, &report, deadline);
  co_await check_ghosts(repair, &report, deadline);
  co_return report;
}

// SCAN answers each name that is there all the time at least once, so some may be seen twice, and
// while a slot moves two servers may have one: what is told of a name is told once.
Task<void> ContextIndex::check_unlisted(bool repair, CheckReport* report, Deadline deadline) {
  auto servers = co_await calls_.client().servers(deadline);
  if (servers.failure) throw std::move(*servers.failure);
  Findings findings{repair, report, {}};
  for (auto& server : servers.names) {
    co_await check_server(std::move(server), &findings, deadline);
  }
}

Task<void> ContextIndex::check_server(std::string server, Findings* findings, Deadline deadline) {
  const auto pattern = names_.context_pattern();
  std::string cursor = "0";
  do {
    Request request;
    request.bytes = encode_command({"SCAN", cursor, "MATCH", pattern, "COUNT", batch_count});
    request.server = server;
    const auto reply = co_await calls_.call(std::move(request), {}, deadline);
    const auto parts = array_of(reply.root());
    if (parts.size() != 2) {
      throw Failure{errc::protocol_error, "SCAN: the answer has not its shape"};
    }
    cursor = text_of(parts[0]);
    std::vector<std::string> keys;
    for (const auto& name : array_of(parts[1])) {
      // A name in braces that no key escapes to is somebody else's.
      if (auto key = names_.key_of(text_of(name))) keys.push_back(std::move(*key));
    }
    if (!keys.empty()) co_await check_names(std::move(keys), findings, deadline);
  } while (cursor != "0");
}

Task<void> ContextIndex::check_names(std::vector<std::string> keys, Findings* findings,
                                     Deadline deadline) {
  std::vector<Request> requests;
  for (const auto& key : keys) {
    const auto shard = shard_name(key);
    requests.push_back({shard.slot, encode_command({"ZSCORE", shard.text, key})});
  }
  const auto scores = co_await calls_.call_all(std::move(requests), deadline);
  const auto presences = co_await look_up(keys, deadline);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool is_listed =
        root_or_throw(scores[i], shard_name(keys[i]).text).kind != ReplyKind::nil;
    const bool is_foreign = presences[i] == Presence::foreign;
    const bool is_unlisted = presences[i] == Presence::context && !is_listed;
    if (!is_foreign && !is_unlisted) continue;
    if (!findings->told.insert(keys[i]).second) continue;
    if (is_foreign) {
      findings->report->damaged.emplace_back(ContextKey(keys[i]).printable(),
                                             "the key holds another application's data");
      continue;
    }
    ++findings->report->unlisted;
    if (!findings->repair) continue;
    co_await list(keys[i], deadline);
    ++findings->report->repaired;
  }
}

// An entry may stand alone for a while: its context is about to be created, or has just expired.
Task<void> ContextIndex::check_ghosts(bool repair, CheckReport* report, Deadline deadline) {
  std::string cursor;
  do {
    auto batch = co_await walk(std::move(cursor), walk_count, deadline);
    cursor = std::move(batch.cursor);
    const auto presences = co_await look_up(keys_of(batch.entries), deadline);
    std::vector<IndexEntry> ghosts;
    for (std::size_t i = 0; i < presences.size(); ++i) {
      if (presences[i] == Presence::context) {
        ++report->contexts;
      } else if (is_old(batch.entries[i])) {
        report->listed_absent += is_expired(batch.entries[i]) ? 0U : 1U;
        ghosts.push_back(std::move(batch.entries[i]));
      }
    }
    if (repair && !ghosts.empty()) {
      report->repaired += co_await unlist(std::move(ghosts), deadline);
    }
  } while (!cursor.empty());
}

}  // namespace dialogstore::redis
