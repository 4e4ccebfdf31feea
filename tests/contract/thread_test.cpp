// Calls from many threads, and storages that are closed or destroyed under their calls.
#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <latch>
#include <thread>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class Threads : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Threads, testing::ValuesIn(all_setups()), setup_name);

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::future<void>> ends;
  for (int t = 0; t < count; ++t) {
    ends.push_back(std::async(std::launch::async, work, t));
  }
  for (auto& end : ends) {
    end.get();
  }
}

// Keeps the storage's own thread busy until released, so that calls pile up in front of it.
class Held {
 public:
  explicit Held(DBContextStorage& storage) {
    asio::post(storage.get_executor(), [this] {
      held_.count_down();
      release_.get_future().wait();
      done_.count_down();
    });
    held_.wait();
  }
  ~Held() { release(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  void release() {
    if (!released_) {
      released_ = true;
      release_.set_value();
      done_.wait();
    }
  }

 private:
  std::latch held_{1};
  std::latch done_{1};
  std::promise<void> release_;
  bool released_ = false;
};

// A loop may go as soon as the handler has run: the storage has let go of it by then.
TEST_P(Threads, ACallersLoopMayGoWithItsCall) {
  const auto storage = store.open();
  for (int i = 0; i < 300; ++i) {
    bool is_done = false;
    asio::io_context loop;
    storage->contains_async(
        "k", asio::bind_executor(loop.get_executor(), [&](std::exception_ptr error, bool found) {
          EXPECT_EQ(error, nullptr);
          EXPECT_FALSE(found);
          is_done = true;
        }));
    loop.run();
    ASSERT_TRUE(is_done);
  }
}

TEST_P(Threads, EachWithKeysOfItsOwn) {
  Client client = open();
  in_threads(8, [&](int t) {
    const std::string mine = "thread " + std::to_string(t) + " ";
    for (int i = 0; i < 6; ++i) {
      const std::string key = mine + std::to_string(i);
      Context context = dialog(static_cast<std::size_t>(i), key);
      client.create(key, context);
      add_turn(context, "more");
      client.set_item(key, context);
      ASSERT_EQ(client.get_item(key), context);
      ASSERT_EQ(client.append(key, turn_of("last")), i + 1);
      ASSERT_EQ(client.load_turns(key, 0, 100).size(), static_cast<std::size_t>(i) + 2);
      ASSERT_GE(client.len(), 1U);
      if (i % 2 == 0) {
        ASSERT_TRUE(client.del_item(key));
        ASSERT_FALSE(client.contains(key));
      }
    }
  });
  EXPECT_EQ(client.len(), 24U);
  EXPECT_TRUE(client.check(false).sound());
}

TEST_P(Threads, MergingIntoOneContextLosesNoTurn) {
  constexpr int threads = 6;
  constexpr int each = 6;
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(open(ConflictPolicy::merge));
  }
  clients[0].set_item("k", dialog(0));
  in_threads(threads, [&](int t) {
    Client& client = clients[static_cast<std::size_t>(t) % clients.size()];
    Context mine = client.get_item("k");
    for (int i = 0; i < each; ++i) {
      add_turn(mine, std::to_string(t) + "." + std::to_string(i));
      client.set_item("k", mine);
    }
  });
  const Context stored = clients[0].get_item("k");
  EXPECT_EQ(stored.turn_count(), static_cast<std::size_t>(threads * each));
  std::vector<int> next(threads, 0);
  for (const std::string& text : texts(stored)) {
    const std::size_t dot = text.find('.');
    ASSERT_NE(dot, std::string::npos);
    const auto t = static_cast<std::size_t>(std::stoi(text.substr(0, dot)));
    EXPECT_EQ(std::stoi(text.substr(dot + 1)), next[t]++) << "each writer's turns are in order";
  }
}

TEST_P(Threads, OnlyOneCreateSucceeds) {
  Client one = open();
  Client two = open();
  for (int round = 0; round < 4; ++round) {
    std::atomic<int> created = 0;
    in_threads(6, [&](int t) {
      Context mine = dialog(1, std::to_string(t));
      const errc error = error_of([&] { return (t % 2 == 0 ? one : two).create(round, mine), 0; });
      if (error == errc{}) {
        ++created;
      } else {
        EXPECT_EQ(error, errc::already_exists);
      }
    });
    EXPECT_EQ(created, 1);
  }
}

TEST_P(Threads, OfSeveralDeletesOneSaysThereWasOne) {
  Client one = open();
  Client two = open();
  for (int round = 0; round < 4; ++round) {
    one.set_item(round, dialog(3));
    std::atomic<int> deleted = 0;
    in_threads(6, [&](int t) { deleted += (t % 2 == 0 ? one : two).del_item(round) ? 1 : 0; });
    EXPECT_EQ(deleted, 1);
    EXPECT_FALSE(one.contains(round));
  }
  EXPECT_EQ(one.len(), 0U);
}

TEST_P(Threads, ABlockingCallOnTheStoragesThreadIsRefused) {
  const auto storage = store.open();
  std::promise<std::vector<errc>> ended;
  asio::post(storage->get_executor(), [&] {
    std::vector<errc> codes;
    Context context;
    codes.push_back(error_of([&] { return storage->contains("k"); }));
    codes.push_back(error_of([&] { return storage->set_item("k", context), 0; }));
    codes.push_back(error_of([&] { return storage->set_item("k", Context()), 0; }));
    codes.push_back(error_of([&] { return storage->get_item("k"); }));
    codes.push_back(error_of([&] { return storage->get("k", context); }));
    codes.push_back(error_of([&] { return storage->find("k"); }));
    codes.push_back(error_of([&] { return storage->del_item("k"); }));
    codes.push_back(error_of([&] { return storage->len(); }));
    codes.push_back(error_of([&] { return storage->clear(); }));
    codes.push_back(error_of([&] { return storage->create("k", context), 0; }));
    codes.push_back(error_of([&] { return storage->append("k", {}); }));
    codes.push_back(error_of([&] { return storage->load_turns("k", 0, 1); }));
    codes.push_back(error_of([&] { return storage->watch("k", 0); }));
    codes.push_back(error_of([&] { return storage->scan(); }));
    codes.push_back(error_of([&] { return storage->get_items({"k"}); }));
    codes.push_back(error_of([&] { return storage->set_items({{"k", &context}}); }));
    codes.push_back(error_of([&] { return storage->del_items({"k"}); }));
    codes.push_back(error_of([&] { return storage->check(false); }));
    codes.push_back(error_of([&] { return storage->statistics(); }));
    ended.set_value(codes);
  });
  for (const errc code : ended.get_future().get()) {
    EXPECT_EQ(code, errc::would_deadlock);
  }
  EXPECT_EQ(storage->len(), 0U) << "and nothing was done";
}

TEST_P(Threads, OneObjectIsSavedByOneCallAtATime) {
  const auto storage = store.open();
  Context context = dialog(2);
  std::vector<std::future<void>> saves;
  {
    Held held(*storage);
    for (int i = 0; i < 4; ++i) {
      saves.push_back(storage->set_item_async("k", context, asio::use_future));
    }
  }
  int saved = 0;
  for (auto& save : saves) {
    const errc error = error_of([&] { return save.get(), 0; });
    EXPECT_TRUE(error == errc{} || error == errc::save_in_progress) << to_string(error);
    saved += error == errc{} ? 1 : 0;
  }
  EXPECT_GE(saved, 1);
  add_turn(context, "more");
  storage->set_item("k", context);
  EXPECT_EQ(storage->get_item("k"), context);
}

// All kinds of calls, started while the storage's thread is held.
std::vector<std::future<errc>> start_calls(DBContextStorage& storage,
                                           std::vector<Context>& contexts) {
  std::vector<std::future<errc>> ends;
  const auto watch = [&](auto future) {
    ends.push_back(std::async(std::launch::deferred, [future = std::move(future)]() mutable {
      return error_of([&] {
        future.get();
        return 0;
      });
    }));
  };
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    Context owned = contexts[i];
    watch(storage.set_item_async(i, contexts[i], asio::use_future));
    watch(storage.set_item_async("owned", std::move(owned), asio::use_future));
    watch(storage.get_async(i, Context(), asio::use_future));
    watch(storage.get_items_async({i, "x", "y"}, asio::use_future));
    watch(storage.del_item_async("x", asio::use_future));
    watch(storage.len_async(asio::use_future));
    watch(storage.scan_async({}, {}, asio::use_future));
    watch(storage.watch_async("never", 0, asio::use_future));
    watch(storage.clear_async(asio::use_future));
    watch(storage.check_async(false, asio::use_future));
  }
  return ends;
}

TEST_P(Threads, ClosingEndsTheCallsInFlight) {
  const auto storage = store.open();
  std::vector<Context> contexts(5);
  std::vector<std::future<errc>> ends;
  std::future<void> closed;  // from a thread of its own, since it waits for the one that is held
  {
    Held held(*storage);
    ends = start_calls(*storage, contexts);
    closed = std::async(std::launch::async, [&] { storage->close(); });
  }
  closed.get();
  for (auto& end : ends) {
    const errc error = end.get();
    EXPECT_TRUE(error == errc{} || error == errc::closed || error == errc::outcome_unknown)
        << to_string(error);
  }
  storage->close();
  EXPECT_EQ(error_of([&] { return storage->len(); }), errc::closed);
  EXPECT_EQ(error_of([&] { return storage->get("k", Context()); }), errc::closed);
  EXPECT_EQ(error_of([&] { return storage->set_item("k", contexts[0]), 0; }), errc::closed);
  EXPECT_EQ(error_of([&] { return storage->len_async(asio::use_future).get(); }), errc::closed);
  EXPECT_EQ(error_of([&] { return storage->get_items({"k", "l"}); }), errc::closed);
  EXPECT_EQ(storage->get_items({}).size(), 0U) << "a batch of nothing needs no storage";
  EXPECT_EQ(error_of([&] { return storage->del_items({"k"}); }), errc::closed);
  EXPECT_EQ(error_of([&] { return storage->get_async("k", Context(), asio::use_future).get(); }),
            errc::closed);
  const auto errors = storage->set_items({{"k", &contexts[0]}, {"l", &contexts[1]}});
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(code_in(errors[1]), errc::closed);
  for (const Context& context : contexts) {
    Context copy = context;
    Client other = open();
    EXPECT_NO_THROW(other.set_item("still usable", copy, {.on_conflict = ConflictPolicy::merge}))
        << "a context outlives the storage that was saving it";
    break;
  }
}

TEST_P(Threads, SoDoesDestroying) {
  auto storage = store.open();
  std::vector<Context> contexts(5);
  std::vector<std::future<errc>> ends = start_calls(*storage, contexts);
  storage.reset();
  for (auto& end : ends) {
    const errc error = end.get();
    EXPECT_TRUE(error == errc{} || error == errc::closed || error == errc::outcome_unknown)
        << to_string(error);
  }
}

TEST_P(Threads, AWatcherEndsWhenTheStorageCloses) {
  const auto storage = store.open();
  auto watch = storage->watch_async("k", 0, asio::use_future);
  static_cast<void>(storage->len());
  const auto start = std::chrono::steady_clock::now();
  storage->close();
  EXPECT_EQ(error_of([&] { return watch.get(); }), errc::closed);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST_P(Threads, TheLastHandleMayGoInAHandler) {
  std::shared_ptr<DBContextStorage> storage = store.open();
  std::promise<errc> ended;
  DBContextStorage& alias = *storage;
  alias.len_async(
      [storage = std::move(storage), &ended](std::exception_ptr error, std::uint64_t) mutable {
        storage.reset();
        ended.set_value(code_in(error));
      });
  EXPECT_EQ(ended.get_future().get(), errc{});
}

TEST_P(Threads, AnUnusedStorageMayGo) {
  static_cast<void>(store.open());
  const auto storage = store.open();
  storage->close();
  storage->close();
}

}  // namespace
}  // namespace dialogstore::test
