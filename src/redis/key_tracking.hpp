// What servers tell of the keys that were read over the links of one client, where they were asked
// to (CLIENT TRACKING). Used on the client's executor only.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

namespace dialogstore::redis {

class KeyTracking {
 public:
  /// `changed`: somebody else has written or deleted the key of this name, or may have. `lost`:
  /// that may be so of any key, and nothing will be told of those that were read before.
  void listen(std::function<void(std::string_view name)> changed, std::function<void()> lost) {
    changed_ = std::move(changed);
    lost_ = std::move(lost);
  }

  void changed(std::string_view name) const {
    if (changed_) changed_(name);
  }
  void lost() const {
    if (lost_) lost_();
  }

 private:
  std::function<void(std::string_view name)> changed_;
  std::function<void()> lost_;
};

}  // namespace dialogstore::redis
