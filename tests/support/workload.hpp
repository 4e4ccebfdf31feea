// Many callers on few contexts, through the library's public face, while a test breaks the servers.
// Each turn has a mark of its own; every call is recorded with what it was told.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/error.hpp"
#include "support/history.hpp"

namespace dialogstore::test {

struct WorkloadOptions {
  std::vector<std::string> uris;  ///< a storage for each; the callers take them in turn
  std::size_t callers = 6;
  std::size_t contexts = 3;  ///< that are used at a time
  std::size_t turns = 80;    ///< of a context, before another takes its place
  std::size_t calls = 200;   ///< the same, of one caller, where the turns do not stay
  bool has_erases = true;
  /// Callers rest unless goes_on() or are_refused() waits for more, and these return when all rest
  /// again. So a machine that gives the test no time to run does not make the histories long.
  bool is_paced = false;
  std::uint64_t seed = 1;
};

/// How calls that did not succeed ended, as often as it happened.
struct Refusal {
  std::size_t count = 0;
  std::string text;  ///< of the last one
};
using Refusals = std::map<errc, Refusal>;

/// Starts when made. The choices of a caller follow from the seed and from the answers it gets.
class Workload {
 public:
  explicit Workload(WorkloadOptions options);
  ~Workload();
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  /// Waits until so many more turns were acknowledged; false when that takes too long, or a caller
  /// met what no fault explains.
  [[nodiscard]] bool goes_on(std::size_t turns,
                             std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// Waits until so many more calls have failed; false as above.
  [[nodiscard]] bool are_refused(std::size_t calls,
                                 std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// The callers end their calls, without trying again. Idempotent.
  void stop();

  // ---- after stop() ----
  [[nodiscard]] const std::map<std::string, ContextHistory>& histories() const {
    return histories_;
  }
  [[nodiscard]] std::map<std::string, ContextHistory>& histories() { return histories_; }
  [[nodiscard]] const Refusals& refusals() const { return refusals_; }
  /// When each turn was acknowledged, in order.
  [[nodiscard]] const std::vector<Moment>& acknowledgements() const { return acknowledgements_; }
  /// Of any time: what ended a caller; empty when nothing did.
  [[nodiscard]] std::string failure() const;
  /// Of any time: a context in use.
  [[nodiscard]] std::string a_key(std::uint64_t number) const;

 private:
  struct HeldContext;
  struct Caller;
  struct Saying;

  void run(Caller& caller);
  void rest();
  void set_goal(std::size_t& goal, std::size_t count);
  bool is_at_rest(std::chrono::milliseconds patience) const;
  void do_one(Caller& caller);
  void say(Caller& caller, const std::string& key);
  HeldContext& load(Caller& caller, const std::string& key);
  void erase(Caller& caller, const std::string& key);
  void refuse(Caller& caller, const StorageError& error);
  bool may_try_again(Caller& caller);
  HeldContext* reload(Caller& caller, const std::string& key, Saying& saying);
  void retire(Caller& caller, const std::string& key);

  WorkloadOptions options_;
  std::vector<std::unique_ptr<DBContextStorage>> storages_;
  std::vector<std::atomic<std::uint64_t>> generations_;  ///< of each context in use
  std::atomic<bool> is_stopping_ = false;
  std::atomic<std::size_t> saved_ = 0;
  std::atomic<std::size_t> refused_ = 0;
  std::atomic<int> next_turn_ = 1;
  mutable std::mutex mutex_;
  std::string failure_;
  std::size_t wanted_saved_ = 0;  ///< saved_ when paced callers rest
  std::size_t wanted_refused_ = 0;
  std::size_t resting_ = 0;  ///< callers
  std::condition_variable rest_ends_;

  std::vector<std::unique_ptr<Caller>> callers_;
  std::map<std::string, ContextHistory> histories_;
  Refusals refusals_;
  std::vector<Moment> acknowledgements_;
};

/// The marks of a context's turns, in order. Throws std::runtime_error when a turn is not as the
/// workload wrote it.
Turns marks_of(const Context& context);

}  // namespace dialogstore::test
