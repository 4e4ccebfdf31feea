// What one context must be, from what its writers meant and what the server answered; and whether
// the rows in the server say the same. Knows the rules of PROTOCOL, not the code that follows them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"

namespace dialogstore::test {

/// A promise that was broken.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The content of a context as its users see it.
struct Content {
  std::map<std::int64_t, Turn> turns;
  std::map<std::string, std::string> misc;
  std::int64_t next = 0;  ///< index of the next turn
  friend bool operator==(const Content&, const Content&) = default;
};
Content content_of(const Context& context);
std::string describe(const Content& content);

/// One thing a user did to a context object.
struct Change {
  enum class Kind { turn, edit, misc, trim } kind = Kind::turn;
  Turn turn;                         ///< of turn
  std::int64_t index = 0;            ///< of edit, and of trim: the first that is kept
  std::string name;                  ///< of misc
  std::optional<std::string> value;  ///< of misc: its JSON, nothing when erased; of edit: the text
  bool applied = false;
  std::int64_t applied_at = -1;  ///< of turn: the index it got
};
using Changes = std::vector<std::shared_ptr<Change>>;

enum class OperationKind { save, set, create, append, erase, load, load_turns, scan };

/// One call of a user.
struct Operation {
  int id = 0;
  OperationKind kind = OperationKind::load;
  std::string key;  ///< in Redis
  int start = 0;
  std::optional<int> end;
  Changes intent;                ///< what it is to save
  std::optional<Content> whole;  ///< the whole of an object that was never stored
  int applied = 0;
  bool had_pending = false;     ///< an earlier save of the object had no known outcome
  bool claims_nothing = false;  ///< it ended saying that nothing was written
  [[nodiscard]] bool is_write() const { return kind <= OperationKind::erase; }
};

/// A save as it went to the server.
struct SentSave {
  std::string key, base, own, fence;
  char op = 't';
  std::size_t rows = 0;
  std::shared_ptr<Operation> operation;  ///< that first sent it
  std::shared_ptr<Operation> sender;     ///< that sent this copy
  bool is_late = false;                  ///< a copy that nobody waits for
};

/// A row, read by other code than the library's.
struct RawRow {
  char kind = 0;
  unsigned distance = 0;
  std::uint32_t seq = 0;
  std::string token, version;
  std::uint32_t next = 0;
  std::vector<std::string> tokens;  ///< of a page
};
RawRow read_raw_row(const std::string& bytes);
/// The versions one can find in a log, by headers and token lists.
std::set<std::string> versions_in(const std::vector<std::string>& rows);

class KeyOracle {
 public:
  enum class Status { absent, live, deleted };

  /// The server said `answer` to a save at `tick`; `rows` is what it holds now.
  void on_answer(const SentSave& save, char answer, int tick, const std::vector<std::string>& rows);
  /// The server's expiry took what was there.
  void on_expiry(int tick);
  /// Throws Violation unless the rows are what they must be.
  void check_rows(const std::vector<std::string>& rows) const;
  /// Throws Violation unless a context loaded or saved at this version may look like this.
  void check_loaded(const Context& context, const char* what) const;
  void acknowledge(const Operation& operation);

  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] bool is_live() const { return status_ == Status::live; }
  [[nodiscard]] int live_since() const { return live_since_; }
  [[nodiscard]] const Content& content() const { return content_; }
  /// All contents it ever had, with the tick of their beginning; absent ones are empty.
  [[nodiscard]] const std::vector<std::pair<int, std::optional<Content>>>& past() const {
    return past_;
  }

 private:
  void on_saved(const SentSave& save, int tick, const std::vector<std::string>& rows);
  void check_classification(const SentSave& save, char answer) const;
  Operation& note_application(const SentSave& save);
  void apply(Operation& operation);
  void end(Status status, int tick);

  Status status_ = Status::absent;
  Content content_;
  std::set<std::string> versions_;  ///< that must be found in the rows
  std::map<std::string, Content> by_version_;
  std::map<std::string, int> applied_tokens_;  ///< token -> the life it was applied in
  int life_ = 0;                               ///< how often the context was deleted or expired
  std::vector<std::pair<int, std::optional<Content>>> past_;
  std::vector<int> acknowledged_ends_;  ///< of saves in the present life
  int end_tick_ = -1;
  int live_since_ = -1;
};

}  // namespace dialogstore::test
