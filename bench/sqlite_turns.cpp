// What a turn costs in the embedded store: load, add request, label and response, save. Beside it
// the usual way, written by hand: one table, the whole context as JSON, SELECT and UPDATE, each
// update a transaction of its own and as durable as ours. Rounds are interleaved; the table has
// medians and the spread of rounds.
//
//   sqlite_turns [--folder .] [--rounds 5] [--seconds 2] [--stored 50] [--dialogs 1,64,256]
//                [--durable yes]
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/src.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "dialogstore/dialogstore.hpp"
#include "storage/io_thread.hpp"
#include "support/watched_disk.hpp"

namespace {

using namespace dialogstore;
namespace json = boost::json;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::string folder = ".";
  int rounds = 5;
  double seconds = 2;
  int stored = 50;
  std::vector<int> dialogs{1, 64, 256};
  std::string durable = "yes";
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

Context make_context(int turns) {
  Context context;
  for (int i = 0; i < turns; ++i) add_turn(context, static_cast<unsigned>(i));
  return context;
}

/// So many contexts take turns, so that none becomes much longer than it is meant to be.
constexpr int contexts = 256;

std::string key_of(int context) {
  return "user" + std::to_string(context);
}

class Contender {
 public:
  virtual ~Contender() = default;
  virtual asio::any_io_executor executor() = 0;
  virtual asio::awaitable<void> prepare(int contexts, int turns) = 0;
  virtual asio::awaitable<void> turn(std::string key, unsigned seed) = 0;
};

class Ours final : public Contender {
 public:
  explicit Ours(const std::string& uri) : storage_(context_storage_factory(uri)) {}
  asio::any_io_executor executor() override { return storage_->get_executor(); }
  asio::awaitable<void> prepare(int contexts, int turns) override {
    std::vector<Context> made(static_cast<std::size_t>(contexts), make_context(turns));
    std::vector<std::pair<ContextKey, Context*>> items;
    for (int i = 0; i < contexts; ++i) {
      items.emplace_back(key_of(i), &made[static_cast<std::size_t>(i)]);
    }
    co_await storage_->set_items_async(std::move(items), asio::use_awaitable);
  }
  asio::awaitable<void> turn(std::string key, unsigned seed) override {
    Context context = co_await storage_->get_item_async(key, asio::use_awaitable);
    add_turn(context, seed);
    co_await storage_->set_item_async(key, context, asio::use_awaitable);
  }

 private:
  std::unique_ptr<DBContextStorage> storage_;
};

class Update final : public Contender {
 public:
  Update(const std::string& file, bool durable) {
    check(sqlite3_open(file.c_str(), &handle_));
    const char* synchronous = durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
    check(sqlite3_exec(handle_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr));
    check(sqlite3_exec(handle_, synchronous, nullptr, nullptr, nullptr));
    check(sqlite3_exec(handle_, "CREATE TABLE contexts(id TEXT PRIMARY KEY, context TEXT)", nullptr,
                       nullptr, nullptr));
    insert_ = prepared("INSERT INTO contexts VALUES(?1, ?2)");
    select_ = prepared("SELECT context FROM contexts WHERE id = ?1");
    update_ = prepared("UPDATE contexts SET context = ?2 WHERE id = ?1");
  }
  ~Update() override {
    for (sqlite3_stmt* statement : {insert_, select_, update_}) sqlite3_finalize(statement);
    sqlite3_close(handle_);
  }
  Update(const Update&) = delete;
  Update& operator=(const Update&) = delete;

  asio::any_io_executor executor() override { return thread_.executor(); }
  asio::awaitable<void> prepare(int contexts, int turns) override {
    const std::string json = make_context(turns).to_json();
    check(sqlite3_exec(handle_, "BEGIN", nullptr, nullptr, nullptr));
    for (int i = 0; i < contexts; ++i) write(insert_, key_of(i), json);
    check(sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr));
    co_return;
  }
  asio::awaitable<void> turn(std::string key, unsigned seed) override {
    bind(select_, 1, key);
    sqlite3_step(select_);
    const auto* text = static_cast<const char*>(sqlite3_column_blob(select_, 0));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(select_, 0));
    json::value document = json::parse(json::string_view(text, size));
    sqlite3_reset(select_);
    change(document.as_object(), seed);
    write(update_, key, json::serialize(document));
    co_return;
  }

 private:
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
  static void check(int code) {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errstr(code));
  }
  sqlite3_stmt* prepared(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr));
    return statement;
  }
  static void bind(sqlite3_stmt* statement, int index, const std::string& text) {
    check(sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()),
                            SQLITE_STATIC));
  }
  static void write(sqlite3_stmt* statement, const std::string& key, const std::string& text) {
    bind(statement, 1, key);
    bind(statement, 2, text);
    if (sqlite3_step(statement) != SQLITE_DONE) throw std::runtime_error("UPDATE failed");
    check(sqlite3_reset(statement));
  }

  sqlite3* handle_ = nullptr;
  sqlite3_stmt *insert_ = nullptr, *select_ = nullptr, *update_ = nullptr;
  IoThread thread_;
};

struct Figures {
  double turns_per_second = 0, p50_ms = 0, p99_ms = 0;
  double log_bytes = 0, syncs = 0, file_bytes = 0;  ///< a turn
};

asio::awaitable<void> dialog(Contender& contender, int first, int dialogs, Clock::time_point end,
                             std::vector<double>& latencies) {
  int context = first;
  for (unsigned seed = 0; Clock::now() < end; ++seed) {
    const auto start = Clock::now();
    co_await contender.turn(key_of(context), seed);
    latencies.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    context = (context + dialogs) % contexts;
    co_await asio::post(asio::use_awaitable);  // the other dialogs' turn
  }
}

/// Ours resume on the thread of the storage, so that all dialogs share the list of latencies.
Figures measure(Contender& contender, const test::WatchedDisk& disk, const Settings& settings,
                int dialogs) {
  asio::co_spawn(contender.executor(), contender.prepare(contexts, settings.stored),
                 asio::use_future)
      .get();
  std::vector<double> latencies;
  const Figures before{.log_bytes = static_cast<double>(disk.log_bytes()),
                       .syncs = static_cast<double>(disk.log_syncs() + disk.file_syncs()),
                       .file_bytes = static_cast<double>(disk.file_bytes())};
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(settings.seconds));
  std::vector<std::future<void>> running;
  for (int i = 0; i < dialogs; ++i) {
    running.push_back(asio::co_spawn(
        contender.executor(), dialog(contender, i, dialogs, end, latencies), asio::use_future));
  }
  for (auto& one : running) one.get();
  const std::chrono::duration<double> took = Clock::now() - start;
  const auto turns = static_cast<double>(latencies.size());
  std::ranges::sort(latencies);
  return {
      .turns_per_second = turns / took.count(),
      .p50_ms = latencies[latencies.size() / 2],
      .p99_ms = latencies[latencies.size() * 99 / 100],
      .log_bytes = (static_cast<double>(disk.log_bytes()) - before.log_bytes) / turns,
      .syncs = (static_cast<double>(disk.log_syncs() + disk.file_syncs()) - before.syncs) / turns,
      .file_bytes = (static_cast<double>(disk.file_bytes()) - before.file_bytes) / turns};
}

std::unique_ptr<Contender> make_contender(const std::string& name, const std::string& file,
                                          const Settings& settings) {
  const std::string uri = "sqlite:///" + file + "?durable=" + settings.durable;
  if (name == "UPDATE") return std::make_unique<Update>(file, settings.durable == "yes");
  return std::make_unique<Ours>(uri + (name == "ours recent" ? "&history=recent" : ""));
}

Settings read_arguments(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--folder") settings.folder = value;
    if (name == "--rounds") settings.rounds = std::stoi(value);
    if (name == "--seconds") settings.seconds = std::stod(value);
    if (name == "--stored") settings.stored = std::stoi(value);
    if (name == "--durable") settings.durable = value;
    if (name == "--dialogs") {
      settings.dialogs.clear();
      std::stringstream list(value);
      for (std::string one; std::getline(list, one, ',');)
        settings.dialogs.push_back(std::stoi(one));
    }
  }
  return settings;
}

struct Series {
  std::vector<Figures> rounds;
  [[nodiscard]] std::vector<double> sorted(double Figures::*field) const {
    std::vector<double> values;
    for (const auto& round : rounds) values.push_back(round.*field);
    std::ranges::sort(values);
    return values;
  }
  [[nodiscard]] double median(double Figures::*field) const {
    const auto values = sorted(field);
    return values[values.size() / 2];
  }
};

constexpr std::array names{"ours recent", "ours all", "UPDATE"};

void print_row(int dialogs, const std::string& name, std::map<std::string, Series>& series) {
  const auto& one = series[name];
  const auto rates = one.sorted(&Figures::turns_per_second);
  const double rate = one.median(&Figures::turns_per_second);
  std::printf("| %d | %s | %.0f | %.0f–%.0f | %.2f | %.2f | %.2f | %.0f | %.0f | %.3f |\n", dialogs,
              name.c_str(), rate, rates.front(), rates.back(),
              rate / series["UPDATE"].median(&Figures::turns_per_second),
              one.median(&Figures::p50_ms), one.median(&Figures::p99_ms),
              one.median(&Figures::log_bytes), one.median(&Figures::file_bytes),
              one.median(&Figures::syncs));
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = read_arguments(argc, argv);
  const test::WatchedDisk disk;
  std::printf(
      "| dialogs | contender | turns/s | from–to | ÷ UPDATE | p50 ms | p99 ms | log bytes | file "
      "bytes | syncs |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const int dialogs : settings.dialogs) {
    std::map<std::string, Series> series;
    for (int round = 0; round < settings.rounds; ++round) {
      for (const std::string name : names) {
        const auto folder =
            std::filesystem::path(settings.folder) / ("sqlite_turns." + std::to_string(::getpid()));
        std::filesystem::create_directory(folder);
        auto contender = make_contender(name, (folder / "dialogs.db").string(), settings);
        series[name].rounds.push_back(measure(*contender, disk, settings, dialogs));
        contender.reset();
        std::filesystem::remove_all(folder);
      }
    }
    for (const std::string name : names) print_row(dialogs, name, series);
  }
  return 0;
}
