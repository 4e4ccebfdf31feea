// A line that breaks at any byte, stands still, or brings one byte at a time.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

WorkloadOptions storages_through(const TcpProxy& proxy, const std::string& query) {
  return storages_at([&](const std::string& all) { return proxy.uri(all); }, query);
}

TEST(Faults, Stalled) {
  RedisServer server;
  TcpProxy proxy(server.port());
  FaultRun run({.name = "stalled_network",
                .promise = "calls end at their deadline; what arrives later takes effect once",
                .told = told_when_away},
               storages_through(proxy, "timeout=150ms"), server);
  run.repeat([&] {
    const auto direction = run.random()() % 2 == 0 ? Direction::to_server : Direction::to_client;
    proxy.stall(direction);
    EXPECT_TRUE(run.workload().are_refused(1 + run.random()() % 10));
    proxy.heal();
  });
  run.finish();
}

TEST(Faults, OneByteAtATime) {
  RedisServer server;
  TcpProxy proxy(server.port());
  FaultRun run({.name = "one_byte_network", .promise = "no call fails", .told = {}},
               storages_through(proxy, "timeout=30s"), server);
  run.repeat([&] {
    proxy.dribble(Direction::to_server);
    proxy.dribble(Direction::to_client);
    EXPECT_TRUE(run.workload().goes_on(10));
    proxy.heal();
  });
  run.finish();
}

TEST(Faults, CutAnywhere) {
  RedisServer server;
  TcpProxy proxy(server.port());
  FaultRun run({.name = "cut_anywhere",
                .promise = "each save takes effect once; a delete may be in doubt",
                .told = {errc::outcome_unknown}},
               storages_through(proxy, "timeout=10s"), server);
  run.repeat([&] {
    const auto direction = run.random()() % 2 == 0 ? Direction::to_server : Direction::to_client;
    const auto kind = run.random()() % 2 == 0 ? CutKind::close : CutKind::reset;
    const auto cut = proxy.stats().cut;
    proxy.cut_after(direction, run.random()() % 3000, kind);
    EXPECT_TRUE(proxy.wait_for([&](const ProxyStats& stats) { return stats.cut > cut; }));
  });
  run.finish();
}

// Every byte of a save and every byte of its answer: the connection ends before it. The call must
// succeed on another one, and the turn be there once.
class CutAtEveryByte : public testing::TestWithParam<Direction> {};
INSTANTIATE_TEST_SUITE_P(Faults, CutAtEveryByte,
                         testing::Values(Direction::to_server, Direction::to_client),
                         [](const auto& info) {
                           return info.param == Direction::to_server ? "OfTheRequest"
                                                                     : "OfTheAnswer";
                         });

TEST_P(CutAtEveryByte, TheSaveTakesEffectOnce) {
  RedisServer server;
  TcpProxy proxy(server.port());
  const auto space = "namespace=" + unique_name();
  const auto storage = context_storage_factory(proxy.uri("seal_after=4&" + space));
  const auto direct = context_storage_factory(server.uri(space));
  const auto traffic = [&] { return proxy.stats().forwarded_in(GetParam()); };
  Context context;
  int turn = 0;
  const auto save = [&] {
    context.add_request(std::to_string(++turn));
    storage->set_item("k", context);
  };
  // The first ones bring the connection and the scripts; of the others, how large the largest is.
  for (int i = 0; i < 8; ++i) save();
  std::uint64_t largest = 0;
  for (int i = 0; i < 12; ++i) {
    const auto before = traffic();
    save();
    largest = std::max(largest, traffic() - before);
  }
  ASSERT_LT(largest, 1000U);
  std::uint64_t cuts = 0;
  for (std::uint64_t bytes = 0; bytes <= largest; ++bytes) {
    const auto before = proxy.stats().cut;
    const auto is_cut = [&] { return proxy.stats().cut > before; };
    // Only every fourth save, the one that seals, is as large as the largest.
    for (int i = 0; i < 8 && !is_cut(); ++i) {
      proxy.cut_after(GetParam(), bytes, bytes % 2 == 0 ? CutKind::close : CutKind::reset);
      save();
      proxy.heal();
    }
    cuts += is_cut() ? 1 : 0;
    if (bytes % 32 != 31) continue;
    const auto marks = marks_of(direct->get_item("k"));
    ASSERT_EQ(marks, marks_of(context)) << "after " << bytes << " bytes";
    ASSERT_EQ(std::set<int>(marks.begin(), marks.end()).size(), marks.size());
    ASSERT_TRUE(direct->del_item("k"));
    context = Context();
  }
  EXPECT_EQ(marks_of(direct->get_item("k")), marks_of(context));
  EXPECT_GE(cuts, largest);
  std::cout << cuts << " cuts in saves of at most " << largest << " bytes\n";
}

}  // namespace
}  // namespace dialogstore::test
