#include "redis/context_index.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "dialogstore/limits.hpp"
#include "redis/command.hpp"
#include "redis/index_entry.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::size_t recent_capacity = 65'536;
constexpr std::chrono::minutes longest_refresh_interval{1};
constexpr int refreshes_in_ttl = 10;

// An entry this old belongs to no call that is still under way: calls end within timeout_max.
constexpr std::chrono::microseconds old_age = limits::timeout_max + std::chrono::minutes(1);

constexpr std::chrono::seconds sweep_interval{1};
constexpr std::chrono::seconds sweep_time{10};
constexpr std::size_t sweep_count = 200;
constexpr int sweep_rounds = 20;

constexpr std::size_t unlist_count = 500;
constexpr std::size_t look_up_count = 500;

std::chrono::milliseconds refresh_interval(std::chrono::milliseconds ttl) {
  if (ttl.count() == 0) return longest_refresh_interval;
  return std::min<std::chrono::milliseconds>(longest_refresh_interval, ttl / refreshes_in_ttl);
}

}  // namespace

ContextIndex::ContextIndex(Calls calls, KeyNames names, std::shared_ptr<ServerState> state,
                           std::chrono::milliseconds ttl)
    : calls_(std::move(calls)),
      names_(std::move(names)),
      state_(std::move(state)),
      ttl_(ttl),
      refresh_interval_(refresh_interval(ttl)),
      recent_(recent_capacity, refresh_interval_) {}

KeyName ContextIndex::shard_name(std::string_view key) const {
  return names_.index(KeyNames::shard_of(key, state_->index_shards()));
}

std::int64_t ContextIndex::expired_below() const {
  // An entry may be older than the last use by one interval.
  const auto life = std::chrono::microseconds(ttl_) + refresh_interval_;
  return ttl_.count() == 0 ? 0 : state_->now_us() - life.count();
}

bool ContextIndex::is_expired(const IndexEntry& entry) const {
  return score_value(entry.score) < static_cast<double>(expired_below());
}

std::int64_t ContextIndex::old_below() const {
  return state_->now_us() - old_age.count();
}

bool ContextIndex::is_old(const IndexEntry& entry) const {
  return score_value(entry.score) < static_cast<double>(old_below());
}

Task<std::optional<std::string>> ContextIndex::list(std::string key, Deadline deadline) {
  const auto shard = shard_name(key);
  const auto use = std::to_string(state_->next_use_us());
  Request request{shard.slot, list_script().request(ScriptForm::with_text, shard.text, {use, key})};
  const auto asked = Clock::now();
  const auto end = co_await calls_.try_call(std::move(request), deadline);
  auto entering = read_entering(root_or_throw(end, shard.text), shard.slot, asked);
  recent_.mark(key, Clock::now());
  if (entering.state != 1 || !end.is_sole_copy) co_return std::nullopt;
  co_return std::move(entering.score);
}

ContextIndex::Entering ContextIndex::read_entering(const ReplyNode& answer, std::uint16_t slot,
                                                   Clock::time_point asked) {
  const auto parts = array_of(answer);
  std::int64_t now = 0;
  const auto text = parts.size() == 3 ? text_of(parts[2]) : std::string_view();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), now);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    throw Failure{errc::protocol_error, "the answer of a script has not its shape"};
  }
  state_->sample(slot, std::chrono::microseconds(now), asked);
  return {integer_of(parts[0]), std::string(text_of(parts[1]))};
}

// When the clock was set forward, entries that were fresh by ours are old by the server's.
bool ContextIndex::is_refresh_due(std::string_view key) {
  if (clock_jumps_ != state_->clock_jumps()) {
    clock_jumps_ = state_->clock_jumps();
    recent_.forget_all();
  }
  return recent_.is_due(key, Clock::now());
}

Task<bool> ContextIndex::refresh(std::string key, Deadline deadline) {
  const auto shard = shard_name(key);
  const auto use = std::to_string(state_->next_use_us());
  auto request = list_script().request(ScriptForm::with_text, shard.text, {use, key, "XX"});
  const auto asked = Clock::now();
  const auto end = co_await calls_.exec(shard.slot, std::move(request), deadline);
  const auto& root = end.reply.root();
  if (!end.ok() || root.kind != ReplyKind::array) co_return true;  // the next use tries again
  try {
    if (read_entering(root, shard.slot, asked).state < 0) co_return false;
  } catch (const Failure&) {
    co_return true;  // as above
  }
  recent_.mark(key, Clock::now());
  co_return true;
}

Task<std::optional<std::string>> ContextIndex::score_of(std::string key, Deadline deadline) {
  const auto shard = shard_name(key);
  Request request{shard.slot, encode_command({"ZSCORE", shard.text, key})};
  const auto reply = co_await calls_.call(std::move(request), shard.text, deadline);
  if (reply.root().kind == ReplyKind::nil) co_return std::nullopt;
  co_return std::string(text_of(reply.root()));
}

Task<std::uint64_t> ContextIndex::unlist(std::vector<IndexEntry> entries, Deadline deadline) {
  std::map<unsigned, std::vector<std::string_view>> by_shard;
  for (const auto& entry : entries) {
    recent_.forget(entry.key);
    auto& arguments = by_shard[KeyNames::shard_of(entry.key, state_->index_shards())];
    arguments.insert(arguments.end(), {entry.score, entry.key});
  }
  std::vector<Request> requests;
  for (const auto& [shard, arguments] : by_shard) {
    const auto name = names_.index(shard);
    for (std::size_t from = 0; from < arguments.size(); from += 2 * unlist_count) {
      const auto some =
          std::span(arguments).subspan(from, std::min(2 * unlist_count, arguments.size() - from));
      requests.push_back(
          {name.slot, unlist_script().request(ScriptForm::with_text, name.text, some)});
    }
  }
  std::uint64_t removed = 0;
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  for (const auto& end : ends) {
    const auto& root = end.reply.root();
    if (root.kind == ReplyKind::integer) removed += static_cast<std::uint64_t>(root.integer);
  }
  co_return removed;
}

Task<std::uint64_t> ContextIndex::count(Deadline deadline) {
  if (ttl_.count() > 0) co_await state_->renew_clock(deadline);
  std::vector<Request> requests;
  const auto since = std::to_string(state_->now_us() - std::chrono::microseconds(ttl_).count());
  for (unsigned shard = 0; shard < state_->index_shards(); ++shard) {
    const auto name = names_.index(shard);
    requests.push_back({name.slot, ttl_.count() == 0
                                       ? encode_command({"ZCARD", name.text})
                                       : encode_command({"ZCOUNT", name.text, since, "+inf"})});
  }
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  std::int64_t sum = 0;
  for (unsigned shard = 0; shard < ends.size(); ++shard) {
    sum += integer_of(root_or_throw(ends[shard], names_.index(shard).text));
  }
  auto count = static_cast<std::uint64_t>(sum);
  if (ttl_.count() > 0) count += co_await count_kept_alive(since, deadline);
  co_return count;
}

Task<std::uint64_t> ContextIndex::count_kept_alive(std::string since, Deadline deadline) {
  const auto floor = std::to_string(expired_below());
  std::uint64_t found = 0;
  for (unsigned shard = 0; shard < state_->index_shards(); ++shard) {
    IndexEntry last{.key = {}, .score = since};
    for (bool is_last = false; !is_last;) {
      auto entries = co_await newest_of_shard(shard, last, floor, look_up_count, deadline);
      is_last = entries.size() < look_up_count;
      const auto presences = co_await look_up(keys_of(entries), deadline);
      found += static_cast<std::uint64_t>(
          std::count(presences.begin(), presences.end(), Presence::context));
      if (!is_last) last = std::move(entries.back());
    }
  }
  co_return found;
}

Task<ContextIndex::Batch> ContextIndex::walk(std::string cursor, std::size_t count,
                                             Deadline deadline) {
  const auto place = read_walk_cursor(cursor, state_->index_shards());
  const auto name = names_.index(place.shard);
  Request request{name.slot, encode_command({"ZSCAN", name.text, place.cursor, "COUNT",
                                             std::to_string(count)})};
  const auto reply = co_await calls_.call(std::move(request), name.text, deadline);
  const auto parts = array_of(reply.root());
  if (parts.size() != 2) throw Failure{errc::protocol_error, "ZSCAN: the answer has not its shape"};
  Batch batch;
  batch.entries = read_entries(parts[1]);
  const auto next = text_of(parts[0]);
  if (next != "0") {
    batch.cursor = write_walk_cursor({place.shard, std::string(next)});
  } else if (place.shard + 1 < state_->index_shards()) {
    batch.cursor = write_walk_cursor({place.shard + 1, "0"});
  }
  co_return batch;
}

void ContextIndex::sweep_soon() {
  if (ttl_.count() == 0 || Clock::now() < next_sweep_) return;
  next_sweep_ = Clock::time_point::max();  // until this one is over
  spawn(calls_.client().executor(), sweep(shared_from_this()));
}

// Nobody deletes what expires, so whoever creates also clears away: else the listing would grow for
// ever. Best effort; the next one goes on where this one stopped.
Task<void> ContextIndex::sweep(std::shared_ptr<ContextIndex> self) {
  const auto deadline = Clock::now() + sweep_time;
  try {
    for (unsigned shard = 0; shard < self->state_->index_shards(); ++shard) {
      for (int round = 0; round < sweep_rounds; ++round) {
        if (!co_await self->sweep_some(shard, deadline)) break;
      }
    }
  } catch (const Failure&) {
    // Whatever is wrong, the calls that matter report it.
  }
  self->next_sweep_ = Clock::now() + sweep_interval;
}

Task<bool> ContextIndex::sweep_some(unsigned shard, Deadline deadline) {
  const auto name = names_.index(shard);
  const auto below = "(" + std::to_string(std::min(expired_below(), old_below()));
  const auto limit = std::to_string(sweep_count);
  Request request{name.slot, encode_command({"ZRANGEBYSCORE", name.text, "-inf", below,
                                             "WITHSCORES", "LIMIT", "0", limit})};
  const auto reply = co_await calls_.call(std::move(request), name.text, deadline);
  auto entries = read_entries(reply.root());
  const bool is_full = entries.size() == sweep_count;
  const auto presences = co_await look_up(keys_of(entries), deadline);
  std::vector<IndexEntry> gone;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (presences[i] == Presence::absent) gone.push_back(std::move(entries[i]));
  }
  if (gone.empty()) co_return false;
  co_await unlist(std::move(gone), deadline);
  co_return is_full;
}

}  // namespace dialogstore::redis
