// What the operations on a whole namespace cost when it holds many contexts: len, a page of scan in
// either order, all pages, check, clear. On a server of its own, whose other clients are looked
// after meanwhile: a PING goes round all the time, and the server tells its slowest command. CPU
// time is in the table too, as it says more where others use the machine.
//
//   listing [--contexts 1000000] [--page 100] [--longest-ping-ms 500] [--client-growth-mb 64]
//
// Prints a table. Ends with 0 when every count was right, no PING took longer and this process grew
// by no more than that during check and clear.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "dialogstore/dialogstore.hpp"
#include "support/redis_server.hpp"

namespace {

using namespace dialogstore;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t batch = 500;
constexpr int repeats = 5;
constexpr double mega = 1 << 20;

class Settings {
 public:
  Settings(int count, char** arguments) {
    for (int i = 1; i < count; i += 2) {
      const std::string_view name = arguments[i];
      const auto found = name.starts_with("--") ? numbers_.find(name.substr(2)) : numbers_.end();
      if (found == numbers_.end() || i + 1 == count) {
        throw std::invalid_argument("what is " + std::string(name) + "?");
      }
      found->second = std::stoull(arguments[i + 1]);
    }
  }
  std::uint64_t operator[](std::string_view name) const { return numbers_.find(name)->second; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> numbers_{
      {"contexts", 1'000'000}, {"page", 100}, {"longest-ping-ms", 500}, {"client-growth-mb", 64}};
};

void expect(bool is_so, const std::string& what) {
  if (!is_so) throw std::runtime_error(what);
}

/// The highest that it ever was since reset_peak().
double peak_megabytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  throw std::runtime_error("/proc/self/status names no peak");
}

/// Answers what it is at now.
double reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
  return peak_megabytes();
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double own_cpu_seconds() {
  rusage usage{};
  expect(::getrusage(RUSAGE_SELF, &usage) == 0, "the system does not tell CPU time");
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/// Asks the server all the time for a sign of life, on a connection of its own.
class Pings {
 public:
  explicit Pings(test::RedisServer& server) : thread_([this, &server] { run(server); }) {}
  ~Pings() { stop(); }
  Pings(const Pings&) = delete;
  Pings& operator=(const Pings&) = delete;

  Milliseconds stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    expect(has_answers_, "the server answered no PING");
    return longest_;
  }

 private:
  void run(test::RedisServer& server) {
    while (!is_stopping_ || !has_answers_) {
      const auto asked = Clock::now();
      if (server.command({"PING"}).text != "PONG") return;
      longest_ = std::max<Milliseconds>(longest_, Clock::now() - asked);
      has_answers_ = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> is_stopping_ = false;
  bool has_answers_ = false;
  Milliseconds longest_{};
  std::thread thread_;
};

struct Slowest {
  Milliseconds took{};
  std::string command = "none over 1 ms";
};

Slowest slowest_command(test::RedisServer& server) {
  Slowest slowest;
  for (const auto& entry : server.command({"SLOWLOG", "GET", "-1"}).elements) {
    const Milliseconds took{static_cast<double>(entry.elements.at(2).integer) / 1000};
    if (took > slowest.took) slowest = {took, entry.elements.at(3).elements.at(0).text};
  }
  server.command({"SLOWLOG", "RESET"});
  return slowest;
}

class Listing {
 public:
  explicit Listing(const Settings& settings)
      : settings_(settings),
        count_(settings["contexts"]),
        server_({.config = {"slowlog-log-slower-than 1000", "slowlog-max-len 100000"},
                 .arguments = {},
                 .environment = {},
                 .program = {},
                 .password = {}}),
        storage_(context_storage_factory(server_.uri("namespace=listing&timeout=10m"))) {}

  void run() {
    std::printf(
        "| operation | time | CPU server | CPU client | longest PING | slowest command "
        "| client grew |\n|---|---|---|---|---|---|---|\n");
    const auto empty = used();
    measure("create all, " + std::to_string(batch) + " at once", [&] { fill(); });
    const auto full = used();
    repeat("`len`", [&] { expect(storage_->len() == count_, "len is wrong"); });
    for (const auto order : {ScanOrder::any, ScanOrder::newest_first}) {
      const std::string name = order == ScanOrder::any ? "any" : "newest_first";
      const auto page = std::to_string(settings_["page"]);
      repeat("a page of " + page + ", `" + name + "`", [&] { first_page(order); });
      measure("all pages of 1000, `" + name + "`", [&] { list_all(order); });
    }
    measure(
        "`check`", [&] { check(); }, true);
    measure(
        "`clear`", [&] { expect(storage_->clear() == count_, "clear removed not all"); }, true);
    const auto cleared = used();
    expect(storage_->len() == 0, "contexts are left");
    const auto each = static_cast<double>(count_);
    std::printf(
        "\nThe server's memory: %.0f bytes for a context of one turn (%.0f MB in all), %.0f "
        "for the tombstone that a delete leaves for a while.\n",
        (full - empty) / each, (full - empty) / mega, (cleared - empty) / each);
  }

 private:
  double server_cpu_seconds() {
    return std::stod(server_.info("used_cpu_user")) + std::stod(server_.info("used_cpu_sys"));
  }
  double used() { return std::stod(server_.info("used_memory")); }

  void fill() {
    std::vector<Context> contexts(batch);
    for (std::uint64_t from = 0; from < count_; from += batch) {
      std::vector<std::pair<ContextKey, Context*>> items;
      for (auto i = from; i < std::min(count_, from + batch); ++i) {
        auto& context = contexts[i - from] = Context{};
        context.add_request("Where is my order?");
        context.add_response("It left the warehouse this morning.");
        items.emplace_back(ContextKey("user-" + std::to_string(i)), &context);
      }
      for (const auto& error : storage_->set_items(std::move(items))) {
        if (error) std::rethrow_exception(error);
      }
    }
  }

  void first_page(ScanOrder order) {
    const auto size = settings_["page"];
    const auto page = storage_->scan({}, {.page_size = size, .order = order});
    // A page of `any` may have a few more or less.
    expect(page.keys.size() >= std::min(size, count_) / 2, "the page is too short");
  }

  void list_all(ScanOrder order) {
    std::unordered_set<std::string> keys;
    ScanPage page;
    do {
      page = storage_->scan(page.cursor, {.page_size = 1000, .order = order});
      for (const auto& key : page.keys) keys.insert(key.text());
    } while (!page.cursor.empty());
    expect(keys.size() == count_, "a listing has " + std::to_string(keys.size()) + " keys");
  }

  void check() {
    const auto report = storage_->check(false);
    expect(report.contexts == count_, "check saw another number of contexts");
    expect(report.sound(), "check finds something wrong");
  }

  template <class Work>
  void measure(const std::string& name, Work work, bool is_judged = false) {
    slowest_command(server_);
    Pings pings(server_);
    const auto before = reset_peak();
    const auto server_cpu = server_cpu_seconds();
    const auto own_cpu = own_cpu_seconds();
    const auto begun = Clock::now();
    work();
    const Milliseconds took = Clock::now() - begun;
    const auto client = own_cpu_seconds() - own_cpu;
    const auto server = server_cpu_seconds() - server_cpu;
    const auto grown = peak_megabytes() - before;
    const auto longest = pings.stop();
    const auto slowest = slowest_command(server_);
    std::printf("| %s | %.2f s | %.2f s | %.2f s | %.1f ms | %.1f ms (%s) | %.1f MB |\n",
                name.c_str(), took.count() / 1000, server, client, longest.count(),
                slowest.took.count(), slowest.command.c_str(), grown);
    std::fflush(stdout);
    if (!is_judged) return;
    expect(longest.count() <= static_cast<double>(settings_["longest-ping-ms"]),
           name + ": a PING took too long");
    expect(grown <= static_cast<double>(settings_["client-growth-mb"]),
           name + ": this process grew by too much");
  }

  template <class Work>
  void repeat(const std::string& name, Work work) {
    slowest_command(server_);
    std::vector<Milliseconds> times;
    for (int i = 0; i < repeats; ++i) {
      const auto begun = Clock::now();
      work();
      times.emplace_back(Clock::now() - begun);
    }
    std::sort(times.begin(), times.end());
    const auto slowest = slowest_command(server_);
    std::printf("| %s, median of %d | %.2f ms | | | | %.1f ms (%s) | |\n", name.c_str(), repeats,
                times[repeats / 2].count(), slowest.took.count(), slowest.command.c_str());
    std::fflush(stdout);
  }

  const Settings& settings_;
  const std::uint64_t count_;
  test::RedisServer server_;
  std::unique_ptr<DBContextStorage> storage_;
};

}  // namespace

int main(int count, char** arguments) try {
  const Settings settings(count, arguments);
  Listing(settings).run();
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "listing: %s\n", error.what());
  return EXIT_FAILURE;
}
