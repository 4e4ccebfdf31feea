// What a back end must do: keep one list of rows for each key and apply saves to it atomically.
// Everything a dialog means is above this line; everything a server or a file needs is below.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/key.hpp"
#include "dialogstore/options.hpp"
#include "dialogstore/storage_engine.hpp"
#include "flow/task.hpp"
#include "format/log.hpp"
#include "storage/change_feed.hpp"

namespace dialogstore {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
/// When a save was first sent; nothing: it never was.
using SentBefore = std::optional<Clock::time_point>;

/// What a back end throws; the storage adds operation and key. `maybe_applied` is meaningful for
/// writes: without it, nothing was or will be written.
struct Failure {
  errc code{};
  std::string detail;
  bool maybe_applied = false;
};

/// Rows oldest first, as views that live as long as `owner`.
struct Rows {
  std::vector<std::string_view> rows;
  std::shared_ptr<const void> owner;
};

inline constexpr std::uint64_t unknown_size = UINT64_MAX;

enum class SaveAnswer : char {
  saved = 'S',
  already = 'A',          ///< my own token is there: an earlier copy did it
  conflict = 'C',         ///< the base is there, others saved behind it
  history_changed = 'H',  ///< the base is not there any more
  deleted = 'D',          ///< a tombstone stands there
  gone = 'G',             ///< nothing is stored
};

struct SaveResult {
  SaveAnswer answer = SaveAnswer::saved;
  std::string last_header;       ///< the first 20 bytes of the last row, unless saved or gone
  bool unanswered_copy = false;  ///< a copy of this very save was sent before and not answered
};

/// All members are called by flows on one executor. A cancellation of the flow throws nothing by
/// itself: it ends what waits for the server, and the member throws
/// Failure, which says whether a save may have been sent.
class RowLog {
 public:
  virtual ~RowLog() = default;

  /// A name for this store (and namespace): a context loaded from one is not taken for one of
  /// another.
  [[nodiscard]] virtual const std::string& identity() const noexcept = 0;

  /// The last `count` rows (0: all of them). No rows: nothing is stored.
  /// With `refresh` the expiry is set again (never on a tombstone).
  virtual Task<Rows> read(ContextKey key, std::size_t count, bool refresh, Deadline deadline) = 0;

  /// Applies a save, exactly once however often it is sent; retries until the deadline.
  /// `first_sent`: when an earlier call began to send it, so that even the first copy of this call
  /// is a retry. A create that was first sent long ago is looked for, but not stored any more: the
  /// answer is `gone` when nothing is there. Keeps the listing right: a log that comes into being
  /// is listed before, one that was erased is taken out after. Throws Failure: outcome_unknown when
  /// a copy went unanswered.
  virtual Task<SaveResult> save(ContextKey key, std::shared_ptr<const format::SaveRequest> request,
                                SentBefore first_sent, Deadline deadline) = 0;

  virtual Task<std::uint64_t> count(Deadline deadline) = 0;
  virtual Task<ScanPage> scan(std::string cursor, ScanOptions options, Deadline deadline) = 0;
  /// Removes every context of the namespace; returns how many.
  virtual Task<std::uint64_t> clear(Deadline deadline) = 0;
  /// Compares the listing with what is stored, counts both ways, and mends it when asked.
  virtual Task<CheckReport> check_listing(bool repair, Deadline deadline) = 0;
  /// About how many bytes reading the rows of each takes, unknown_size where that cannot be told.
  /// Zeros of a back end that reads at once, so that no rows wait in memory beside others.
  virtual Task<std::vector<std::uint64_t>> sizes(std::vector<ContextKey> keys,
                                                 Deadline /*deadline*/) {
    co_return std::vector<std::uint64_t>(keys.size());
  }
  virtual Task<Statistics> statistics(Deadline deadline) = 0;

  /// What it tells of changes by others; null when it is not told itself.
  [[nodiscard]] virtual ChangeFeed* changes() noexcept { return nullptr; }

  /// Waiting calls end with errc::closed.
  virtual void close() = 0;
};

}  // namespace dialogstore
