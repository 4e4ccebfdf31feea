// What every contract test starts from: a store of some kind, a face to use it through, and words
// for contexts and errors.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "contract/client.hpp"
#include "contract/store.hpp"
#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"

namespace dialogstore {

// What GoogleTest prints of them.
void PrintTo(errc code, std::ostream* out);
void PrintTo(const Context& context, std::ostream* out);

namespace test {

// One way to run a test. History and seal_after matter to tests of turns and logs only.
struct Setup {
  StoreKind kind = StoreKind::memory;
  Face face = Face::blocking;
  History history = History::all;
  std::uint16_t seal_after = 8;
  std::size_t cache = 0;
  bool is_encrypted = false;
};
void PrintTo(const Setup& setup, std::ostream* out);

// Every store through both faces, one of them with a cache; memory and Redis encrypted too. A
// cluster is one of them; those tests run in entries of ctest of their own (tests/CMakeLists.txt).
std::vector<Setup> all_setups();
// Every store, and Redis only over TCP: for what is slow and has nothing to do with the line.
std::vector<Setup> store_setups();
// Every store with both kinds of load and several lengths of the log's tail, some with a cache;
// memory and SQLite encrypted too.
std::vector<Setup> log_setups();
std::string setup_name(const testing::TestParamInfo<Setup>& info);

class ContractTest : public testing::TestWithParam<Setup> {
 protected:
  // The store's options with this setup's history, seal_after and cache.
  StorageOptions options() const;
  Client open(const StorageOptions& options);
  Client open() { return open(options()); }
  // With another conflict policy.
  Client open(ConflictPolicy policy);
  bool loads_all() const { return GetParam().history == History::all; }

  Store store{GetParam().kind, GetParam().is_encrypted};
};

// Those with history=all whatever the storage's default.
inline constexpr CallOptions whole{.history = History::all};

// The code a call ends with; errc{} when it succeeds.
template <class Call>
errc error_of(Call&& call) {
  try {
    static_cast<void>(call());
  } catch (const StorageError& error) {
    return error.reason();
  }
  return errc{};
}
errc code_in(const std::exception_ptr& error);

// A context with these many turns; the same number and tag give the same one.
Context dialog(std::size_t turns, const std::string& tag = "t");
// Adds turn number `context.turn_count()` … all three parts under one index, which is returned.
std::int64_t add_turn(Context& context, const std::string& text);
// A turn as `append` takes it.
Turn turn_of(const std::string& text);
// The texts of the requests, by index.
std::vector<std::string> texts(const Context& context);
std::vector<std::string> texts(const std::vector<Turn>& turns);

// Whether a load of either history brought what it may: the same state, and of the turns all or
// the newest; unless told otherwise at least two, or one that has all its parts.
testing::AssertionResult is_tail_of(const Context& loaded, const Context& complete,
                                    std::size_t least = 2);

// DIALOGSTORE_TEST_SEED, or `otherwise`: what the randomized tests start from.
std::uint64_t test_seed(std::uint64_t otherwise);

}  // namespace test
}  // namespace dialogstore
