// Real conversations, lived through as a bot would: each turn loads the context, adds to it and
// saves it, many dialogs at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "concurrently.hpp"
#include "corpus.hpp"
#include "dialogstore/context_storage.hpp"
#include "latency.hpp"
#include "terminal.hpp"

namespace dialogstore::cli {

struct ReplaySettings {
  unsigned concurrency = 64;  ///< dialogs in flight
  std::string prefix;         ///< put before each key
  std::optional<History> history;
  bool again = false;  ///< dialogs that are stored wholly go on from the start of their source
};

struct ReplayReport {
  std::uint64_t dialogs = 0;           ///< wholly stored now, found ones included
  std::uint64_t found = 0;             ///< stored by an earlier run, at least partly
  std::uint64_t resumed = 0;           ///< of those: went on where the earlier run stopped
  std::uint64_t verified_turns = 0;    ///< found, and equal to the source
  std::vector<std::string> different;  ///< keys whose stored turns are not the source's
  Latencies turns;                     ///< one for each turn played
  double seconds = 0;
  bool interrupted = false;
};

class Replay {
 public:
  /// All arguments must outlive it.
  Replay(DBContextStorage& storage, const std::vector<Conversation>& conversations,
         const ReplaySettings& settings, Progress& progress);

  /// Throws what a call of the storage threw and did not mend by trying again.
  ReplayReport run();

  [[nodiscard]] ContextKey key_of(const Conversation& conversation) const;

 private:
  asio::awaitable<bool> play_next_dialog();
  asio::awaitable<void> play_dialog(const Conversation& source);
  asio::awaitable<void> play_turn(const Conversation& source, const PlayedTurn& turn);
  asio::awaitable<Context> load(ContextKey key, Context otherwise);
  asio::awaitable<void> save(ContextKey key, Context& context);

  DBContextStorage& storage_;
  const std::vector<Conversation>& conversations_;
  const ReplaySettings& settings_;
  Progress& progress_;
  std::size_t next_ = 0;
  ReplayReport report_;
};

/// Whether the stored turns are those of the source, in order; a source that was played several
/// times repeats.
bool is_replay_of(const Context& stored, const Conversation& source);

}  // namespace dialogstore::cli
