// What a back end tells of the changes that others make. All members are called on the storage's
// thread.
#pragma once

#include <functional>
#include <string_view>

#include "dialogstore/key.hpp"

namespace dialogstore {

class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;

  /// `changed`: somebody else has written or deleted the context under this key, or may have.
  /// `lost`: that may be so of any context, and nothing will be told of those that were read
  /// before. Told is only of contexts that were read or saved here since it was last told of them.
  /// What this storage saves itself may be told or not.
  virtual void listen(std::function<void(std::string_view key)> changed,
                      std::function<void()> lost) = 0;

  /// Whether it tells of contexts that were saved here, not only of those that were read.
  [[nodiscard]] virtual bool tells_of_saved() const noexcept = 0;

  /// Whether everything has been told that happened to this context until a while ago, which is as
  /// long as a load may be behind.
  [[nodiscard]] virtual bool is_current(const ContextKey& key) const = 0;
};

}  // namespace dialogstore
