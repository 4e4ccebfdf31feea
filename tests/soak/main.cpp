// Full speed for a long time on a cluster of six nodes whose primaries fail over again and again,
// by turns killed (and started again) and told to hand over. It looks for what short tests cannot
// see: memory that grows, a call that does not end, a count that is off by one.
//
//   soak [--seconds 900] [--every 60] [--callers 8] [--contexts 64] [--seed 1]
//        [--client-growth-mb 4] [--server-growth-mb 4]
//
// Ends with 0 when all that held:
// - each acknowledged turn is stored once, a refused one is not, no other is there
// (turn_ledger.hpp),
//   seen whenever a context is full, by loads in between, and of all contexts in the end; then len,
//   both orders of scan, and check agree with what is stored;
// - every call ended within its timeout and one second, which a busy machine may take to let a
//   thread run;
// - callers were told nothing that a failover does not explain;
// - memory, the client's and the primaries' together, grew by no more than the limits
// (memory_trend.hpp
//   says how it is compared). At a thousand turns a second 4 MB in five minutes are 14 bytes for
//   each, less than the smallest thing that could be forgotten.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "callers.hpp"
#include "support/cluster_failover.hpp"
#include "support/eventually.hpp"
#include "watch.hpp"

namespace dialogstore::soak {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds call_timeout{2'000};
constexpr milliseconds call_margin{1'000};
constexpr milliseconds never{30'000};
constexpr double mega = 1 << 20;

struct Settings {
  std::map<std::string, std::uint64_t, std::less<>> numbers{
      {"seconds", 900}, {"every", 60},           {"callers", 8},          {"contexts", 64},
      {"seed", 1},      {"client-growth-mb", 4}, {"server-growth-mb", 4},
  };

  Settings(int count, char** arguments) {
    for (int i = 1; i < count; i += 2) {
      const std::string_view name = arguments[i];
      const auto found = name.starts_with("--") ? numbers.find(name.substr(2)) : numbers.end();
      if (found == numbers.end() || i + 1 == count) {
        throw std::invalid_argument("what is " + std::string(name) + "?");
      }
      found->second = std::stoull(arguments[i + 1]);
    }
  }
  std::uint64_t operator[](std::string_view name) const { return numbers.find(name)->second; }
};

std::vector<std::string> uris_of(const test::RedisCluster& cluster) {
  const auto all =
      "namespace=soak&durability=replicas:1&timeout=" + std::to_string(call_timeout.count()) + "ms";
  return {cluster.uri(all + "&on_conflict=merge"), cluster.uri(all + "&on_conflict=fail"),
          cluster.uri(all + "&on_conflict=merge&cache=100&seal_after=3")};
}

std::uint64_t memory_of_primaries(test::RedisCluster& cluster) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.is_primary(i)) sum += std::stoull(cluster.node(i).info("used_memory"));
  }
  return sum;
}

/// Until the time is over or a caller has failed. Answers how many failovers there were.
std::uint64_t fail_over_again_and_again(test::RedisCluster& cluster, const Callers& callers,
                                        const Settings& settings, Watch& watch) {
  std::uint64_t failovers = 0;
  const auto begun = SteadyClock::now();
  const auto end = begun + seconds(settings["seconds"]);
  auto next = begun + seconds(settings["every"]);
  auto is_over = [&] { return SteadyClock::now() >= end || !callers.failure().empty(); };
  while (!is_over()) {
    const auto until = std::min(std::min(next, end), SteadyClock::now() + seconds(1));
    static_cast<void>(
        test::eventually([&] { return !callers.failure().empty(); },
                         std::chrono::duration_cast<milliseconds>(until - SteadyClock::now())));
    watch.note_servers(memory_of_primaries(cluster));
    if (is_over() || SteadyClock::now() < next) continue;
    next += seconds(settings["every"]);
    const bool is_kill = failovers % 2 == 0;
    const auto number = settings["seed"] + failovers++;
    const auto from = callers.counts().acknowledged;
    const auto started = SteadyClock::now();
    const bool is_sound = is_kill ? test::kill_and_restart_primary(cluster, number)
                                  : test::hand_over_primary(cluster, number);
    if (!is_sound) throw std::runtime_error("the cluster does not become sound again");
    const auto took = std::chrono::duration<double>(SteadyClock::now() - started).count();
    char line[160];
    std::snprintf(line, sizeof line, "%s: sound after %.1f s, %llu turns meanwhile",
                  is_kill ? "a primary was killed and started again" : "a primary handed over",
                  took, static_cast<unsigned long long>(callers.counts().acknowledged - from));
    watch.say(line);
  }
  return failovers;
}

std::vector<std::string> faults_of(const Callers& callers, const Watch& watch,
                                   const Settings& settings) {
  std::vector<std::string> faults;
  if (const auto failure = callers.failure(); !failure.empty()) faults.push_back(failure);
  const auto counts = callers.counts();
  if (counts.longest_call > call_timeout + call_margin) {
    faults.emplace_back("a call took longer than its timeout and a second");
  }
  if (counts.acknowledged == 0) faults.emplace_back("no turn was acknowledged");
  const auto judge = [&](const MemoryTrend& trend, std::string_view who, std::string_view limit) {
    if (trend.growth() <= settings[limit] << 20U) return;
    faults.push_back("the memory of the " + std::string(who) + " grows");
  };
  judge(watch.client(), "client", "client-growth-mb");
  judge(watch.servers(), "servers", "server-growth-mb");
  return faults;
}

void print_trend(const char* who, const MemoryTrend& trend) {
  std::printf("  %s: peak %.1f MB in the second third, %.1f MB in the last\n", who,
              static_cast<double>(trend.earlier()) / mega,
              static_cast<double>(trend.later()) / mega);
}

void print_summary(const Callers& callers, const Watch& watch, std::uint64_t failovers,
                   const Settings& settings) {
  const auto counts = callers.counts();
  const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
  std::printf("  %llu turns acknowledged in %llu s, %llu contexts filled, read and deleted\n",
              number(counts.acknowledged), number(settings["seconds"]), number(counts.deleted));
  std::printf("  %llu calls, the longest took %.2f s; %llu turns were never known to be stored\n",
              number(counts.calls), std::chrono::duration<double>(counts.longest_call).count(),
              number(counts.in_doubt));
  std::printf("  %llu failovers; at most %.1f s without an acknowledged turn\n", number(failovers),
              std::chrono::duration<double>(counts.longest_silence).count());
  print_trend("client", watch.client());
  print_trend("primaries", watch.servers());
  std::printf("  told:");
  for (const auto& [code, count] : callers.told()) {
    std::printf(" %s %llu", std::string(to_string(code)).c_str(), number(count));
  }
  std::printf("\n");
}

int run(const Settings& settings) {
  test::RedisCluster cluster({.primaries = 3, .replicas = 1, .server = {}});
  CallersOptions options;
  options.uris = uris_of(cluster);
  options.callers = settings["callers"];
  options.contexts = settings["contexts"];
  options.seed = settings["seed"];
  Callers callers(std::move(options));
  Watch watch(callers, {seconds(settings["seconds"]), never});
  const auto failovers = fail_over_again_and_again(cluster, callers, settings, watch);
  callers.stop();
  watch.stop();
  auto faults = faults_of(callers, watch, settings);
  const auto storage = context_storage_factory(cluster.uri("namespace=soak&timeout=30s"));
  for (auto& fault : callers.look_at_all(*storage)) faults.push_back(std::move(fault));
  watch.say(faults.empty() ? "passed" : "FAILED");
  print_summary(callers, watch, failovers, settings);
  for (const auto& fault : faults) std::printf("  FAILED: %s\n", fault.c_str());
  return faults.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace dialogstore::soak

int main(int count, char** arguments) try {
  return dialogstore::soak::run(dialogstore::soak::Settings(count, arguments));
} catch (const std::exception& error) {
  std::fprintf(stderr, "soak: %s\n", error.what());
  // The callers may wait for servers that are not there any more.
  std::_Exit(2);
}
