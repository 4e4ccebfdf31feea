#include "integration/sqlite_rows_fixture.hpp"

#include <boost/asio/this_coro.hpp>

namespace dialogstore::test {
namespace {

// As the storage calls it: a cancellation is for the row log to see, not an exception in its
// middle.
asio::awaitable<SaveResult> save_controlled(RowLog& log, ContextKey key,
                                            std::shared_ptr<format::SaveRequest> request,
                                            Deadline deadline) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await log.save(std::move(key), std::move(request), std::nullopt, deadline);
}

}  // namespace

std::shared_ptr<format::SaveRequest> row_request(const Version& base, std::uint8_t token,
                                                 format::SaveOp op) {
  auto made = std::make_shared<format::SaveRequest>();
  if (base.seq > 0) made->base = format::encode_version(base);
  made->own = {token};
  made->op = op;
  const auto kind = op == format::SaveOp::erase     ? format::RowKind::tombstone
                    : op == format::SaveOp::replace ? format::RowKind::keyframe
                                                    : format::RowKind::delta;
  const format::RowHeader header{.kind = kind, .version = {base.seq + 1, {token}}};
  made->rows = {format::encode_row(header, kind == format::RowKind::tombstone ? "" : "{}")};
  return made;
}

std::shared_ptr<SaveCall> SQLiteRows::start(const std::string& key,
                                            std::shared_ptr<format::SaveRequest> request,
                                            Deadline deadline) {
  auto call = std::make_shared<SaveCall>();
  auto work = save_controlled(log(), key, std::move(request), deadline);
  const auto end = [call](const std::exception_ptr& error, const SaveResult& result) {
    if (!error) {
      call->answer = result.answer;
      return;
    }
    try {
      std::rethrow_exception(error);
    } catch (const Failure& failure) {
      call->failure = failure;
    }
  };
  asio::co_spawn(io_, std::move(work),
                 asio::bind_cancellation_slot(call->cancellation.slot(), end));
  io_.restart();
  io_.poll();
  return call;
}

}  // namespace dialogstore::test
