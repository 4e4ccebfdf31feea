// The limits of one save, and the answers that several plans share.
#include <utility>

#include "dialogstore/limits.hpp"
#include "format/log_writer.hpp"

namespace dialogstore::format {
namespace {

Failure check_save(const SaveRequest& request) {
  for (const std::string& row : request.rows) {
    if (Failure failure = check_row(row)) return failure;
  }
  if (request.rows.size() > limits::save_rows) {
    return {errc::too_large, "the save has " + std::to_string(request.rows.size()) +
                                 " rows, the limit is " + std::to_string(limits::save_rows) +
                                 " (limits::save_rows): store fewer turns at a time"};
  }
  if (request.bytes() > limits::save_bytes) {
    return {errc::too_large, "the save takes " + std::to_string(request.bytes()) +
                                 " bytes, the limit is " + std::to_string(limits::save_bytes) +
                                 " (limits::save_bytes): store fewer turns at a time"};
  }
  return {};
}

}  // namespace

std::size_t SaveRequest::bytes() const noexcept {
  std::size_t sum = base.size() + own.size();
  for (const std::string& row : rows) sum += row.size();
  return sum;
}

PlanResult checked(SavePlan plan) {
  if (Failure failure = check_save(plan.request)) return failed(std::move(failure));
  PlanResult result;
  result.plan = std::move(plan);
  return result;
}

PlanResult failed(Failure failure) {
  PlanResult result;
  result.status = PlanStatus::failed;
  result.error = failure.error;
  result.why = std::move(failure.why);
  return result;
}

PlanResult needs_everything() {
  PlanResult result;
  result.status = PlanStatus::needs_everything;
  return result;
}

PlanResult too_many_saves() {
  return failed(
      {errc::too_large, "the context was saved 4294967295 times: delete it and store it anew"});
}

PlanResult beyond_last_turn() {
  return failed({errc::too_large, "a turn index is larger than " +
                                      std::to_string(limits::turn_index_max) +
                                      " (limits::turn_index_max)"});
}

}  // namespace dialogstore::format
