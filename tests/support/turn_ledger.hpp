// What the callers of a long run were told of the turns of one context, in memory that does not
// grow: when the context is full it is looked at, deleted, and begun again under the same key.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace dialogstore::test {

/// Threads: any member from any thread.
class TurnLedger {
 public:
  enum class Fate : std::uint8_t {
    in_doubt,      ///< may be stored, once
    acknowledged,  ///< is stored, once
    refused,       ///< is not stored
  };

  /// A turn that is about to be sent, in doubt until settled.
  struct Entry {
    std::uint64_t generation = 0;
    std::size_t number = 0;
    [[nodiscard]] std::string text() const;  ///< that no other turn of this key ever has
  };

  explicit TurnLedger(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] Entry begin();
  void settle(const Entry& entry, Fate fate);
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] std::uint64_t generation() const;
  /// Those that a load which begins now has to show.
  [[nodiscard]] std::vector<Entry> acknowledged() const;

  /// What is wrong with the texts of all stored turns; empty: nothing.
  [[nodiscard]] std::string fault_of(const std::vector<std::string>& stored) const;
  /// Which of `entries` is not among them; empty: none.
  [[nodiscard]] static std::string missing(const std::vector<Entry>& entries,
                                           const std::vector<std::string>& stored);

  /// The context was deleted: turns from before must not be seen any more.
  void begin_again();

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::uint64_t generation_ = 0;
  std::vector<Fate> fates_;
};

}  // namespace dialogstore::test
