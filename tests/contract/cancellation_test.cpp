// Cancelling through a completion token's slot, and deadlines.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>

#include "contract/contract.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class Cancellation : public ContractTest {
 protected:
  // Runs the caller's loop, on this thread, until the call has ended.
  void run_until_ended() {
    while (ends_ < started_) {
      loop_.restart();
      loop_.run_for(100ms);
    }
  }
  // A completion token: the end is noted in `code` on the caller's loop.
  auto token(errc& code) {
    ++started_;
    return asio::bind_executor(
        loop_.get_executor(),
        asio::bind_cancellation_slot(signal_.slot(),
                                     [this, &code](std::exception_ptr error, auto&&...) {
                                       code = code_in(error);
                                       ++ends_;
                                     }));
  }

  asio::io_context loop_;
  asio::cancellation_signal signal_;
  int started_ = 0;
  int ends_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, Cancellation, testing::ValuesIn(store_setups()), setup_name);

TEST_P(Cancellation, OfAWatchEndsItAtOnce) {
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    const auto storage = store.open();
    errc code{};
    storage->watch_async("k", 0, token(code));
    static_cast<void>(storage->len());  // the watch has begun
    signal_.emit(type);
    run_until_ended();
    EXPECT_EQ(code, errc::canceled);
    EXPECT_EQ(storage->len(), 0U);
  }
}

TEST_P(Cancellation, OfAnyCallLeavesTheStorageUsable) {
  const auto storage = store.open();
  Context stored = dialog(3);
  storage->set_item("k", stored);
  Context context = dialog(3, "context");
  Context created = dialog(3, "created");
  Context batched = dialog(3, "batched");
  const std::vector<std::function<void(errc&)>> calls = {
      [&](errc& code) { storage->contains_async("k", token(code)); },
      [&](errc& code) { storage->set_item_async("a", context, token(code)); },
      [&](errc& code) { storage->set_item_async("b", dialog(1), token(code)); },
      [&](errc& code) { storage->get_item_async("k", token(code)); },
      [&](errc& code) { storage->get_async("k", Context(), token(code)); },
      [&](errc& code) { storage->find_async("k", token(code)); },
      [&](errc& code) { storage->del_item_async("absent", token(code)); },
      [&](errc& code) { storage->len_async(token(code)); },
      [&](errc& code) { storage->create_async("c", created, token(code)); },
      [&](errc& code) { storage->append_async("k", turn_of("x"), token(code)); },
      [&](errc& code) { storage->load_turns_async("k", 0, 9, token(code)); },
      [&](errc& code) { storage->scan_async({}, {}, token(code)); },
      [&](errc& code) {
        storage->get_items_async({"k", "l"}, token(code));
      },
      [&](errc& code) {
        storage->set_items_async({{"d", &batched}}, token(code));
      },
      [&](errc& code) { storage->del_items_async({"absent"}, token(code)); },
      [&](errc& code) { storage->check_async(false, token(code)); },
      [&](errc& code) { storage->statistics_async(token(code)); },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    // Sometimes before the call has begun, sometimes in its middle or after its end.
    for (const bool at_once : {true, false}) {
      errc code{};
      calls[i](code);
      if (!at_once) {
        static_cast<void>(storage->contains("k"));
      }
      signal_.emit(asio::cancellation_type::terminal);
      run_until_ended();
      EXPECT_TRUE(code == errc{} || code == errc::canceled || code == errc::outcome_unknown ||
                  (code == errc::already_exists && i == 8))
          << i << ' ' << to_string(code);
    }
  }
  // Whatever became of the cancelled saves, the same objects settle it.
  storage->set_item("a", context);
  storage->set_item("d", batched);
  EXPECT_EQ(storage->get_item("a"), dialog(3, "context"));
  EXPECT_EQ(storage->get_item("d"), dialog(3, "batched"));
  const Context with_appended = storage->get_item("k");
  EXPECT_GE(with_appended.turn_count(), 3U);
  EXPECT_LE(with_appended.turn_count(), 5U) << "an append is done at most once";
  EXPECT_TRUE(storage->check(false).sound());
}

TEST_P(Cancellation, ASaveCancelledAgainAndAgainIsDoneOnce) {
  const auto storage = store.open();
  Context context = dialog(0);
  storage->set_item("k", context);
  for (int i = 0; i < 30; ++i) {
    add_turn(context, "t" + std::to_string(i));
    errc code{};
    storage->set_item_async("k", context, token(code));
    for (int spin = 0; spin < i * 20; ++spin) {
      loop_.poll();
    }
    signal_.emit(asio::cancellation_type::total);
    run_until_ended();
    ASSERT_TRUE(code == errc{} || code == errc::canceled || code == errc::outcome_unknown)
        << to_string(code);
    ASSERT_EQ(context.has_pending_save(), code == errc::outcome_unknown);
    if (i % 4 == 3) {
      storage->set_item("k", context);
      ASSERT_EQ(storage->get_item("k"), context);
    }
  }
  storage->set_item("k", context);
  EXPECT_EQ(storage->get_item("k"), dialog(30).turn_count() == 30 ? context : Context());
  EXPECT_EQ(texts(storage->get_item("k")), texts(dialog(30)));
}

class Deadlines : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Deadlines, testing::ValuesIn(store_setups()), setup_name);

TEST_P(Deadlines, OutOfRangeAreRefused) {
  Client client = open();
  for (const auto timeout : {0ms, -5ms, 600'001ms}) {
    EXPECT_EQ(error_of([&] { return client.len({.timeout = timeout}); }), errc::invalid_argument);
    Context context;
    EXPECT_EQ(error_of([&] { return client.set_item("k", context, {.timeout = timeout}), 0; }),
              errc::invalid_argument);
  }
  EXPECT_EQ(client.len({.timeout = 600'000ms}), 0U);
}

TEST_P(Deadlines, AShortOneEndsInOneOfTwoWays) {
  Client client = open();
  Context context = dialog(0);
  for (int i = 0; i < 20; ++i) {
    add_turn(context, "t" + std::to_string(i));
    const errc error = error_of([&] { return client.set_item("k", context, {.timeout = 1ms}), 0; });
    ASSERT_TRUE(error == errc{} || error == errc::timed_out || error == errc::unavailable ||
                error == errc::outcome_unknown)
        << to_string(error);
  }
  client.set_item("k", context);
  EXPECT_EQ(client.get_item("k"), context);
  EXPECT_EQ(texts(client.get_item("k")), texts(dialog(20)));
}

// A server that hangs: reads end in time, a save's outcome is unknown and settled by the next.
TEST(RedisDeadlines, OfAHangingServer) {
  RedisServer server;
  const auto storage = context_storage_factory(server.uri("timeout=20s"));
  Context context = dialog(3);
  storage->set_item("k", context);
  server.stop_process();
  const auto start = std::chrono::steady_clock::now();
  add_turn(context, "more");
  try {
    storage->set_item("k", context, {.timeout = 150ms});
    ADD_FAILURE() << "saved by a server that hangs";
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), errc::outcome_unknown) << error.what();
    EXPECT_TRUE(is_outcome_unknown(error.code()));
  }
  const errc read = error_of([&] { return storage->find("k", {.timeout = 150ms}); });
  EXPECT_TRUE(read == errc::timed_out || read == errc::unavailable) << to_string(read);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(context.has_pending_save());
  server.continue_process();
  add_turn(context, "and more");
  storage->set_item("k", context);
  EXPECT_FALSE(context.has_pending_save());
  EXPECT_EQ(storage->get_item("k"), context);
  EXPECT_EQ(texts(storage->get_item("k")),
            (std::vector<std::string>{"t0", "t1", "t2", "more", "and more"}));
}

}  // namespace
}  // namespace dialogstore::test
