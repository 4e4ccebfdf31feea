// How far back the keyframe of a context lies, as it was when the context was last used here: a
// load of the recent turns then reads no row more than it needs. A hint is good until someone else
// saves; where that is common, hints would cost a second read, so they are followed only after a
// run of loads that found what was expected. Used on the storage's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/recent_map.hpp"
#include "model/log_position.hpp"

namespace dialogstore {

class TailHints {
 public:
  /// `usual`: rows that are enough for nearly every log.
  explicit TailHints(std::size_t usual) : usual_(usual), hints_(capacity) {}

  /// How many rows to read.
  [[nodiscard]] std::size_t window(std::string_view key) const {
    if (trust_ < needed_trust) return usual_;
    const Hint* hint = hints_.find(key);
    return hint == nullptr ? usual_ : hint->rows;
  }

  /// A load came upon this.
  void found(std::string_view key, const LogPosition& position) {
    Hint* const hint = hints_.use(key);
    if (hint == nullptr) return left(key, position);
    const bool as_expected = hint->version == position.version;
    trust_ = as_expected ? trust_ + (trust_ < needed_trust ? 1 : 0) : 0;
    *hint = hint_of(position);
  }

  /// A save left this behind.
  void left(std::string_view key, const LogPosition& position) {
    hints_.put(key, hint_of(position));
  }

 private:
  struct Hint {
    Version version;
    std::size_t rows = 0;
  };

  static Hint hint_of(const LogPosition& position) {
    // One row more than a log without pages has shows that it has none.
    return {position.version, position.keyframe_distance + (position.complete ? 2U : 1U)};
  }

  static constexpr std::size_t capacity = 16'384;
  /// Two processes that share the dialogs by chance come this far once in 256 loads.
  static constexpr int needed_trust = 8;

  std::size_t usual_;
  int trust_ = 0;
  RecentMap<Hint> hints_;
};

}  // namespace dialogstore
