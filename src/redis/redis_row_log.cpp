#include "redis/redis_row_log.hpp"

#include "redis/command.hpp"
#include "redis/redis_rows.hpp"

namespace dialogstore::redis {
namespace {

std::string first_row(std::size_t count) {
  return count == 0 ? "0" : "-" + std::to_string(count);
}

/// `list` is a part of the reply.
Rows rows_of(const Reply& reply, const ReplyNode& list) {
  Rows rows;
  const auto elements = array_of(list);
  rows.rows.reserve(elements.size());
  for (const auto& element : elements) rows.rows.push_back(text_of(element));
  rows.owner = reply.arena();
  return rows;
}

}  // namespace

std::unique_ptr<RowLog> make_redis_row_log(std::shared_ptr<RedisClient> client,
                                           const StorageOptions& options, RowLogSettings settings) {
  return std::make_unique<RedisRowLog>(std::move(client), options, std::move(settings));
}

RedisRowLog::RedisRowLog(std::shared_ptr<RedisClient> client, const StorageOptions& options,
                         RowLogSettings settings)
    : calls_(std::move(client)),
      names_(options.name_space),
      options_(options),
      settings_(std::move(settings)),
      state_(std::make_shared<ServerState>(calls_, names_, settings_.user, settings_.durability)),
      index_(std::make_shared<ContextIndex>(calls_, names_, state_, options.ttl)) {}

RedisRowLog::~RedisRowLog() {
  if (settings_.tracking) settings_.tracking->listen({}, {});
  calls_.client().close();
}

void RedisRowLog::listen(std::function<void(std::string_view key)> changed,
                         std::function<void()> lost) {
  settings_.tracking->listen(
      [this, changed = std::move(changed)](std::string_view name) {
        const auto key = names_.key_of(name);
        if (key && changed) changed(*key);
      },
      std::move(lost));
}

bool RedisRowLog::is_current(const ContextKey& key) const {
  const auto heard = calls_.client().heard(names_.slot_of(key.text()));
  return heard > Clock::now() - settings_.max_staleness;
}

Task<Rows> RedisRowLog::read(ContextKey key, std::size_t count, bool refresh, Deadline deadline) {
  const auto name = names_.context(key.text());
  if (refresh && options_.ttl.count() > 0) {
    co_return co_await read_and_touch(std::move(key), name, count, deadline);
  }
  const auto reply = co_await calls_.call(read_request(name, count), name.text, deadline);
  co_return rows_of(reply, reply.root());
}

Request RedisRowLog::read_request(const KeyName& name, std::size_t count) const {
  return {name.slot, encode_command({"LRANGE", name.text, first_row(count), "-1"}), true};
}

Task<Rows> RedisRowLog::read_and_touch(ContextKey key, KeyName name, std::size_t count,
                                       Deadline deadline) {
  std::vector<std::string> arguments{first_row(count), std::to_string(options_.ttl.count())};
  const auto asked = Clock::now();
  const auto reply =
      co_await calls_.run(&touch_read_script(), name, std::move(arguments), deadline);
  const auto parts = array_of(reply.root());
  if (parts.size() != 2) {
    throw Failure{errc::protocol_error, "the answer of a script has not its shape"};
  }
  const std::chrono::milliseconds now(integer_of(parts[1]));
  state_->sample(name.slot, now + half_a_millisecond, asked);
  auto rows = rows_of(reply, parts[0]);
  const bool is_alive = !rows.rows.empty() && !rows.rows.back().starts_with('T');
  if (is_alive && index_->is_refresh_due(key.text())) {
    co_await state_->prepare(Need::reading, deadline);
    if (!co_await index_->refresh(key.text(), deadline)) {
      co_await index_->list(key.text(), deadline);
    }
  }
  co_return rows;
}

Task<std::uint64_t> RedisRowLog::count(Deadline deadline) {
  co_await state_->prepare(Need::reading, deadline);
  co_return co_await index_->count(deadline);
}

Task<ScanPage> RedisRowLog::scan(std::string cursor, ScanOptions options, Deadline deadline) {
  co_await state_->prepare(Need::reading, deadline);
  co_return co_await index_->scan(std::move(cursor), options, deadline);
}

Task<CheckReport> RedisRowLog::check_listing(bool repair, Deadline deadline) {
  co_await state_->prepare(repair ? Need::creating : Need::reading, deadline);
  co_return co_await index_->check(repair, deadline);
}

}  // namespace dialogstore::redis
