// Saves whose outcome nobody knew at first. One that its caller has abandoned, still on its way
// while the context is deleted, and done by the server afterwards: the context must not come back.
// And one that is settled by the next save: with the answer to that its caller knows it is stored.
#include <gtest/gtest.h>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"
#include "support/tcp_proxy.hpp"

namespace dialogstore::test {
namespace {

errc error_of_save(DBContextStorage& storage, const std::string& key, Context& context,
                   std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  try {
    storage.set_item(key, context, {.timeout = timeout});
    return errc{};
  } catch (const StorageError& error) {
    return error.reason();
  }
}

std::string calls_of_scripts(RedisServer& server) {
  return server.info("cmdstat_evalsha") + server.info("cmdstat_eval");
}

struct Abandoned {
  const char* name;
  bool is_first;  ///< the abandoned save is a first one, of a context that others create and delete
  bool comes_again;  ///< the context is stored anew before the late save arrives
};

class AbandonedSave : public testing::TestWithParam<Abandoned> {};
INSTANTIATE_TEST_SUITE_P(Faults, AbandonedSave,
                         testing::Values(Abandoned{"OfAStoredContext", false, false},
                                         Abandoned{"OfAContextStoredAnew", false, true},
                                         Abandoned{"OfAFirstTurn", true, false},
                                         Abandoned{"OfAFirstTurnOfAContextStoredAnew", true, true}),
                         [](const auto& info) { return info.param.name; });

TEST_P(AbandonedSave, BringsNothingBack) {
  RedisServer server;
  TcpProxy proxy(server.port());
  const auto space = "namespace=" + unique_name();
  const auto direct = context_storage_factory(server.uri(space));
  auto time_of_call = std::chrono::milliseconds(30);
  for (int round = 0; round < 20; ++round) {
    const auto key = "k" + std::to_string(round) + "t" + std::to_string(time_of_call.count());
    // Each its own connection, which the abandoned save is the last to use.
    const auto storage = context_storage_factory(proxy.uri("timeout=5s&" + space));
    Context mine = storage->get(key, Context());
    mine.add_request("1");
    if (GetParam().is_first) {
      storage->set_item("other", Context());  // so that the scripts are known, and the line is open
    } else {
      storage->set_item(key, mine);
      mine.add_request("2");
    }
    proxy.stall(Direction::to_server);
    Context copy(mine);
    EXPECT_NE(error_of_save(*storage, key, copy, time_of_call), errc{});
    Context theirs = direct->get(key, Context());
    if (GetParam().is_first) {
      theirs.add_request("3");
      direct->set_item(key, theirs);
    }
    ASSERT_TRUE(direct->del_item(key));
    if (GetParam().comes_again) {
      Context again = direct->get(key, Context());
      again.add_request("4");
      direct->set_item(key, again);
    }
    const auto before = calls_of_scripts(server);
    proxy.heal();
    const auto comes = [&] { return calls_of_scripts(server) != before; };
    if (!eventually(comes, std::chrono::seconds(2))) {
      // It had no time to be sent, and is not on its way.
      time_of_call *= 2;
      ASSERT_LT(time_of_call, std::chrono::seconds(20)) << "it never came";
      --round;
      continue;
    }
    const auto found = direct->find(key);
    ASSERT_EQ(found.has_value(), GetParam().comes_again) << round;
    if (found) {
      EXPECT_EQ(marks_of(*found), Turns{4});
    }
    // Its caller, who asks again after all, is told.
    if (!GetParam().is_first) {
      EXPECT_NE(error_of_save(*storage, key, mine), errc{});
    }
  }
  const auto report = direct->check(false);
  EXPECT_TRUE(report.damaged.empty());
  EXPECT_EQ(report.unlisted, 0U);
}

// There is nothing else to save, so nothing else is to be asked: it could fail, as here, where the
// line ends with the last byte of the answer that settled the save and no other is to be had. The
// caller would be told that nothing was written, of a turn that is stored.
TEST(Faults, ASettledSaveIsOverWithItsAnswer) {
  RedisServer server;
  TcpProxy proxy(server.port());
  const auto space = "namespace=" + unique_name();
  const auto storage = context_storage_factory(proxy.uri(space));
  const auto direct = context_storage_factory(server.uri(space));
  Context mine;
  Turns turns{0};
  mine.add_request("0");
  storage->set_item("k", mine);
  std::uint64_t answer = 0;  // bytes of it, which are the same each time
  for (const bool is_cut : {false, true}) {
    turns.push_back(static_cast<int>(turns.size()));
    mine.add_request(std::to_string(turns.back()));
    Context other;
    storage->set_item("other", other);  // so that the scripts are known, and the line is open
    proxy.stall(Direction::to_client);
    EXPECT_EQ(error_of_save(*storage, "k", mine, std::chrono::milliseconds(500)),
              errc::outcome_unknown);
    ASSERT_TRUE(eventually([&] { return marks_of(direct->get("k", Context())) == turns; }));
    proxy.heal();
    storage->set_item("other", other);
    const auto before = proxy.stats();
    if (is_cut) {
      proxy.refuse();
      proxy.cut_after(Direction::to_client, answer, CutKind::close);
    }
    EXPECT_EQ(error_of_save(*storage, "k", mine, std::chrono::seconds(3)), errc{});
    answer = proxy.stats().forwarded_in(Direction::to_client) -
             before.forwarded_in(Direction::to_client);
    EXPECT_EQ(proxy.stats().cut, before.cut + (is_cut ? 1 : 0));
    EXPECT_FALSE(mine.has_pending_save());
    proxy.heal();
    EXPECT_EQ(marks_of(direct->get_item("k")), turns);
  }
}

}  // namespace
}  // namespace dialogstore::test
