// What is asked of the rows as it is, and what the rooms share.
#include "storage/log_engine.hpp"

#include "base/random.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore {

LogEngine::LogEngine(std::unique_ptr<IoThread> thread, std::unique_ptr<RowLog> rows,
                     const StorageOptions& options)
    : CoroutineEngine(std::move(thread), options),
      rows_(std::move(rows)),
      hints_(std::size_t{options.seal_after} + 2) {
  log_options_.seal_after = options.seal_after;
  log_options_.compression_level = options.compression_level;
  if (options.cache > 0) cache_.emplace(options, rows_->changes());
  if (const auto keys = options.encryption.read()) sealer_.emplace(keys, options.name_space);
}

std::shared_ptr<StorageEngine> make_log_engine(std::unique_ptr<IoThread> thread,
                                               std::unique_ptr<RowLog> rows,
                                               const StorageOptions& options) {
  return std::make_shared<LogEngine>(std::move(thread), std::move(rows), options);
}

Task<std::uint64_t> LogEngine::do_count(Settings settings) {
  return rows_->count(settings.deadline);
}

Task<std::uint64_t> LogEngine::do_clear(Settings settings) {
  std::optional<ContextCache::Clearing> clearing;
  if (cache_) clearing.emplace(*cache_);
  co_return co_await rows_->clear(settings.deadline);
}

Task<ScanPage> LogEngine::do_scan(std::string cursor, ScanOptions scan, Settings settings) {
  return rows_->scan(std::move(cursor), scan, settings.deadline);
}

Task<Statistics> LogEngine::do_statistics(Settings settings) {
  return rows_->statistics(settings.deadline);
}

const std::string& LogEngine::identity() const noexcept {
  return rows_->identity();
}

void LogEngine::do_close() {
  rows_->close();
}

Token new_token() {
  Token token{};
  fill_random(token);
  return token;
}

format::RowHeader answered_header(const SaveResult& result) {
  format::RowHeader header;
  const auto fault = format::decode_header(result.last_header, header);
  if (fault == format::RowFault::newer_format) {
    throw Failure{errc::unsupported_format, "a newer version of this library wrote this context"};
  }
  if (fault != format::RowFault::none) {
    throw Failure{errc::corrupt,
                  "the last row is damaged: " + std::string(format::describe(fault))};
  }
  return header;
}

bool is_done(const SaveResult& result) noexcept {
  return result.answer == SaveAnswer::saved || result.answer == SaveAnswer::already;
}

}  // namespace dialogstore
