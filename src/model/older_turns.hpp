// The turns that lie in a log's pages: bytes, until somebody looks at one of them. Most loads of a
// whole context are for the next turn, which needs none.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "model/turn_text.hpp"

namespace dialogstore {

/// Smallest and largest turn index of a page; lowest > highest: it has no turns.
struct TurnRange {
  std::int64_t lowest = 0;
  std::int64_t highest = -1;
  [[nodiscard]] bool covers(std::int64_t index) const noexcept {
    return lowest <= index && index <= highest;
  }
  friend bool operator==(const TurnRange&, const TurnRange&) = default;
};

/// The pages of one load. Shared by all copies of the context, and read once for all of them, by
/// whichever thread looks first. Reading damaged pages throws what loading them would have thrown,
/// at every look.
class OlderTurns {
 public:
  /// `end`: they lie below it, as the format demands (docs/format.md "Writing").
  /// `needed_to_number`: only they say how turns are numbered on.
  OlderTurns(std::int64_t end, bool needed_to_number) noexcept
      : end_(end), needed_to_number_(needed_to_number) {}
  virtual ~OlderTurns() = default;
  OlderTurns(const OlderTurns&) = delete;
  OlderTurns& operator=(const OlderTurns&) = delete;

  [[nodiscard]] std::int64_t end() const noexcept { return end_; }
  [[nodiscard]] bool needed_to_number() const noexcept { return needed_to_number_; }
  /// In ascending order. A log may break the rule that they lie below `end()`: of a part that is
  /// among the newest turns too, the newer one counts.
  [[nodiscard]] const std::vector<TurnText>& turns() const { return content().turns; }
  /// The turns of one page, oldest page first.
  [[nodiscard]] TurnRange page(std::size_t number) const { return content().pages.at(number); }
  [[nodiscard]] bool is_read() const noexcept { return is_read_.load(std::memory_order_acquire); }

 protected:
  struct Content {
    std::vector<TurnText> turns;
    std::vector<TurnRange> pages;
  };

 private:
  [[nodiscard]] virtual Content do_read() const = 0;
  [[nodiscard]] const Content& content() const;

  std::int64_t end_;
  bool needed_to_number_;
  // Not std::once_flag: reading may throw, which thread sanitizers' call_once does not survive.
  mutable std::mutex mutex_;
  mutable std::atomic<bool> is_read_ = false;
  mutable Content content_;
};

/// The turns of one page: known, or to be looked up in it.
class PageRange {
 public:
  PageRange() = default;
  PageRange(TurnRange known) noexcept : known_(known) {}
  PageRange(std::shared_ptr<const OlderTurns> unread, std::size_t page) noexcept
      : unread_(std::move(unread)), page_(page) {}

  /// Reads the page when nobody has.
  [[nodiscard]] TurnRange get() const { return unread_ ? unread_->page(page_) : known_; }
  /// Whether it can be told without reading.
  [[nodiscard]] bool is_known() const noexcept { return !unread_ || unread_->is_read(); }

 private:
  std::shared_ptr<const OlderTurns> unread_;
  std::size_t page_ = 0;
  TurnRange known_;
};

}  // namespace dialogstore
