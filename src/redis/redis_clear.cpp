// Removing every context of a namespace, and looking at its sizes.
#include <numeric>

#include "base/random.hpp"
#include "flow/together.hpp"
#include "format/row.hpp"
#include "redis/command.hpp"
#include "redis/redis_rows.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::size_t batch_count = 200;
constexpr std::size_t sample_count = 20;

// Others may go on saving a context that is being removed.
constexpr int erase_rounds = 20;

bool is_left_alone(const Failure& failure) {
  return failure.code == errc::wrong_type || failure.code == errc::corrupt ||
         failure.code == errc::unsupported_format;
}

format::RowHeader header_of(std::string_view row) {
  format::RowHeader header;
  switch (const auto fault = format::decode_header(row, header)) {
    case format::RowFault::none:
      return header;
    case format::RowFault::newer_format:
      throw Failure{errc::unsupported_format, std::string(format::describe(fault))};
    default:
      throw Failure{errc::corrupt, std::string(format::describe(fault))};
  }
}

std::string info_field(std::string_view info, std::string_view field) {
  const auto start = "\n" + std::string(field) + ":";
  const auto at = info.find(start);
  if (at == std::string_view::npos) return {};
  info.remove_prefix(at + start.size());
  return std::string(info.substr(0, info.find('\r')));
}

void add_info(Statistics& out, std::string_view info) {
  for (const std::string_view field :
       {"redis_version", "valkey_version", "used_memory", "maxmemory", "maxmemory_policy"}) {
    if (auto value = info_field(info, field); !value.empty()) {
      out.emplace_back(field, std::move(value));
    }
  }
  const auto policy = info_field(info, "maxmemory_policy");
  if (!policy.empty() && policy != "noeviction") {
    out.emplace_back("warning", "maxmemory-policy " + policy +
                                    " lets the server drop contexts and what keeps deleted ones "
                                    "deleted; use noeviction");
  }
}

void add_counters(Statistics& out, const LinkStatistics& links) {
  out.emplace_back("connections", std::to_string(links.connections));
  out.emplace_back("requests", std::to_string(links.requests));
  out.emplace_back("writes", std::to_string(links.writes));
  out.emplace_back("bytes_sent", std::to_string(links.bytes_sent));
  out.emplace_back("bytes_received", std::to_string(links.bytes_received));
}

}  // namespace

Task<std::uint64_t> RedisRowLog::clear(Deadline deadline) {
  co_await state_->prepare(Need::writing, deadline);
  Cleared cleared;
  std::string cursor;
  do {
    auto batch = co_await index_->walk(std::move(cursor), batch_count, deadline);
    cursor = std::move(batch.cursor);
    co_await clear_batch(std::move(batch.entries), &cleared, deadline);
  } while (!cursor.empty());
  if (cleared.foreign) {
    cleared.foreign->detail +=
        "; it was left alone, " + std::to_string(cleared.erased) + " other contexts were removed";
    throw std::move(*cleared.foreign);
  }
  co_return cleared.erased;
}

Task<void> RedisRowLog::clear_batch(std::vector<IndexEntry> entries, Cleared* cleared,
                                    Deadline deadline) {
  std::vector<IndexEntry> done;
  std::uint64_t erased = 0;
  for (std::size_t from = 0; from < entries.size(); from += batch_count) {
    if (co_await this_flow::is_cancelled) throw cancelled_between();
    const auto until = std::min(from + batch_count, entries.size());
    std::vector<Task<EraseEnd>> works;
    for (auto i = from; i < until; ++i) {
      works.push_back(erase_apart(this, entries[i].key, deadline));
    }
    auto ends = co_await gather(std::move(works));
    for (std::size_t i = 0; i < ends.size(); ++i) {
      auto& end = ends[i];
      if (end.failure && !is_left_alone(*end.failure)) throw std::move(*end.failure);
      if (end.failure) {
        if (!cleared->foreign) cleared->foreign = std::move(end.failure);
        continue;
      }
      erased += end.erased ? 1U : 0U;
      // Nothing was there: its context may be about to be created, unless the entry is old.
      auto& entry = entries[from + i];
      if (end.erased || index_->is_old(entry)) done.push_back(std::move(entry));
    }
  }
  cleared->erased += erased;
  if (!done.empty()) co_await index_->unlist(std::move(done), deadline);
}

Task<RedisRowLog::EraseEnd> RedisRowLog::erase_apart(RedisRowLog* self, std::string key,
                                                     Deadline deadline) {
  EraseEnd end;
  try {
    end.erased = co_await self->erase_one(key, deadline);
  } catch (Failure& failure) {
    failure.detail += " (context " + ContextKey(key).printable() + ")";
    end.failure = std::move(failure);
  }
  co_return end;
}

Task<bool> RedisRowLog::erase_one(std::string key, Deadline deadline) {
  const auto name = names_.context(key);
  co_await state_->prepare(Need::writing, name, deadline);
  Request request{name.slot, encode_command({"LINDEX", name.text, "-1"})};
  const auto reply = co_await calls_.call(std::move(request), name.text, deadline);
  if (reply.root().kind == ReplyKind::nil) co_return false;
  auto header = header_of(text_of(reply.root()));
  for (int round = 0; round < erase_rounds; ++round) {
    if (header.kind == format::RowKind::tombstone) co_return false;
    Token own;
    fill_random(own);
    auto erase = std::make_shared<format::SaveRequest>(format::plan_erase(header.version, own));
    const auto result = co_await send(key, name, std::move(erase), std::nullopt, deadline);
    switch (result.answer) {
      case SaveAnswer::saved:
      case SaveAnswer::already:
        co_return true;
      case SaveAnswer::deleted:
      case SaveAnswer::gone:
        co_return false;
      case SaveAnswer::conflict:
      case SaveAnswer::history_changed:
        if (result.unanswered_copy && result.answer == SaveAnswer::history_changed) {
          throw Failure{errc::outcome_unknown, "the delete was sent and its outcome is not known",
                        true};
        }
        header = header_of(result.last_header);
    }
  }
  throw Failure{errc::conflict, "others went on saving the context"};
}

Task<Statistics> RedisRowLog::statistics(Deadline deadline) {
  co_await state_->prepare(Need::reading, deadline);
  Statistics out{{"backend", "redis"}, {"namespace", options_.name_space}};
  // Both sections by themselves: a user may lack the right to INFO, and servers before 7 take only
  // one section at a time.
  for (const std::string_view section : {"server", "memory"}) {
    Request request{0, encode_command({"INFO", section})};
    const auto end = co_await calls_.try_call(std::move(request), deadline);
    if (end.reply.root().kind == ReplyKind::string) add_info(out, end.reply.root().text);
  }
  out.emplace_back("contexts", std::to_string(co_await index_->count(deadline)));
  ScanOptions options;
  options.page_size = sample_count;
  auto page = co_await index_->scan(std::string(), options, deadline);
  if (page.keys.size() > sample_count) {
    page.keys.erase(page.keys.begin() + sample_count, page.keys.end());
  }
  auto sampled_sizes = co_await sizes(std::move(page.keys), deadline);
  std::erase(sampled_sizes, unknown_size);
  const auto sampled = sampled_sizes.size();
  const auto bytes = std::accumulate(sampled_sizes.begin(), sampled_sizes.end(), std::uint64_t{0});
  if (bytes > 0) {
    out.emplace_back("sampled_contexts", std::to_string(sampled));
    out.emplace_back("bytes_per_context", std::to_string(bytes / sampled));
  }
  add_counters(out, calls_.client().statistics());
  co_return out;
}

Task<std::vector<std::uint64_t>> RedisRowLog::sizes(std::vector<ContextKey> keys,
                                                    Deadline deadline) {
  std::vector<Request> requests;
  for (const auto& key : keys) {
    const auto name = names_.context(key.text());
    // Of all parts of the list: a few of them say little of one that has one large row.
    requests.push_back({name.slot, encode_command({"MEMORY", "USAGE", name.text, "SAMPLES", "0"})});
  }
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  std::vector<std::uint64_t> bytes;
  for (const auto& end : ends) {
    if (end.failure) throw *end.failure;
    const auto& root = end.reply.root();
    const bool is_there = root.kind == ReplyKind::integer;
    // A user may lack the right to ask.
    const auto otherwise = root.kind == ReplyKind::nil ? 0 : unknown_size;
    bytes.push_back(is_there ? static_cast<std::uint64_t>(root.integer) : otherwise);
  }
  co_return bytes;
}

}  // namespace dialogstore::redis
