// A save that was sent and not answered. The next save of the same context sends these very bytes
// again, and only then goes on: that is how a save takes effect exactly once.
#pragma once

#include <memory>
#include <string>

#include "format/log.hpp"
#include "model/context_access.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

struct PendingSave {
  std::string place;  ///< storage identity and key
  std::shared_ptr<const format::SaveRequest> request;
  Clock::time_point first_sent;  ///< not before
  LogPosition after;
  ContextChanges changes;  ///< what the save carries; unsaved again when it proves not applied
};

}  // namespace dialogstore
