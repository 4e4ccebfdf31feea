// What the format floor costs for one turn of a dialog: a load of the recent part (keyframe and
// seven deltas, 3 KB) and the plan of a save.
#include <benchmark/benchmark.h>

#include "dialogstore/encryption.hpp"
#include "format/log.hpp"
#include "format/sealed_row.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::format;

void set_part(ContextState& state, std::int64_t index, TurnPart part, std::string text) {
  const auto slot = static_cast<std::size_t>(part);
  state.turns.set_part(index, part, std::move(text));
  state.changes.turns[index] |= static_cast<std::uint8_t>(1U << slot);
  state.next[slot] = std::max(state.next[slot], index + 1);
}

void add_turn(ContextState& state, std::int64_t index) {
  const std::string words =
      "I would like to book a table for two people on Friday evening, please. ";
  set_part(state, index, TurnPart::label, R"(["restaurant","ask_for_the_time"])");
  set_part(state, index, TurnPart::request, "{\"text\":\"" + words + "\"}");
  set_part(state, index, TurnPart::response, "{\"text\":\"" + words + words + "\"}");
}

Token own() {
  static std::uint8_t count = 0;
  return {++count};
}

void keep(std::vector<std::string>& rows, ContextState& state, const PlanResult& result) {
  for (const std::string& row : result.plan.request.rows) rows.push_back(row);
  state.position = result.plan.after;
  state.changes.clear();
}

/// A keyframe and seven deltas of a turn each.
std::vector<std::string> recent_rows(ContextState& state) {
  state.id = Json("f0a1b2c3-0000-4000-8000-000000000001");
  state.misc.set("user", Json::parse(R"({"name":"Ada","language":"en","visits":17})"));
  std::vector<std::string> rows;
  keep(rows, state, plan_replace(state, nullptr, own(), {}));
  for (std::int64_t index = 0; index < 7; ++index) {
    add_turn(state, index);
    keep(rows, state, plan_save(state, own(), {}));
  }
  return rows;
}

void replay_recent(benchmark::State& bench) {
  ContextState written;
  const auto rows = recent_rows(written);
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  std::size_t bytes = 0;
  for (const auto& row : rows) bytes += row.size();
  for (auto _ : bench) {
    ContextState state;
    benchmark::DoNotOptimize(replay(views, false, state));
  }
  bench.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(replay_recent);

RowSealer sealer() {
  return {EncryptionKeys::from_text("a " + std::string(64, '1')).read(), "dialogstore"};
}

/// What encryption adds to a load: compare with replay_recent.
void open_recent(benchmark::State& bench) {
  ContextState written;
  auto rows = recent_rows(written);
  const RowSealer with = sealer();
  with.seal("user-1", rows);
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  for (auto _ : bench) benchmark::DoNotOptimize(with.open("user-1", views, false));
}
BENCHMARK(open_recent);

/// What it adds to a save: compare with plan_one_turn.
void seal_one_delta(benchmark::State& bench) {
  ContextState written;
  const auto rows = recent_rows(written);
  const RowSealer with = sealer();
  for (auto _ : bench) {
    std::vector<std::string> request = {rows.back()};
    with.seal("user-1", request);
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(seal_one_delta);

void plan_one_turn(benchmark::State& bench) {
  ContextState state;
  static_cast<void>(recent_rows(state));
  add_turn(state, 7);
  for (auto _ : bench) benchmark::DoNotOptimize(plan_save(state, Token{1}, {}));
}
BENCHMARK(plan_one_turn);

void plan_seal(benchmark::State& bench) {
  ContextState state;
  static_cast<void>(recent_rows(state));
  add_turn(state, 7);
  LogOptions options;
  options.seal_after = 7;
  for (auto _ : bench) benchmark::DoNotOptimize(plan_save(state, Token{1}, options));
}
BENCHMARK(plan_seal);

void plan_one_turn_of_a_complete_context(benchmark::State& bench) {
  ContextState state;
  state.id = Json("id");
  for (std::int64_t index = 0; index < bench.range(0); ++index) add_turn(state, index);
  std::vector<std::string> rows;
  keep(rows, state, plan_replace(state, nullptr, own(), {}));
  add_turn(state, bench.range(0));
  for (auto _ : bench) benchmark::DoNotOptimize(plan_save(state, Token{1}, {}));
}
BENCHMARK(plan_one_turn_of_a_complete_context)->Arg(100)->Arg(10'000);

void replay_everything(benchmark::State& bench) {
  ContextState state;
  state.id = Json("id");
  for (std::int64_t index = 0; index < bench.range(0); ++index) add_turn(state, index);
  std::vector<std::string> rows;
  keep(rows, state, plan_replace(state, nullptr, own(), {}));
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  for (auto _ : bench) {
    ContextState loaded;
    benchmark::DoNotOptimize(replay(views, true, loaded));
  }
  bench.SetItemsProcessed(bench.iterations() * bench.range(0));
}
BENCHMARK(replay_everything)->Arg(100)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
