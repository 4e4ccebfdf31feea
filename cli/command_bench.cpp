#include <algorithm>
#include <array>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "commands.hpp"
#include "concurrently.hpp"
#include "conversation_view.hpp"
#include "dialogstore/uri.hpp"
#include "interrupt.hpp"
#include "latency.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Always the same, since a namespace leaves its settings behind in the server when it is cleared.
constexpr const char* scratch_namespace = "dialogstore-bench";

// The same URI with another namespace.
std::string with_namespace(const std::string& uri, const std::string& name) {
  const std::size_t begin = uri.find('?');
  std::string out = uri.substr(0, begin) + "?namespace=" + name;
  std::string_view options =
      begin == std::string::npos ? "" : std::string_view(uri).substr(begin + 1);
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    if (!option.empty() && !option.starts_with("namespace=")) out.append("&").append(option);
  }
  return out;
}

// A namespace of its own in the user's store, removed in the end whatever happens.
class Scratch {
 public:
  explicit Scratch(const std::string& uri) {
    if (parse_uri(uri).layout != Layout::log) {
      throw CommandError(ExitCode::usage,
                         "bench needs a namespace of its own; layout=dff has none");
    }
    storage_ = context_storage_factory(with_namespace(uri, scratch_namespace));
    if (storage_->len() == 0) return;
    throw CommandError(ExitCode::conflict,
                       std::string("the namespace ") + scratch_namespace +
                           " holds contexts: another bench is running, or one was killed and "
                           "left them; then clear that namespace");
  }
  ~Scratch() {
    try {
      storage_->clear();
    } catch (const std::exception& error) {
      Session::complain(std::string("the benchmark's namespace stays behind: ") + error.what());
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] DBContextStorage& storage() const { return *storage_; }

 private:
  std::unique_ptr<DBContextStorage> storage_;
};

struct Row {
  unsigned existing = 0;
  double seconds = 0;
  Latencies turns;
  [[nodiscard]] double rate() const {
    return seconds > 0 ? static_cast<double>(turns.count()) / seconds : 0;
  }
};

PlayedTurn sample_turn(unsigned bytes) {
  // Half a turn each; the words differ so that compression has something to do.
  std::string text;
  for (unsigned word = 0; text.size() < bytes / 2; ++word) {
    text += "word" + std::to_string(word * 2654435761U % 1000) + ' ';
  }
  return {.label = Label{"bench", "turn"},
          .request = Message(text),
          .response = Message(text),
          .misc = {}};
}

class Bench {
 public:
  Bench(DBContextStorage& storage, const BenchCommand& command)
      : storage_(storage), command_(command), turn_(sample_turn(command.bytes)) {}

  Row measure(unsigned existing) {
    storage_.clear();
    run_ = Uuid::random().to_string();
    row_ = Row{.existing = existing};
    next_ = 0;
    run_concurrently(command_.dialogs, [this] { return prepare_dialog(); });
    next_ = 0;
    const auto begin = Clock::now();
    run_concurrently(command_.dialogs, [this] { return play_dialog(); });
    row_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return std::move(row_);
  }

 private:
  asio::awaitable<bool> prepare_dialog() {
    if (next_ == command_.dialogs) co_return false;
    const ContextKey key = key_of(next_++);
    Context context;
    for (unsigned turn = 0; turn < row_.existing; ++turn) play(context, turn, turn_);
    co_await storage_.set_item_async(key, context, asio::use_awaitable);
    co_return true;
  }

  asio::awaitable<bool> play_dialog() {
    if (next_ == command_.dialogs) co_return false;
    const ContextKey key = key_of(next_++);
    for (unsigned turn = 0; turn < command_.turns && !interrupted(); ++turn) {
      const auto begin = Clock::now();
      Context context = co_await storage_.get_async(key, Context{}, asio::use_awaitable);
      play(context, row_.existing + turn, turn_);
      co_await storage_.set_item_async(key, context, asio::use_awaitable);
      row_.turns.add(Clock::now() - begin);
    }
    co_return true;
  }

  // New for every run: what an earlier one deleted plays no part in this one's times.
  [[nodiscard]] ContextKey key_of(unsigned dialog) const {
    return ContextKey(run_ + ':' + std::to_string(dialog));
  }

  DBContextStorage& storage_;
  const BenchCommand& command_;
  std::string run_;
  PlayedTurn turn_;
  Row row_;
  unsigned next_ = 0;
};

std::string table_line(const std::array<std::string, 5>& cells) {
  std::string line;
  for (const auto& cell : cells)
    line += std::string(14 - std::min<std::size_t>(13, cell.size()), ' ') + cell;
  return line.substr(2);
}

void print_row(const Session& session, Row& row) {
  const double p50 = row.turns.milliseconds(0.5);
  const double p99 = row.turns.milliseconds(0.99);
  if (session.json()) {
    print_line(JsonObject{{"existing_turns", row.existing},
                          {"turns", row.turns.count()},
                          {"seconds", rounded(row.seconds)},
                          {"turns_per_second", rounded(row.rate())},
                          {"turn_ms", JsonObject{{"p50", rounded(p50)}, {"p99", rounded(p99)}}}}
                   .to_text());
  } else {
    print_line(table_line({grouped(row.existing), grouped(row.turns.count()),
                           grouped(static_cast<std::uint64_t>(row.rate())), duration_text(p50),
                           duration_text(p99)}));
  }
  flush_output();
}

}  // namespace

ExitCode run(Session& session, const BenchCommand& command) {
  const InterruptGuard guard;
  const Scratch scratch(session.uri());
  Bench bench(scratch.storage(), command);
  if (!session.json()) {
    session.note("a turn: load, add " + std::to_string(command.bytes) + " bytes, save; " +
                 std::to_string(command.dialogs) + " dialogs at once");
    print_line(session.terminal().paint(
        Style::bold, table_line({"turns before", "turns", "turns/s", "p50", "p99"})));
  }
  for (const unsigned existing : command.existing) {
    if (interrupted()) break;
    Row row = bench.measure(existing);
    print_row(session, row);
  }
  return interrupted() ? ExitCode::interrupted : ExitCode::ok;
}

}  // namespace dialogstore::cli
