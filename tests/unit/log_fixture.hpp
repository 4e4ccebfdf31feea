// What tests of the log share: a list of rows that saves are applied to exactly as the script on
// the server applies them, and short ways to make contexts and change them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/log.hpp"
#include "format/row_json.hpp"

namespace dialogstore::format {

inline Token token(std::uint64_t number) {
  Token out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(number >> (8U * (out.size() - 1 - i)));
  }
  return out;
}

/// One key of the server. The answers are the script's letters.
class FakeList {
 public:
  char apply(const SaveRequest& request);
  /// The script's search for a version: 'C' when it is there, 'H' when not.
  [[nodiscard]] char find(const Version& base) const;

  [[nodiscard]] std::vector<std::string_view> all() const { return {rows.begin(), rows.end()}; }
  [[nodiscard]] std::vector<std::string_view> last(std::size_t count) const {
    const auto skip = rows.size() - std::min(count, rows.size());
    return {rows.begin() + static_cast<std::ptrdiff_t>(skip), rows.end()};
  }
  [[nodiscard]] RowHeader last_header() const;

  std::vector<std::string> rows;

 private:
  void write(const SaveRequest& request);
};

/// Loads as a storage does: the newest `window` rows, more when the keyframe is further back.
ReplayResult load_recent(const FakeList& list, std::size_t window, ContextState& out);
ReplayResult load_all(const FakeList& list, ContextState& out);

// As Context does it.
void set_part(ContextState& state, std::int64_t index, TurnPart part, std::string text);
void erase_part(ContextState& state, std::int64_t index, TurnPart part);
void set_misc(ContextState& state, std::string_view name, std::string_view json);
void trim(ContextState& state, const FirstKept& first);
void add_turn(ContextState& state, std::int64_t index);
void saved(ContextState& state, const SavePlan& plan);

std::string label_text(std::int64_t number);
std::string message_text(std::int64_t number);

/// A log of one keyframe with the turns 0 … count-1, stored as `options` say.
FakeList stored(ContextState& state, std::int64_t count, const LogOptions& options = {});

/// Plans a save, expects it to be ready, applies it, expects it to be saved.
SavePlan save(FakeList& list, ContextState& state, const LogOptions& options = {});

void expect_same_position(const LogPosition& a, const LogPosition& b);
void expect_same_content(const ContextState& a, const ContextState& b);
/// The kinds of its rows, oldest first.
std::string kinds(const FakeList& list);
/// The log is sound, and a load of everything gives this content and this position.
void expect_reloads(const FakeList& list, const ContextState& state);

}  // namespace dialogstore::format
