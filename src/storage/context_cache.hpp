// The contexts used last, kept in memory. A load compares their version with the last stored row,
// so what it gives is never older than without the cache; only the rows before that one, and
// reading them, are saved. Where the back end tells of changes, a context that nobody else has
// changed since it was read or saved is given without asking. Used on the storage's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/recent_map.hpp"
#include "dialogstore/context.hpp"
#include "dialogstore/options.hpp"
#include "storage/change_feed.hpp"

namespace dialogstore {

class ContextCache {
 public:
  using Clock = std::chrono::steady_clock;

  /// With `history` recent only what a load of the recent turns brings is kept, so that memory does
  /// not grow with the dialogs. `changes`: null where every load asks.
  ContextCache(const StorageOptions& options, ChangeFeed* changes);
  ~ContextCache();
  ContextCache(const ContextCache&) = delete;
  ContextCache& operator=(const ContextCache&) = delete;

  /// What had been told of a context when somebody began to read it: later it says whether what was
  /// read is of before or after a change.
  struct Mark {
    std::uint64_t losses = 0;
    std::uint64_t changes = 0;
  };
  [[nodiscard]] Mark mark(std::string_view key) const;

  /// The context under this key, if it has what `history` asks for. Valid until the next call.
  [[nodiscard]] const Context* find(std::string_view key, History history);
  /// The same, if nobody needs to be asked whether it is the one that is stored.
  [[nodiscard]] const Context* find_current(const ContextKey& key, History history);
  /// For a load that found it. A copy; or itself, where each load so far was followed by a save
  /// before the next: the save will bring it back. Until then it is not to be found.
  [[nodiscard]] Context give(std::string_view key);
  /// Keeps a copy of a context that was read after `before`.
  void put(std::string_view key, const Context& context, Mark before);
  /// The context in the cache is the one that was stored at some time after `before`.
  void confirm(std::string_view key, Mark before);
  /// The next load of it asks; so do those whose reads are under way.
  void doubt(std::string_view key);
  void forget(std::string_view key);

  /// What this storage itself writes under a key, from before it is sent until its end is known:
  /// whatever else is read or written meanwhile may be of before or after it.
  class Writing {
   public:
    Writing(ContextCache& cache, std::string_view key);
    ~Writing();
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    /// It has been stored, as this.
    void stored(const Context& context);

   private:
    ContextCache& cache_;
    std::string key_;
    Clock::time_point began_;
    Mark mark_;
    bool is_over_ = false;
  };

  /// While all contexts are being deleted here.
  class Clearing {
   public:
    explicit Clearing(ContextCache& cache) : cache_(cache) { cache_.clear(); }
    ~Clearing() { cache_.clear(); }
    Clearing(const Clearing&) = delete;
    Clearing& operator=(const Clearing&) = delete;

   private:
    ContextCache& cache_;
  };

 private:
  /// Loads since the last save.
  enum class Loads : std::uint8_t { none, one, several };

  struct Kept {
    std::optional<Context> context;       ///< nothing: given away
    std::optional<std::uint64_t> losses;  ///< nothing: to be asked for
    Clock::time_point until = Clock::time_point::max();
    Loads loads = Loads::none;
    bool is_taken_in_turn = false;  ///< the last save followed exactly one load
  };

  [[nodiscard]] bool is_unchanged(std::string_view key, Mark since) const;
  [[nodiscard]] std::uint64_t changes_of(std::string_view key) const;
  void clear();
  static void count_load(Kept& kept) noexcept;
  void keep(std::string_view key, const Context& context, Kept kept);

  RecentMap<Kept> contexts_;
  History history_;
  std::chrono::milliseconds ttl_;
  ChangeFeed* changes_;
  std::uint64_t losses_ = 0;
  std::vector<std::uint64_t> counts_;  ///< of changes, by the key's hash
};

}  // namespace dialogstore
