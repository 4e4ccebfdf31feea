// Settings that are refused, limits, and expiry.
#include <future>

#include "contract/contract.hpp"
#include "dialogstore/limits.hpp"
#include "dialogstore/memory_context_storage.hpp"
#include "support/eventually.hpp"
#include "support/redis_cluster.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class Options : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Options, testing::ValuesIn(store_setups()), setup_name);

TEST_P(Options, OutOfRangeAreRefused) {
  std::vector<StorageOptions> wrong;
  const auto with = [&](auto change) {
    StorageOptions options = store.options();
    change(options);
    wrong.push_back(options);
  };
  for (const char* name : {"", "a b", "a{b", "a}b", "a\n", "a%", "\xc3\xa9", "*", "a?", "[a]",
                           "a\\", "a\r\nFLUSHALL\r\n", "'a'", "\"a\""}) {
    with([&](StorageOptions& o) { o.name_space = name; });
  }
  with([](StorageOptions& o) { o.name_space = std::string("a\0b", 3); });
  with([](StorageOptions& o) { o.name_space = std::string(limits::namespace_bytes + 1, 'n'); });
  with([](StorageOptions& o) { o.timeout = 0ms; });
  with([](StorageOptions& o) { o.timeout = -1ms; });
  with([](StorageOptions& o) { o.timeout = limits::timeout_max + 1ms; });
  with([](StorageOptions& o) { o.ttl = -1ms; });
  with([](StorageOptions& o) { o.ttl = 1ms; });
  with([](StorageOptions& o) { o.ttl = o.timeout + 9'999ms; });
  with([](StorageOptions& o) { o.ttl = limits::ttl_max + 1ms; });
  with([](StorageOptions& o) { o.seal_after = 0; });
  with([](StorageOptions& o) { o.seal_after = 1001; });
  with([](StorageOptions& o) { o.compression_level = 0; });
  with([](StorageOptions& o) { o.compression_level = 20; });
  with([](StorageOptions& o) { o.cache = limits::cached_contexts + 1; });
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    if (GetParam().kind == StoreKind::memory) {
      // Memory is opened by URI here, whose errors are UriError.
      EXPECT_THROW(MemoryContextStorage{wrong[i]}, StorageError) << i;
    } else {
      EXPECT_EQ(error_of([&] { return store.open(wrong[i]); }), errc::invalid_argument) << i;
    }
  }
}

TEST_P(Options, AtTheirLimitsAreAccepted) {
  StorageOptions options = store.options();
  options.name_space +=
      "." + std::string(limits::namespace_bytes - options.name_space.size() - 1, '-');
  options.timeout = limits::timeout_max;
  options.ttl = limits::ttl_max;
  options.ttl_on_read = true;
  options.seal_after = 1000;
  options.compression_level = 19;
  options.cache = limits::cached_contexts;
  Client client = open(options);
  client.set_item("k", dialog(50));
  EXPECT_EQ(client.get_item("k"), dialog(50));
  options.ttl = options.timeout + 10s;
  options.compression_level = 1;
  EXPECT_EQ(open(options).get_item("k"), dialog(50));
}

TEST_P(Options, WhatIsTooLargeIsNotStored) {
  Client client = open();
  Context context = dialog(3);
  client.set_item("k", context);
  const std::string large(limits::row_bytes + 1, 'x');
  Context mine = context;
  mine.set_misc("large", large);
  EXPECT_EQ(error_of([&] { return client.set_item("k", mine), 0; }), errc::too_large);
  Context fresh;
  fresh.add_request(large);
  EXPECT_EQ(error_of([&] { return client.set_item("l", fresh), 0; }), errc::too_large);
  EXPECT_EQ(error_of([&] { return client.append("k", turn_of(large)); }), errc::too_large);
  EXPECT_FALSE(client.contains("l"));
  EXPECT_EQ(client.get_item("k"), context);
  EXPECT_FALSE(mine.has_pending_save());
  mine.erase_misc("large");
  add_turn(mine, "small");
  client.set_item("k", mine);
  EXPECT_EQ(client.get_item("k"), mine);
}

TEST_P(Options, LargeContextsBelowTheLimitAreStored) {
  Client client = open();
  Context context;
  const std::string text(1U << 20, 'y');
  for (int i = 0; i < 6; ++i) {
    context.add_request(text + std::to_string(i));
    client.set_item("k", context);
  }
  EXPECT_EQ(client.get_item("k"), context);
}

class Expiry : public ContractTest {
 protected:
  std::int64_t life_of(const std::string& key) const {
    return shared_redis().command({"PTTL", store.name_space() + ":{" + key + "}"}).integer;
  }
};
// Seen from outside on Redis only.
INSTANTIATE_TEST_SUITE_P(All, Expiry,
                         testing::Values(Setup{.kind = StoreKind::redis_tcp, .face = Face::async},
                                         Setup{.kind = StoreKind::redis_unix,
                                               .face = Face::blocking}),
                         setup_name);

TEST_P(Expiry, IsWhatTheServerWasTold) {
  StorageOptions options = store.options();
  options.timeout = 20s;
  options.ttl = 100s;
  Client client = open(options);
  client.set_item("k", dialog(3));
  EXPECT_GT(life_of("k"), 90'000);
  EXPECT_LE(life_of("k"), 100'000);
  Context loaded = client.get_item("k");
  const auto forget = [&] {
    shared_redis().command({"PEXPIRE", store.name_space() + ":{k}", "50000"});
  };
  forget();
  static_cast<void>(client.get_item("k"));
  EXPECT_LE(life_of("k"), 50'000) << "reading does not count unless asked for";
  add_turn(loaded, "x");
  client.set_item("k", loaded);
  EXPECT_GT(life_of("k"), 90'000);
  forget();
  client.set_item("k", loaded);
  EXPECT_GT(life_of("k"), 90'000) << "saving without a change is a use";
  forget();
  client.append("k", turn_of("y"));
  EXPECT_GT(life_of("k"), 90'000);
  options.ttl_on_read = true;
  Client reading = open(options);
  forget();
  static_cast<void>(reading.get_item("k"));
  EXPECT_GT(life_of("k"), 90'000);
  EXPECT_TRUE(client.del_item("k"));
  const std::int64_t tombstone = life_of("k");
  EXPECT_GT(tombstone, 20'000) << "a tombstone outlives any call";
  EXPECT_FALSE(reading.contains("k"));
  EXPECT_LE(life_of("k"), tombstone) << "and reading does not change that";
  options.ttl = 0ms;
  Client without = open(options);
  without.set_item("k", dialog(1));
  EXPECT_EQ(life_of("k"), -1) << "nothing is inherited from the tombstone";
  without.set_item("l", dialog(1));
  EXPECT_EQ(life_of("l"), -1);
}

void expire(StoreKind kind, Face face) {
  const Store store(kind);
  StorageOptions options = store.options();
  options.timeout = 300ms;
  options.ttl = options.timeout + 10s;  // as short a life as there is
  const CallOptions patient{.timeout = 5s};
  const auto open = [&] { return Client(store.open(options), face); };
  Client client = open();
  options.ttl_on_read = true;
  Client reading = open();
  options.ttl = 0ms;
  Client without = open();
  const auto start = std::chrono::steady_clock::now();
  client.set_item("goes", dialog(3), patient);
  Context loaded = client.get_item("goes", patient);
  client.set_item("stays", dialog(3), patient);
  Context stays = client.get_item("stays", patient);
  client.set_item("read", dialog(3), patient);
  client.set_item("touched", dialog(3), patient);
  Context touched = client.get_item("touched", patient);
  without.set_item("for ever", dialog(3), patient);
  EXPECT_EQ(client.len(patient), 5U);
  // Writes and, where it is asked for, reads keep the others alive.
  EXPECT_TRUE(eventually(
      [&] {
        add_turn(stays, "more");
        client.set_item("stays", stays, patient);
        client.set_item("touched", touched, patient);
        static_cast<void>(reading.get_item("read", patient));
        return !client.contains("goes", patient);
      },
      30s));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_EQ(client.find("goes", patient), std::nullopt);
  EXPECT_EQ(client.get_item("stays", patient), stays);
  EXPECT_TRUE(client.contains("read", patient));
  EXPECT_TRUE(client.contains("touched", patient));
  EXPECT_TRUE(client.contains("for ever", patient));
  EXPECT_TRUE(eventually([&] { return client.len(patient) <= 4U; }, 5s));
  add_turn(loaded, "too late");
  EXPECT_EQ(error_of([&] { return client.set_item("goes", loaded, patient), 0; }), errc::gone);
  EXPECT_FALSE(client.contains("goes", patient));
}

// All stores at once, for it takes ten seconds.
TEST(ExpiryOfEveryStore, ContextsGoWhenTheirTimeIsOver) {
  static_cast<void>(shared_redis());  // they live as long as the thread that starts them
  static_cast<void>(shared_cluster());
  std::vector<std::future<void>> ends;
  ends.push_back(std::async(std::launch::async, expire, StoreKind::memory, Face::blocking));
  ends.push_back(std::async(std::launch::async, expire, StoreKind::sqlite, Face::async));
  ends.push_back(std::async(std::launch::async, expire, StoreKind::redis_tcp, Face::async));
  ends.push_back(std::async(std::launch::async, expire, StoreKind::redis_cluster, Face::blocking));
  for (auto& end : ends) {
    end.get();
  }
}

}  // namespace
}  // namespace dialogstore::test
