#include "contract/contract.hpp"

#include <algorithm>
#include <cstdlib>

namespace dialogstore {

void PrintTo(errc code, std::ostream* out) {
  *out << (code == errc{} ? std::string_view("success") : to_string(code));
}

void PrintTo(const Context& context, std::ostream* out) {
  if (context.is_complete()) {
    *out << context.to_json();
    return;
  }
  *out << "partial context, turns";
  for (const std::int64_t index : context.turn_indices()) {
    *out << ' ' << index;
  }
  *out << ", misc " << context.misc().to_text();
}

namespace test {
namespace {

// Small, so that tests with a few contexts see some leave it.
constexpr std::size_t small_cache = 2;

}  // namespace

void PrintTo(const Setup& setup, std::ostream* out) {
  *out << to_string(setup.kind) << (setup.face == Face::blocking ? " blocking" : " async");
}

std::vector<Setup> all_setups() {
  std::vector<Setup> setups;
  for (const StoreKind kind :
       {StoreKind::memory, StoreKind::sqlite, StoreKind::redis_tcp, StoreKind::redis_unix}) {
    for (const Face face : {Face::blocking, Face::async}) {
      const bool is_cached = (kind == StoreKind::redis_unix) == (face == Face::blocking);
      setups.push_back({.kind = kind, .face = face, .cache = is_cached ? small_cache : 0});
    }
  }
  setups.push_back({.kind = StoreKind::memory, .face = Face::blocking, .is_encrypted = true});
  setups.push_back({.kind = StoreKind::redis_tcp, .face = Face::async, .is_encrypted = true});
  setups.push_back(
      {.kind = StoreKind::redis_cluster, .face = Face::blocking, .cache = small_cache});
  setups.push_back({.kind = StoreKind::redis_cluster, .face = Face::async});
  return setups;
}

std::vector<Setup> store_setups() {
  return {{.kind = StoreKind::memory, .face = Face::blocking},
          {.kind = StoreKind::sqlite, .face = Face::async},
          {.kind = StoreKind::redis_tcp, .face = Face::async},
          {.kind = StoreKind::redis_cluster, .face = Face::async}};
}

std::vector<Setup> log_setups() {
  std::vector<Setup> setups;
  for (const StoreKind kind : {StoreKind::memory, StoreKind::sqlite, StoreKind::redis_unix}) {
    for (const History history : {History::all, History::recent}) {
      for (const std::uint16_t seal_after :
           {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{8}}) {
        // Alternating: the faces differ above the log only.
        const Face face = setups.size() % 2 == 0 ? Face::async : Face::blocking;
        setups.push_back({.kind = kind,
                          .face = face,
                          .history = history,
                          .seal_after = seal_after,
                          .cache = seal_after == 1 ? 0 : small_cache});
      }
    }
  }
  setups.push_back({.kind = StoreKind::memory,
                    .face = Face::blocking,
                    .history = History::recent,
                    .seal_after = 2,
                    .is_encrypted = true});
  setups.push_back({.kind = StoreKind::sqlite,
                    .face = Face::async,
                    .seal_after = 1,
                    .cache = small_cache,
                    .is_encrypted = true});
  setups.push_back({.kind = StoreKind::redis_cluster,
                    .face = Face::blocking,
                    .history = History::recent,
                    .seal_after = 2,
                    .cache = small_cache});
  setups.push_back({.kind = StoreKind::redis_cluster, .face = Face::async, .seal_after = 1});
  return setups;
}

std::string setup_name(const testing::TestParamInfo<Setup>& info) {
  const Setup& setup = info.param;
  std::string name(to_string(setup.kind));
  name += setup.face == Face::blocking ? "_blocking" : "_async";
  if (setup.history == History::recent || setup.seal_after != StorageOptions{}.seal_after) {
    name += setup.history == History::all ? "_all_" : "_recent_";
    name += std::to_string(setup.seal_after);
  }
  if (setup.cache > 0) name += "_cached";
  if (setup.is_encrypted) name += "_encrypted";
  return name;
}

StorageOptions ContractTest::options() const {
  StorageOptions options = store.options();
  options.history = GetParam().history;
  options.seal_after = GetParam().seal_after;
  options.cache = GetParam().cache;
  return options;
}

Client ContractTest::open(const StorageOptions& options) {
  return {store.open(options), GetParam().face};
}

Client ContractTest::open(ConflictPolicy policy) {
  StorageOptions changed = options();
  changed.on_conflict = policy;
  return open(changed);
}

errc code_in(const std::exception_ptr& error) {
  return static_cast<errc>(code_of(error).value());
}

std::int64_t add_turn(Context& context, const std::string& text) {
  const std::int64_t index = context.add_request(text);
  context.set_label(index, {.flow = "flow", .node = text});
  context.set_response(index, "re: " + text);
  return index;
}

Context dialog(std::size_t turns, const std::string& tag) {
  Context context(Json("id of " + tag));
  for (std::size_t i = 0; i < turns; ++i) {
    add_turn(context, tag + std::to_string(i));
  }
  context.set_misc("tag", tag);
  return context;
}

Turn turn_of(const std::string& text) {
  return {.label = Label{.flow = "flow", .node = text},
          .request = Message(text),
          .response = Message("re: " + text)};
}

std::vector<std::string> texts(const Context& context) {
  std::vector<std::string> all;
  for (const auto& [index, request] : context.requests()) {
    all.push_back(request.text.value_or("-"));
  }
  return all;
}

std::vector<std::string> texts(const std::vector<Turn>& turns) {
  std::vector<std::string> all;
  for (const Turn& turn : turns) {
    all.push_back(turn.request ? turn.request->text.value_or("-") : "-");
  }
  return all;
}

// One is enough when it has all its parts.
bool newest_is_whole(const Context& context, const std::vector<std::int64_t>& indices) {
  if (indices.empty()) return false;
  const auto newest = context.turn(indices.back());
  return newest->label && newest->request && newest->response;
}

testing::AssertionResult is_tail_of(const Context& loaded, const Context& complete,
                                    std::size_t least) {
  const std::vector<std::int64_t> some = loaded.turn_indices();
  std::vector<std::int64_t> all = complete.turn_indices();
  if (loaded.is_complete()) {
    return loaded == complete ? testing::AssertionSuccess()
                              : testing::AssertionFailure()
                                    << testing::PrintToString(loaded) << "\nis not\n"
                                    << testing::PrintToString(complete);
  }
  if (newest_is_whole(complete, all)) least = std::min<std::size_t>(least, 1);
  if (some.size() < std::min(least, all.size())) {
    return testing::AssertionFailure() << "only " << some.size() << " of " << all.size();
  }
  if (!std::equal(some.rbegin(), some.rend(), all.rbegin(),
                  all.rbegin() + std::min(std::ssize(some), std::ssize(all)))) {
    return testing::AssertionFailure() << "not the newest turns";
  }
  for (const std::int64_t index : some) {
    if (loaded.turn(index) != complete.turn(index)) {
      return testing::AssertionFailure() << "turn " << index << " differs";
    }
  }
  if (loaded.id() != complete.id() || loaded.misc() != complete.misc() ||
      loaded.framework_states() != complete.framework_states() ||
      loaded.extra() != complete.extra() || loaded.validation() != complete.validation()) {
    return testing::AssertionFailure() << "the state differs: " << testing::PrintToString(loaded);
  }
  return testing::AssertionSuccess();
}

std::uint64_t test_seed(std::uint64_t otherwise) {
  const char* given = std::getenv("DIALOGSTORE_TEST_SEED");
  return given == nullptr || *given == '\0' ? otherwise : std::strtoull(given, nullptr, 10);
}

}  // namespace test
}  // namespace dialogstore
