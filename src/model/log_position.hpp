// What a context remembers of its place in the store: enough to append to its log, to seal its tail
// and to settle a save whose outcome is unknown, without reading anything again.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dialogstore/context.hpp"
#include "model/older_turns.hpp"
#include "model/shared_text.hpp"

namespace dialogstore {

/// 64 random bits that name one save, for ever.
using Token = std::array<std::uint8_t, 8>;

/// The name of one saved state: the number of saves so far and the token of the last one.
struct Version {
  std::uint32_t seq = 0;
  Token token{};
  friend bool operator==(const Version&, const Version&) = default;
};

/// Index of the first turn that is kept, for each sequence; `keep_all` when nothing was trimmed.
inline constexpr std::int64_t keep_all = std::numeric_limits<std::int64_t>::min();
using FirstKept = std::array<std::int64_t, turn_parts>;

/// A page as an edit or a trim needs to know it; known only after a load of everything.
struct PageMark {
  Version version;              ///< of its header
  std::uint32_t next_turn = 0;  ///< of its header
  SharedText tokens;            ///< as they lie in it
  PageRange turns;
  bool opaque = false;  ///< written with a codec this build does not know
};

/// The pages of a log, oldest first. Copies share them: every save copies a position, and most
/// leave the pages as they are.
class PageMarks {
 public:
  PageMarks() = default;
  PageMarks(std::vector<PageMark> pages)
      : pages_(std::make_shared<const std::vector<PageMark>>(std::move(pages))) {}

  [[nodiscard]] std::size_t size() const noexcept { return pages_ ? pages_->size() : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const PageMark* begin() const noexcept { return pages_ ? pages_->data() : nullptr; }
  [[nodiscard]] const PageMark* end() const noexcept { return begin() + size(); }
  [[nodiscard]] const PageMark& operator[](std::size_t place) const { return (*pages_)[place]; }
  void clear() noexcept { pages_.reset(); }
  /// A copy to make others of.
  [[nodiscard]] std::vector<PageMark> to_vector() const { return {begin(), end()}; }

 private:
  std::shared_ptr<const std::vector<PageMark>> pages_;
};

struct LogPosition {
  Version version;
  std::uint16_t keyframe_distance = 0;       ///< rows from the last row back to the keyframe
  std::uint32_t next_turn = 0;               ///< one past the largest turn index ever stored (>= 0)
  std::vector<Token> unsealed_tokens;        ///< of the keyframe and the rows after it, in order
  std::vector<std::int64_t> unsealed_turns;  ///< indices held by those rows, ascending
  FirstKept first{keep_all, keep_all, keep_all};
  bool complete = false;  ///< `pages` is known and every turn is in the context
  bool outdated = false;  ///< rows lie there readable, or under an older key than the one to use
  PageMarks pages;
};

}  // namespace dialogstore
