// Encryption at rest: rows are sealed on their way down and opened on their way up, so that
// planning, replaying and the back ends know nothing of it.
#include <string>
#include <utility>

#include "dialogstore/limits.hpp"
#include "storage/log_engine.hpp"

namespace dialogstore {

void LogEngine::seal(const ContextKey& key, format::SaveRequest& request) const {
  if (!sealer_) return;
  sealer_->seal(key.text(), request.rows);
  // They were within the limits before; sealed they take some sixty bytes more.
  for (const std::string& row : request.rows) {
    if (row.size() > limits::row_bytes) {
      throw Failure{errc::too_large, "one row takes " + std::to_string(row.size()) +
                                         " bytes once it is encrypted, the limit is " +
                                         std::to_string(limits::row_bytes) +
                                         " (limits::row_bytes)"};
    }
  }
  if (request.bytes() > limits::save_bytes) {
    throw Failure{errc::too_large, "the save takes " + std::to_string(request.bytes()) +
                                       " bytes once it is encrypted, the limit is " +
                                       std::to_string(limits::save_bytes) +
                                       " (limits::save_bytes)"};
  }
}

bool LogEngine::open(const ContextKey& key, Rows& read, bool everything) const {
  if (!sealer_) {
    format::RowHeader last;
    if (!read.rows.empty() &&
        format::decode_header(read.rows.back(), last) == format::RowFault::none &&
        last.format == format::sealed_format) {
      throw Failure{errc::wrong_key, format::sealed_text()};
    }
    return false;
  }
  format::OpenedRows opened = sealer_->open(key.text(), read.rows, everything);
  if (opened.error != errc{}) {
    throw Failure{opened.error, "row " + std::to_string(opened.row) + ": " + opened.why};
  }
  if (opened.bytes && !opened.bytes->empty()) {
    read.owner =
        std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
            std::move(read.owner), std::move(opened.bytes));
    read.rows = std::move(opened.rows);
  }
  return opened.outdated;
}

format::RowHeader LogEngine::header_to_build_on(const SaveResult& result) const {
  const format::RowHeader header = answered_header(result);
  if (!sealer_ && header.format == format::sealed_format) {
    throw Failure{errc::wrong_key, format::sealed_text()};
  }
  return header;
}

/// A log in readable rows or under an older key is written anew once, so that nothing of it stays
/// so; one too large to be written at once is only added to.
format::PlanResult LogEngine::plan_changes(const State& state) const {
  if (sealer_ && state.position->outdated) {
    auto anew = format::plan_rewrite(state, new_token(), log_options_);
    if (anew.status != format::PlanStatus::failed) return anew;
  }
  return format::plan_save(state, new_token(), log_options_);
}

}  // namespace dialogstore
