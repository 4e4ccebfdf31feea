// The fault tests themselves: each thing they look for is planted behind the library's back, and
// must be found. A check that cannot fail proves nothing.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"

namespace dialogstore::test {
namespace {

struct Planted {
  const char* name;
  /// Spoils the context of this name in Redis.
  void (*spoil)(RedisServer& server, const std::string& space, const std::string& key);
  const char* found;  ///< part of what the run says then
};

std::string name_in(const std::string& space, const std::string& key) {
  return space + ":{" + key + "}";
}

const std::vector<Planted> planted = {
    {"ALostTurn",
     [](auto& server, const auto& space, const auto& key) {
       server.command({"LTRIM", name_in(space, key), "0", "-2"});
     },
     "acknowledged turns are lost"},
    {"ALostContext",
     [](auto& server, const auto& space, const auto& key) {
       server.command({"DEL", name_in(space, key)});
     },
     "no order explains"},
    {"AnUnlistedContext",
     [](auto& server, const auto& space, const auto& key) {
       EXPECT_EQ(server.command({"ZREM", space + ":index:0", key}).integer, 1);
     },
     "sound.unlisted"},
    {"ADamagedContext",
     [](auto& server, const auto& space, const auto& key) {
       const auto row = server.command({"LINDEX", name_in(space, key), "0"}).text;
       server.command({"LSET", name_in(space, key), "0", row.substr(0, row.size() - 1) + "\1"});
     },
     "does not decode"},
    {"AContextThatNobodyStored",
     [](auto& server, const auto& space, const auto& key) {
       server.command({"COPY", name_in(space, key), name_in(space, "ghost")});
     },
     "behind the library's back"},
};

class PlantedDefect : public testing::TestWithParam<Planted> {};
INSTANTIATE_TEST_SUITE_P(FaultRun, PlantedDefect, testing::ValuesIn(planted),
                         [](const auto& info) { return info.param.name; });

TEST_P(PlantedDefect, IsFound) {
  RedisServer server;
  auto options = storages_at(server, "timeout=10s");
  options.has_erases = false;
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter listen(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    FaultRun run({.name = "", .promise = "", .told = {}}, options, server);
    static_cast<void>(run.workload().goes_on(30));
    run.workload().stop();
    // One that has turns.
    for (std::uint64_t i = 0; i < options.contexts; ++i) {
      const auto name = run.name_of(run.workload().a_key(i));
      if (server.command({"LLEN", name}).integer < 3) continue;
      const auto brace = name.find(":{");
      GetParam().spoil(server, name.substr(0, brace), run.workload().a_key(i));
      break;
    }
    run.finish();
  }
  std::string said;
  for (int i = 0; i < results.size(); ++i) said += results.GetTestPartResult(i).message();
  EXPECT_NE(said.find(GetParam().found), std::string::npos) << said;
}

TEST(FaultRun, FindsAnswersThatNoPromiseAllows) {
  RedisServer server;
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter listen(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    FaultRun run({.name = "", .promise = "no call fails", .told = {}}, storages_at(server), server);
    server.command({"CONFIG", "SET", "maxmemory", "1"});
    static_cast<void>(run.workload().are_refused(3));
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    run.finish();
  }
  std::string said;
  for (int i = 0; i < results.size(); ++i) said += results.GetTestPartResult(i).message();
  EXPECT_NE(said.find("server_out_of_memory"), std::string::npos) << said;
}

}  // namespace
}  // namespace dialogstore::test
