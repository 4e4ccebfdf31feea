#include "integration/sqlite_rows_fixture.hpp"

namespace dialogstore::test {

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
  auto work = log().save(key, std::move(request), std::nullopt, deadline);
  auto end = [call](const std::exception_ptr& error, const SaveResult& result) {
    call->flow = nullptr;
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
  auto flow = make_flow(io_.get_executor(), std::move(work), std::move(end));
  call->flow = flow.get();
  Flow::start(std::move(flow));
  io_.restart();
  io_.poll();
  return call;
}

}  // namespace dialogstore::test
