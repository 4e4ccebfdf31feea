// Random operations on a store and on memory, which is the oracle: every answer, every error and
// every context must be the same at every step. DIALOGSTORE_TEST_SEED repeats a run,
// DIALOGSTORE_TEST_STEPS makes it longer.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "contract/contract.hpp"

namespace dialogstore::test {
namespace {

std::size_t steps() {
  const char* given = std::getenv("DIALOGSTORE_TEST_STEPS");
  return given == nullptr || *given == '\0' ? 250 : std::strtoull(given, nullptr, 10);
}

// What a call gave, as text.
template <class Call>
std::string outcome(Call&& call) {
  try {
    return call();
  } catch (const StorageError& error) {
    return std::string("error ") + std::string(to_string(error.reason()));
  }
}

// The order of members is kept, but for one erased and set again between two saves.
std::string sorted(const JsonObject& object) {
  const std::map<std::string, Json> members(object.begin(), object.end());
  std::string text;
  for (const auto& [name, value] : members) {
    text += name + ":" + std::string(value.text()) + ",";
  }
  return text + ";";
}

std::string text_of(const Context& context) {
  std::string text;
  for (const std::int64_t index : context.turn_indices()) {
    const Turn turn = *context.turn(index);
    text += std::to_string(index) + (turn.label ? turn.label->to_json() : "-") +
            (turn.request ? turn.request->to_json() : "-") +
            (turn.response ? turn.response->to_json() : "-") + "\n";
  }
  return text + std::string(context.id().text()) + sorted(context.misc()) +
         sorted(context.framework_states()) + sorted(context.extra()) +
         (context.validation() ? "validation" : "") + (context.is_complete() ? "" : "partial");
}

// One world of the two: storages and the contexts somebody holds.
struct Side {
  Side(StoreKind kind, Face face, const std::vector<StorageOptions>& all, bool is_encrypted = false)
      : store(kind, is_encrypted) {
    for (StorageOptions options : all) {
      options.name_space = store.name_space();
      options.timeout = store.options().timeout;
      options.encryption = store.options().encryption;
      clients.emplace_back(store.open(options), face);
    }
  }
  Store store;
  std::vector<Client> clients;
  std::map<std::string, Context> held;
};

class Differential : public testing::TestWithParam<std::tuple<StoreKind, int>> {
 protected:
  using Random = std::mt19937_64;

  std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  bool one_in(std::uint64_t count) { return pick(count) == 0; }

  // The same change on either side: it may depend on the context, which is the same too.
  std::function<void(Context&)> change();
  std::string operate(Side& side, const std::string& key, std::size_t client, int operation,
                      const std::function<void(Context&)>& change, CallOptions call,
                      std::int64_t number);

  std::uint64_t seed_ = test_seed(static_cast<std::uint64_t>(std::get<1>(GetParam())));
  Random random_{seed_};
  int texts_ = 0;
};

std::function<void(Context&)> Differential::change() {
  const std::string text = "text " + std::to_string(++texts_) + std::string(pick(200), 'x');
  const std::uint64_t a = pick(1'000'000);
  const std::string name = "m" + std::to_string(pick(5));
  const auto index_in = [a](const Context& context) {
    const auto all = context.turn_indices();
    return all.empty() ? std::int64_t{0} : all[a % all.size()];
  };
  switch (pick(16)) {
    case 0:
      return [=](Context& c) { c.set_misc(name, Json(a)); };
    case 1:
      return [=](Context& c) { c.erase_misc(name); };
    case 2:
      return [=](Context& c) { c.set_framework_state(name, Json(text)); };
    case 3:
      return [=](Context& c) { c.erase_framework_state(name); };
    case 4:
      return
          [=](Context& c) { a % 2 == 0 ? c.set_extra(name, Json(a)) : void(c.erase_extra(name)); };
    case 5:
      return [=](Context& c) { c.set_validation(a % 2 == 0), c.set_id(Json(a)); };
    case 6:
      return [=](Context& c) { c.set_request(index_in(c), Message(text)); };
    case 7:
      return [=](Context& c) { c.set_last_response(Message(text)); };
    case 8:
      return [=](Context& c) { c.erase(index_in(c), static_cast<TurnPart>(a % 3)); };
    case 9:
      return [=](Context& c) {
        if (a % 4 == 0) {
          c.clear(a % 13);
        }
      };
    case 10:
      return [=](Context& c) {
        for (std::uint64_t i = 0; i < a % 40; ++i) {
          add_turn(c, text + std::to_string(i));
        }
      };
    case 11:
      return [=](Context& c) { c.add_request(Message(text)); };
    default:
      return [=](Context& c) { add_turn(c, text); };
  }
}

std::string Differential::operate(Side& side, const std::string& key, std::size_t number,
                                  int operation, const std::function<void(Context&)>& change,
                                  CallOptions call, std::int64_t index) {
  Client& client = side.clients[number];
  const std::string place = key + "/" + std::to_string(number);
  const auto held = side.held.find(place);
  switch (operation) {
    case 0:
      return client.contains(key, call) ? "yes" : "no";
    case 1:
      return std::to_string(client.len(call));
    case 2:
      return client.del_item(key, call) ? "deleted" : "none";
    case 3:
      return text_of(client.get_item(key, call));
    case 4: {
      std::string all;
      for (const Turn& turn : client.load_turns(key, index, index + 9, call)) {
        all += std::to_string(turn.index) + (turn.request ? turn.request->to_json() : "-");
      }
      return all;
    }
    case 5:
    case 6:
      return std::to_string(
          client.append(key, turn_of("appended " + std::to_string(texts_)), call));
    case 7: {
      Context fresh(Json("fresh"));
      change(fresh);
      client.create(key, fresh, call);
      side.held.insert_or_assign(place, fresh);
      return text_of(fresh);
    }
    case 8: {
      Context fresh(Json("fresh"));
      change(fresh);
      client.set_item(key, fresh, call);
      side.held.insert_or_assign(place, fresh);
      return text_of(fresh);
    }
    case 9: {
      std::vector<std::string> keys = client.keys({.page_size = 2});
      std::sort(keys.begin(), keys.end());
      std::string all;
      for (const std::string& listed : keys) {
        all += listed + " ";
      }
      return all;
    }
    default:
      break;
  }
  if (held == side.held.end() || operation < 13) {
    side.held.insert_or_assign(place, client.get_item(key, call));
    return text_of(side.held.at(place));
  }
  change(held->second);
  try {
    client.set_item(key, held->second, call);
  } catch (const StorageError& error) {
    side.held.erase(held);
    throw;
  }
  return text_of(held->second);
}

TEST_P(Differential, IsTheSameAsMemory) {
  SCOPED_TRACE("DIALOGSTORE_TEST_SEED=" + std::to_string(seed_));
  std::vector<StorageOptions> all(4);
  all[0] = {.on_conflict = ConflictPolicy::fail, .history = History::all, .seal_after = 2};
  all[1] = {.on_conflict = ConflictPolicy::merge, .history = History::recent, .seal_after = 3};
  all[2] = {.on_conflict = ConflictPolicy::merge, .history = History::all, .seal_after = 8};
  all[3] = {.on_conflict = ConflictPolicy::overwrite, .history = History::all, .seal_after = 1};
  Side memory(StoreKind::memory, Face::blocking, all);
  const bool is_encrypted = std::get<1>(GetParam()) % 2 == 0;
  Side other(std::get<0>(GetParam()), Face::async, all, is_encrypted);
  for (std::size_t step = 0; step < steps(); ++step) {
    const std::string key = "key " + std::to_string(pick(3));
    const std::size_t client = pick(all.size());
    const int operation = static_cast<int>(pick(24));
    const auto what = change();
    CallOptions call;
    if (one_in(6)) {
      call.on_conflict = static_cast<ConflictPolicy>(pick(3));
    }
    if (one_in(6)) {
      call.history = static_cast<History>(pick(2));
    }
    const auto number = static_cast<std::int64_t>(pick(40)) - 3;
    const auto run = [&](Side& side) {
      return outcome([&] { return operate(side, key, client, operation, what, call, number); });
    };
    const std::string expected = run(memory);
    ASSERT_EQ(run(other), expected) << "step " << step << ", operation " << operation << " on "
                                    << key << " by client " << client;
    // Whoever saved what: both hold the same, and a load of all of it says so.
    const auto stored = [&](Side& side) {
      return outcome([&] { return text_of(side.clients[0].get_item(key)); });
    };
    const std::string in_memory = stored(memory);
    ASSERT_EQ(stored(other), in_memory) << "step " << step << ", operation " << operation;
    if (operation >= 13 && !expected.starts_with("error") && !expected.ends_with("partial")) {
      ASSERT_EQ(expected, in_memory) << "what was saved is what is stored, step " << step;
    }
  }
  EXPECT_TRUE(other.clients[0].check(false).sound());
  EXPECT_TRUE(memory.clients[0].check(false).sound());
}

INSTANTIATE_TEST_SUITE_P(Random, Differential,
                         testing::Combine(testing::Values(StoreKind::memory, StoreKind::sqlite,
                                                          StoreKind::redis_tcp,
                                                          StoreKind::redis_cluster),
                                          testing::Range(1, 9)),
                         [](const auto& param) {
                           return std::string(to_string(std::get<0>(param.param))) + "_" +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace dialogstore::test
