// Callers that talk as fast as they can, each on any of the contexts, and know at every moment what
// of it must be stored.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/turn_ledger.hpp"

namespace dialogstore::soak {

using SteadyClock = std::chrono::steady_clock;

struct CallersOptions {
  std::vector<std::string> uris;  ///< a storage for each; the callers take them in turn
  std::size_t callers = 8;
  std::size_t contexts = 64;
  std::size_t turns = 60;  ///< of a context, before it is looked at, deleted and begun again
  std::uint64_t seed = 1;
};

struct Counts {
  std::uint64_t calls = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t in_doubt = 0;  ///< turns that may be stored and of which nobody was told
  std::uint64_t deleted = 0;   ///< contexts that were full, and as they had to be
  SteadyClock::duration longest_call{};
  SteadyClock::duration longest_silence{};  ///< between two acknowledgements of whomever
};

/// Starts when made. Threads: any member from any thread, unless it says otherwise.
class Callers {
 public:
  explicit Callers(CallersOptions options);
  ~Callers();
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  /// They end their calls. From one thread; idempotent.
  void stop();
  [[nodiscard]] Counts counts() const;
  /// How long the oldest call that has not ended is under way.
  [[nodiscard]] SteadyClock::duration oldest_call() const;
  /// What no fault of a server explains; empty when there was nothing. It ends all callers.
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] std::map<errc, std::uint64_t> told() const;

  /// After stop(): reads every context through `storage`, and then compares what else tells of
  /// them: len, both orders of scan, check. Answers what is wrong.
  [[nodiscard]] std::vector<std::string> look_at_all(DBContextStorage& storage);

 private:
  struct Held;
  struct Caller;
  struct Dialog {
    explicit Dialog(std::size_t turns) : ledger(turns) {}
    test::TurnLedger ledger;
    std::shared_mutex in_use;  ///< alone: to delete it
  };

  void run(Caller& caller);
  void do_one(Caller& caller);
  void say(Caller& caller, std::size_t place);
  void look(Caller& caller, std::size_t place);
  void begin_again(Caller& caller, std::size_t place);
  Held& hold(Caller& caller, std::size_t place);
  void give_up(Caller& caller, std::size_t place, bool is_in_doubt);
  void after(Caller& caller, const StorageError& error);
  void acknowledge(std::size_t turns);
  void fail(const std::string& what);
  template <class Call>
  auto timed(Caller& caller, Call call);

  CallersOptions options_;
  std::vector<std::unique_ptr<DBContextStorage>> storages_;
  std::vector<std::unique_ptr<Dialog>> dialogs_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::atomic<bool> is_stopping_ = false;
  mutable std::mutex mutex_;  ///< of what follows
  Counts counts_;
  std::map<errc, std::uint64_t> told_;
  std::string failure_;
  SteadyClock::time_point last_acknowledgement_ = SteadyClock::now();
};

}  // namespace dialogstore::soak
