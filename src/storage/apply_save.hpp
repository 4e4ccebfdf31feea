// The save script as a C++ function, for back ends that hold the list themselves. Its twin is
// src/redis/save.lua; a test runs both on the same inputs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/log.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// One key's list of rows, oldest first, inside a transaction of the back end.
class RowList {
 public:
  virtual ~RowList() = default;
  virtual std::size_t size() = 0;
  /// Row `position` (0 = oldest).
  virtual std::string row(std::size_t position) = 0;
  virtual void set(std::size_t position, std::string_view row) = 0;
  virtual void push_back(std::string_view row) = 0;
  virtual void drop_front(std::size_t count) = 0;
  virtual void drop_back(std::size_t count) = 0;
};

/// Decides and, when the answer is saved, changes `rows`. The caller keeps time: the fence is not
/// needed where a call cannot run late. Throws Failure (invalid_argument) for an impossible
/// request.
SaveResult apply_save(RowList& rows, const format::SaveRequest& request);

}  // namespace dialogstore
