// What one turn of a dialog costs at the n-th turn: load, add request, label and response, save.
// Ours beside the naive way (the whole context as one JSON value, GET and SET) over the same link,
// on a redis-server of its own that is pinned to one core while this program has the other. Rounds
// are interleaved; the table has medians and the spread of rounds.
//
//   turn_cost [--rounds 5] [--dialogs 64] [--turns 1,10,50,200,1000] [--json FILE]
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/src.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <sched.h>

#include "dialogstore/dialogstore.hpp"
#include "redis/command.hpp"
#include "redis/link.hpp"
#include "storage/io_thread.hpp"
#include "support/redis_server.hpp"

namespace {

using namespace dialogstore;
using Nanoseconds = std::chrono::nanoseconds;

struct Settings {
  int rounds = 5;
  int dialogs = 64;
  std::vector<int> turns{1, 10, 50, 200, 1000};
  std::string json_file;
};

/// Text as people type it, the same on every run.
std::string sentence(unsigned seed) {
  static constexpr std::array words{
      "the", "order", "please", "could", "tomorrow", "table", "for", "two",  "near",    "station",
      "yes", "that",  "works",  "what",  "time",     "is",    "it",  "open", "tonight", "thanks"};
  std::string text;
  for (int i = 0; i < 12; ++i) {
    seed = seed * 1664525U + 1013904223U;
    text += words[(seed >> 16U) % words.size()];
    text += ' ';
  }
  return text;
}

void add_turn(Context& context, unsigned seed) {
  context.add_request(sentence(seed));
  context.add_response(sentence(seed + 1));
  context.add_label({"booking", "ask_" + std::to_string(seed % 7)});
  context.set_misc("slot", Json(std::int64_t{seed}));
}

/// One way of keeping contexts.
class Contender {
 public:
  virtual ~Contender() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  virtual asio::any_io_executor executor() = 0;
  virtual asio::awaitable<void> prepare(std::string key, int turns) = 0;
  virtual asio::awaitable<void> turn(std::string key, unsigned seed) = 0;
};

class Ours final : public Contender {
 public:
  Ours(std::string name, std::string uri)
      : name_(std::move(name)), storage_(context_storage_factory(uri)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  asio::any_io_executor executor() override { return storage_->get_executor(); }
  asio::awaitable<void> prepare(std::string key, int turns) override {
    Context context;
    for (int i = 0; i < turns; ++i) add_turn(context, static_cast<unsigned>(i));
    co_await storage_->set_item_async(key, context, asio::use_awaitable);
  }
  asio::awaitable<void> turn(std::string key, unsigned seed) override {
    Context context = co_await storage_->get_item_async(key, asio::use_awaitable);
    add_turn(context, seed);
    co_await storage_->set_item_async(key, context, asio::use_awaitable);
  }

 private:
  std::string name_;
  std::unique_ptr<DBContextStorage> storage_;
};

namespace json = boost::json;

/// GET, parse all, add, serialise all, SET. With `safe`, a script sets only when the value is the
/// one that was read, so that it loses no update either.
class Naive final : public Contender {
 public:
  Naive(int port, bool safe) : safe_(safe) {
    redis::LinkSettings settings;
    settings.endpoint.host = "127.0.0.1";
    settings.endpoint.port = static_cast<std::uint16_t>(port);
    auto made = std::async(std::launch::async,
                           [&] { return redis::RedisLink::create(thread_.executor(), settings); });
    link_ = made.get();
  }
  ~Naive() override {
    asio::co_spawn(thread_.executor(), shut(link_), asio::use_future).get();
    link_.reset();
  }
  Naive(const Naive&) = delete;
  Naive& operator=(const Naive&) = delete;

  [[nodiscard]] std::string name() const override { return safe_ ? "naive-safe" : "naive"; }
  asio::any_io_executor executor() override { return thread_.executor(); }

  asio::awaitable<void> prepare(std::string key, int turns) override {
    Context context;
    for (int i = 0; i < turns; ++i) add_turn(context, static_cast<unsigned>(i));
    std::string set = redis::encode_command({"SET", prefix(key), context.to_json()});
    co_await call(std::move(set));
  }

  asio::awaitable<void> turn(std::string key, unsigned seed) override {
    std::string get = redis::encode_command({"GET", prefix(key)});
    const auto reply = co_await call(std::move(get));
    const std::string_view stored = reply.root().text;
    json::value document = json::parse(json::string_view(stored.data(), stored.size()));
    change(document.as_object(), seed);
    const std::string text = json::serialize(document);
    if (!safe_) {
      std::string set = redis::encode_command({"SET", prefix(key), text});
      co_await call(std::move(set));
      co_return;
    }
    // The token of a value is its tail; comparing all of it would only make the naive way slower.
    static constexpr std::string_view script =
        "if redis.call('STRLEN',KEYS[1])==tonumber(ARGV[1]) and "
        "redis.call('GETRANGE',KEYS[1],-40,-1)==ARGV[2] then "
        "redis.call('SET',KEYS[1],ARGV[3]) return 1 end return 0";
    const auto length = std::to_string(stored.size());
    std::string swap = redis::encode_command(
        {"EVAL", script, "1", prefix(key), length, stored.substr(stored.size() - 40), text});
    const auto saved = co_await call(std::move(swap));
    if (saved.root().integer != 1) throw std::runtime_error("naive-safe lost its own race");
  }

 private:
  static asio::awaitable<void> shut(std::shared_ptr<redis::RedisLink> link) {
    link->close();
    co_return;
  }
  [[nodiscard]] std::string prefix(const std::string& key) const { return name() + ":" + key; }

  static void change(json::object& document, unsigned seed) {
    const auto message = [](const std::string& text) {
      return json::object{{"text", text},
                          {"commands", nullptr},
                          {"attachments", nullptr},
                          {"annotations", nullptr},
                          {"misc", nullptr}};
    };
    const auto index = std::to_string(document["requests"].as_object().size());
    document["requests"].as_object()[index] = message(sentence(seed));
    document["responses"].as_object()[index] = message(sentence(seed + 1));
    document["labels"].as_object()[index] =
        json::array{"booking", "ask_" + std::to_string(seed % 7)};
    document["misc"].as_object()["slot"] = seed;
  }

  asio::awaitable<redis::Reply> call(std::string request) {
    auto result = co_await link_->exec(std::move(request),
                                       std::chrono::steady_clock::now() + std::chrono::seconds(30));
    if (!result.ok()) throw std::runtime_error("naive: " + result.detail);
    if (result.reply.root().kind == redis::ReplyKind::error) {
      throw std::runtime_error("naive: " + std::string(result.reply.root().text));
    }
    co_return std::move(result.reply);
  }

  bool safe_;
  IoThread thread_;
  std::shared_ptr<redis::RedisLink> link_;
};

struct Figures {
  double turns_per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double bytes_to_server = 0;  ///< a turn
  double bytes_from_server = 0;
  double server_us = 0;  ///< CPU of the server, a turn
};

struct ServerCounters {
  double in = 0, out = 0, cpu = 0;
};

ServerCounters read_counters(test::RedisServer& server) {
  const auto number = [&](const char* field) { return std::stod(server.info(field)); };
  return {number("total_net_input_bytes"), number("total_net_output_bytes"),
          number("used_cpu_user") + number("used_cpu_sys")};
}

asio::awaitable<void> dialog(Contender& contender, std::string key, int turns, unsigned seed,
                             std::vector<double>& latencies) {
  for (int i = 0; i < turns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    co_await contender.turn(key, seed + static_cast<unsigned>(i));
    latencies.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
}

asio::awaitable<void> prepare_all(Contender& contender, int dialogs, int turns) {
  for (int d = 0; d < dialogs; ++d) {
    co_await contender.prepare(std::to_string(turns) + "/" + std::to_string(d), turns);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

Figures measure(Contender& contender, test::RedisServer& server, int dialogs, int stored,
                int turns) {
  asio::co_spawn(contender.executor(), prepare_all(contender, dialogs, stored), asio::use_future)
      .get();
  // All dialogs run on one thread, so they may share the list of latencies.
  std::vector<double> latencies;
  latencies.reserve(static_cast<std::size_t>(dialogs) * static_cast<std::size_t>(turns));
  const auto before = read_counters(server);
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::future<void>> running;
  for (int d = 0; d < dialogs; ++d) {
    running.push_back(
        asio::co_spawn(contender.executor(),
                       dialog(contender, std::to_string(stored) + "/" + std::to_string(d), turns,
                              static_cast<unsigned>(d * 1000), latencies),
                       asio::use_future));
  }
  for (auto& one : running) one.get();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto after = read_counters(server);
  const double count = static_cast<double>(dialogs) * turns;
  std::ranges::sort(latencies);
  return {.turns_per_second = count / took.count(),
          .p50_us = latencies[latencies.size() / 2],
          .p99_us = latencies[latencies.size() * 99 / 100],
          .bytes_to_server = (after.in - before.in) / count,
          .bytes_from_server = (after.out - before.out) / count,
          .server_us = (after.cpu - before.cpu) * 1e6 / count};
}

struct Series {
  std::vector<Figures> rounds;
  [[nodiscard]] double of(double Figures::*field) const {
    std::vector<double> values;
    for (const auto& round : rounds) values.push_back(round.*field);
    return median(values);
  }
  [[nodiscard]] double spread(double Figures::*field) const {
    double low = rounds.front().*field, high = low;
    for (const auto& round : rounds) {
      low = std::min(low, round.*field);
      high = std::max(high, round.*field);
    }
    return (high - low) / of(field);
  }
};

void pin(pid_t process, unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (sched_setaffinity(process, sizeof cores, &cores) != 0) {
    std::fprintf(stderr, "cannot pin a process to core %u; figures will spread more\n", core);
  }
}

Settings read_arguments(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--rounds") settings.rounds = std::stoi(value);
    if (name == "--dialogs") settings.dialogs = std::stoi(value);
    if (name == "--json") settings.json_file = value;
    if (name == "--turns") {
      settings.turns.clear();
      std::stringstream list(value);
      for (std::string one; std::getline(list, one, ',');) settings.turns.push_back(std::stoi(one));
    }
  }
  return settings;
}

using Table = std::map<int, std::map<std::string, Series>>;

void print_table(const Table& table, const std::vector<std::unique_ptr<Contender>>& contenders) {
  std::printf(
      "| turns stored | contender | turns/s | spread | ÷ naive | p50 µs | p99 µs | bytes to server "
      "| bytes from server | server CPU µs |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& [turns, row] : table) {
    const double naive = row.at("naive").of(&Figures::turns_per_second);
    for (const auto& contender : contenders) {
      const auto& series = row.at(contender->name());
      std::printf("| %d | %s | %.0f | ±%.0f %% | %.2f | %.0f | %.0f | %.0f | %.0f | %.1f |\n",
                  turns, contender->name().c_str(), series.of(&Figures::turns_per_second),
                  50 * series.spread(&Figures::turns_per_second),
                  series.of(&Figures::turns_per_second) / naive, series.of(&Figures::p50_us),
                  series.of(&Figures::p99_us), series.of(&Figures::bytes_to_server),
                  series.of(&Figures::bytes_from_server), series.of(&Figures::server_us));
    }
  }
}

void write_json(const Table& table, const std::string& file) {
  json::array rows;
  for (const auto& [turns, row] : table) {
    for (const auto& [name, series] : row) {
      rows.push_back(json::object{{"turns_stored", turns},
                                  {"contender", name},
                                  {"turns_per_second", series.of(&Figures::turns_per_second)},
                                  {"spread", series.spread(&Figures::turns_per_second)},
                                  {"p50_us", series.of(&Figures::p50_us)},
                                  {"p99_us", series.of(&Figures::p99_us)},
                                  {"bytes_to_server", series.of(&Figures::bytes_to_server)},
                                  {"bytes_from_server", series.of(&Figures::bytes_from_server)},
                                  {"server_cpu_us", series.of(&Figures::server_us)}});
    }
  }
  std::ofstream(file) << json::serialize(rows) << '\n';
}

void run(const Settings& settings) {
  test::RedisServer server;
  pin(server.pid(), 0);
  pin(0, 1);  // before any thread of ours starts, so that all inherit it
  std::vector<std::unique_ptr<Contender>> contenders;
  contenders.push_back(std::make_unique<Ours>(
      "recent", server.uri("namespace=recent&history=recent&on_conflict=merge")));
  contenders.push_back(
      std::make_unique<Ours>("all", server.uri("namespace=all&history=all&on_conflict=merge")));
  contenders.push_back(std::make_unique<Naive>(server.port(), false));
  contenders.push_back(std::make_unique<Naive>(server.port(), true));

  Table table;
  for (const int stored : settings.turns) {
    // Enough turns for a figure, few enough that the dialog's length stays what it says.
    const int turns = std::clamp(stored, 8, 40);
    for (int round = 0; round < settings.rounds; ++round) {
      for (const auto& contender : contenders) {
        table[stored][contender->name()].rounds.push_back(
            measure(*contender, server, settings.dialogs, stored, turns));
      }
    }
  }
  print_table(table, contenders);
  if (!settings.json_file.empty()) write_json(table, settings.json_file);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(read_arguments(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "turn_cost: %s\n", error.what());
    return 1;
  }
}
