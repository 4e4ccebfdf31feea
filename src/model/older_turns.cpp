#include "model/older_turns.hpp"

namespace dialogstore {

const OlderTurns::Content& OlderTurns::content() const {
  if (!is_read()) {
    const std::lock_guard lock(mutex_);
    if (!is_read_.load(std::memory_order_relaxed)) {
      content_ = do_read();
      is_read_.store(true, std::memory_order_release);
    }
  }
  return content_;
}

}  // namespace dialogstore
