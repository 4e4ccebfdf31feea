// What was answered where no deposed primary can have answered, in a history in which nothing takes
// turns away: of one content that grows. So each of these answers is the beginning of each longer
// one, which tells without any search whether one of them is wrong, and what the content may
// become.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/history.hpp"

namespace dialogstore::test {

/// There are none where contexts may be deleted or lose all. The history must outlive it.
class FirmAnswers {
 public:
  explicit FirmAnswers(const ContextHistory& history);

  /// Two of them that no order explains; empty when there are none. Then the other calls may be
  /// wrong all the same.
  [[nodiscard]] const std::string& contradiction() const { return contradiction_; }
  [[nodiscard]] const std::vector<const RecordedCall*>& answers() const { return answers_; }
  /// What the one with the most turns has.
  [[nodiscard]] const Turns& longest() const { return longest_; }

 private:
  void compare_contents(const ContextHistory& history);
  void compare_times();
  void note_begin(const RecordedCall& call);
  void note_end(const RecordedCall& call);
  [[nodiscard]] std::size_t place_of(int turn) const;
  void contradict(const RecordedCall& call, const std::string& why);

  std::vector<const RecordedCall*> answers_;
  std::vector<const RecordedCall*> appends_;  ///< acknowledged ones, as firm as the answers
  Turns longest_;
  std::map<int, std::size_t> places_;  ///< of the turns in the longest
  std::vector<Moment> begun_;          ///< when all of that many turns had begun to be saved
  std::string contradiction_;

  // Of the calls that have ended at some moment.
  const RecordedCall* most_seen_ = nullptr;
  const RecordedCall* last_saved_ = nullptr;
};

}  // namespace dialogstore::test
