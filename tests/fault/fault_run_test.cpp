// The fault tests themselves: each thing they look for is planted behind the library's back, and
// must be found. A check that cannot fail proves nothing.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

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

// The score of an entry that is written now: a listing removes old ones of nothing by itself.
std::string now_us(RedisServer& server) {
  const auto time = server.command({"TIME"}).texts();
  return time.at(0) + std::string(6 - time.at(1).size(), '0') + time.at(1);
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
       auto row = server.command({"LINDEX", name_in(space, key), "0"}).text;
       row.back() = static_cast<char>(row.back() ^ 1);
       server.command({"LSET", name_in(space, key), "0", row});
     },
     "does not decode"},
    {"AContextThatNobodyStored",
     [](auto& server, const auto& space, const auto& key) {
       server.command({"COPY", name_in(space, key), name_in(space, "ghost")});
     },
     "behind the library's back"},
    {"AnEntryThatNobodyWrote",
     [](auto& server, const auto& space, const auto& /*key*/) {
       server.command({"ZADD", space + ":index:0", now_us(server), "ghost"});
     },
     "nobody left the entry ghost, which nobody used"},
    {"AnEntryThatOutlivesItsContext",
     [](auto& server, const auto& space, const auto& key) {
       const auto storage = context_storage_factory(server.uri("namespace=" + space));
       EXPECT_TRUE(storage->del_item(key));
       server.command({"ZADD", space + ":index:0", now_us(server), key});
     },
     "nobody left the entry c"},
};

/// What gtest was told meanwhile.
std::string told_by(const std::function<void()>& test) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter listen(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    test();
  }
  std::string said;
  for (int i = 0; i < results.size(); ++i) said += results.GetTestPartResult(i).message();
  return said;
}

class PlantedDefect : public testing::TestWithParam<Planted> {};
INSTANTIATE_TEST_SUITE_P(FaultRun, PlantedDefect, testing::ValuesIn(planted),
                         [](const auto& info) { return info.param.name; });

/// What a run says in which the defect was planted; nothing when no context had turns that a later
/// seal has not put into a page: how callers interleave is chance.
std::optional<std::string> told_of(const Planted& defect) {
  RedisServer server;
  auto options = storages_at(server, "timeout=10s");
  options.has_erases = false;
  options.is_paced = true;
  bool is_planted = false;
  const auto said = told_by([&] {
    FaultRun run({.name = "", .promise = "", .told = {}}, options, server);
    static_cast<void>(run.workload().goes_on(30));
    run.workload().stop();
    for (std::uint64_t i = 0; i < options.contexts && !is_planted; ++i) {
      const auto key = run.workload().a_key(i);
      const auto name = run.name_of(key);
      if (!server.command({"LINDEX", name, "-1"}).text.starts_with('D')) continue;
      defect.spoil(server, name.substr(0, name.find(":{")), key);
      is_planted = true;
    }
    run.finish();
  });
  if (is_planted) return said;
  EXPECT_EQ(said, "");
  return std::nullopt;
}

TEST_P(PlantedDefect, IsFound) {
  constexpr int most_tries = 50;
  std::optional<std::string> said;
  for (int tries = 0; !said && tries < most_tries; ++tries) said = told_of(GetParam());
  ASSERT_TRUE(said.has_value());
  EXPECT_NE(said->find(GetParam().found), std::string::npos) << *said;
}

TEST(FaultRun, FindsAnswersThatNoPromiseAllows) {
  RedisServer server;
  const auto said = told_by([&] {
    FaultRun run({.name = "", .promise = "no call fails", .told = {}}, storages_at(server), server);
    server.command({"CONFIG", "SET", "maxmemory", "1"});
    static_cast<void>(run.workload().are_refused(3));
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    run.finish();
  });
  EXPECT_NE(said.find("server_out_of_memory"), std::string::npos) << said;
}

TEST(FaultRun, PacedCallersRestUnlessTheyAreWaitedFor) {
  RedisServer server;
  auto options = storages_at(server, "timeout=10s");
  options.is_paced = true;
  Workload workload(options);
  std::vector<std::pair<Moment, Moment>> rests;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(workload.goes_on(10)) << workload.failure();
    const auto begin = right_now();
    for (int question = 0; question < 20; ++question) server.command({"PING"});
    rests.emplace_back(begin, right_now());
  }
  workload.stop();
  for (const auto& [key, history] : workload.histories()) {
    for (const auto& call : history.calls) {
      for (const auto& [begin, end] : rests) EXPECT_TRUE(call.end < begin || call.begin > end);
    }
  }
}

// Where a primary was deposed, what was acknowledged when all callers had left it must be there.
TEST(FaultRun, FindsALossThatNoDeposedPrimaryExplains) {
  for (const bool is_lost : {false, true}) {
    RedisServer server;
    auto options = storages_at(server, "timeout=10s");
    options.contexts = 1;
    options.turns = 1'000;
    // A turn that is saved later begins later, however long this thread gets no time to run.
    options.is_paced = true;
    const auto said = told_by([&] {
      const auto from = right_now();
      FaultRun run({.name = "", .promise = "", .told = {}, .may_lose = true}, options, server);
      static_cast<void>(run.workload().goes_on(10));
      run.allow_loss(AllowedLoss::What::branch, from);
      static_cast<void>(run.workload().goes_on(30));
      run.workload().stop();
      const auto name = run.name_of(run.workload().a_key(0));
      if (is_lost) server.command({"LTRIM", name, "0", "-2"});
      run.finish();
    });
    if (!is_lost) {
      EXPECT_EQ(said, "");
    } else {
      EXPECT_NE(said.find("no order explains"), std::string::npos) << said;
    }
  }
}

}  // namespace
}  // namespace dialogstore::test
