// A back end in memory that tells what its test wants told: answers that come too late, copies that
// nobody heard of. What a save does to the rows is decided as everywhere else.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/context_storage.hpp"
#include "storage/apply_save.hpp"
#include "storage/log_context_storage.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::test {

/// One key's rows.
class DequeRows final : public RowList {
 public:
  std::deque<std::string> all;
  std::size_t size() override { return all.size(); }
  std::string row(std::size_t position) override { return all.at(position); }
  void set(std::size_t position, std::string_view row) override { all.at(position) = row; }
  void push_back(std::string_view row) override { all.emplace_back(row); }
  void drop_front(std::size_t count) override {
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void drop_back(std::size_t count) override {
    all.erase(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
  }
};

/// What happens to one save.
using SaveStep = std::function<SaveResult(RowList& rows, const format::SaveRequest& request)>;

/// Applied and answered, as when nothing goes wrong.
SaveResult answered(RowList& rows, const format::SaveRequest& request);
/// Applied; the answer never came.
SaveResult reply_lost(RowList& rows, const format::SaveRequest& request);
/// Never arrived; nobody knows.
SaveResult request_lost(RowList& rows, const format::SaveRequest& request);
/// A first copy went unanswered; this is the answer to the second.
SaveResult answered_again(RowList& rows, const format::SaveRequest& request);
/// Somebody else does this first, then `step`.
SaveStep after(std::function<void(RowList& rows)> other, SaveStep step);

/// The store, and what is to happen to the next saves; `answered` when nothing is said. Touch it
/// while no call is under way.
struct ScriptedStore {
  std::map<std::string, DequeRows> lists;
  std::deque<SaveStep> steps;
  std::vector<std::size_t> reads;  ///< how many rows each read asked for; 0: all

  bool reads_wait = false;  ///< others go on before the reader gets the rows
  /// Reads whose rows are in memory, and the most there were.
  std::size_t readers = 0, most_readers = 0;
  std::uint64_t told_size = 0;  ///< of the rows of each key
};

/// A storage on `store`; several may be opened on one.
class ScriptedStorage : public DBContextStorage {
 public:
  explicit ScriptedStorage(std::shared_ptr<ScriptedStore> store,
                           const StorageOptions& options = {});
};

}  // namespace dialogstore::test
