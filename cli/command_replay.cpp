#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "conversation_view.hpp"
#include "interrupt.hpp"
#include "replay.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

constexpr std::size_t shown_turns = 6;

struct Corpus {
  std::vector<Conversation> conversations;
  std::vector<DamagedLine> damaged;
  std::uint64_t turns = 0;
};

// Wholly before the first save: a damaged line stops the program with nothing written, and reading
// is not timed with storing.
Corpus read_corpus(const Session& session, const ReplayCommand& command) {
  Corpus corpus;
  CorpusReader reader(command.file, command.format);
  Progress progress(session.terminal(), "reading", command.dialogs);
  while ((command.dialogs == 0 || corpus.conversations.size() < command.dialogs) &&
         !interrupted()) {
    auto conversation = next_sound(reader, command.keep_going, corpus.damaged);
    if (!conversation) break;
    corpus.turns += conversation->turns.size();
    corpus.conversations.push_back(std::move(*conversation));
    progress.advance();
  }
  return corpus;
}

// What the same dialogs take as DFF's JSON, per turn.
double json_bytes_per_turn(const Corpus& corpus) {
  std::uint64_t bytes = 0;
  for (const auto& conversation : corpus.conversations) {
    bytes += conversation.to_context().to_json().size();
  }
  return corpus.turns == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(corpus.turns);
}

// What they take in the store, as far as it tells; only when it holds nothing else.
std::optional<double> stored_bytes_per_turn(const Statistics& statistics,
                                            const ReplayReport& report) {
  std::map<std::string, double> values;
  for (const auto& [name, value] : statistics) values[name] = std::strtod(value.c_str(), nullptr);
  const auto turns = static_cast<double>(report.verified_turns + report.turns.count());
  const double contexts = values["contexts"];
  if (turns == 0 || contexts != static_cast<double>(report.dialogs)) return std::nullopt;
  const double bytes =
      values.contains("bytes") ? values["bytes"] : values["bytes_per_context"] * contexts;
  if (bytes == 0) return std::nullopt;
  return bytes / turns;
}

double turns_per_second(const ReplayReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.turns.count()) / report.seconds : 0;
}

std::vector<Json> json_strings(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

void print_json(Session& session, const Corpus& corpus, ReplayReport& report) {
  const auto stored_bytes = stored_bytes_per_turn(session.storage().statistics(), report);
  const JsonObject object{
      {"dialogs", report.dialogs},
      {"turns", report.turns.count()},
      {"seconds", rounded(report.seconds)},
      {"turns_per_second", rounded(turns_per_second(report))},
      {"turn_ms", JsonObject{{"p50", rounded(report.turns.milliseconds(0.5))},
                             {"p99", rounded(report.turns.milliseconds(0.99))},
                             {"p99.9", rounded(report.turns.milliseconds(0.999))}}},
      {"found", report.found},
      {"resumed", report.resumed},
      {"verified_turns", report.verified_turns},
      {"different", Json::array(json_strings(report.different))},
      {"dff_json_bytes_per_turn", rounded(json_bytes_per_turn(corpus))},
      {"stored_bytes_per_turn", stored_bytes ? Json(rounded(*stored_bytes)) : Json()},
      {"damaged", to_json(corpus.damaged)},
      {"interrupted", report.interrupted}};
  print_line(object.to_text());
}

void print_row(std::string_view name, const std::string& value) {
  std::string line(name);
  line.resize(26, ' ');
  print_line("  " + line + value);
}

void print_found(const Terminal& terminal, const ReplayReport& report) {
  if (report.found == 0) return;
  const std::string found = grouped(report.found) + (report.found == 1 ? " dialog" : " dialogs") +
                            " found from an earlier run";
  if (report.different.empty()) {
    print_line(terminal.paint(Style::good, found + ": all their " + grouped(report.verified_turns) +
                                               " stored turns equal the source"));
  } else {
    print_line(terminal.paint(Style::bad, found + ": the stored turns of " +
                                              grouped(report.different.size()) +
                                              " differ from the source and were left alone"));
    for (const auto& key : report.different) print_line("  " + key);
  }
  if (report.resumed > 0) {
    print_line("  " + grouped(report.resumed) + " of them went on where that run stopped");
  }
}

void print_summary(Session& session, const Corpus& corpus, ReplayReport& report) {
  const Terminal& terminal = session.terminal();
  const std::uint64_t played = report.turns.count();
  std::string head = report.interrupted ? "interrupted: " : "";
  head +=
      grouped(played) + " turns of " + grouped(corpus.conversations.size()) + " dialogs replayed";
  if (played > 0) {
    head += " in " + duration_text(report.seconds * 1000) + ", " +
            grouped(static_cast<std::uint64_t>(turns_per_second(report))) + " turns/s";
  }
  print_line(terminal.paint(Style::bold, head));
  print_found(terminal, report);
  if (played > 0) {
    print_row("a turn (load, add, save)",
              "p50 " + duration_text(report.turns.milliseconds(0.5)) + "   p99 " +
                  duration_text(report.turns.milliseconds(0.99)) + "   p99.9 " +
                  duration_text(report.turns.milliseconds(0.999)));
  }
  print_row("as DFF's JSON",
            grouped(static_cast<std::uint64_t>(json_bytes_per_turn(corpus))) + " bytes a turn");
  if (const auto bytes = stored_bytes_per_turn(session.storage().statistics(), report)) {
    print_row("as stored", grouped(static_cast<std::uint64_t>(*bytes)) + " bytes a turn");
  }
}

// One conversation, from the store.
void print_example(Session& session, const ContextKey& key) {
  const auto context = session.storage().find(key, whole_history);
  if (!context) return;
  print("\n" + heading_text(session.terminal(), key, *context));
  std::size_t left = shown_turns;
  for (const auto index : context->turn_indices()) {
    if (left-- == 0) break;
    if (const auto turn = context->turn(index)) print(turn_text(session.terminal(), *turn));
  }
  if (context->turn_count() > shown_turns) {
    print_line("… and " + grouped(context->turn_count() - shown_turns) +
               " more turns: dialogstore show " + key_line(key));
  }
  print(misc_text(session.terminal(), *context));
}

}  // namespace

ExitCode run(Session& session, const ReplayCommand& command) {
  const InterruptGuard guard;
  const Corpus corpus = read_corpus(session, command);
  const ReplaySettings settings{.concurrency = command.concurrency,
                                .prefix = command.prefix,
                                .history = command.history,
                                .again = command.again};
  ReplayReport report;
  std::optional<ContextKey> example;
  {
    Progress progress(session.terminal(), "replaying turns", corpus.turns);
    Replay replay(session.storage(), corpus.conversations, settings, progress);
    if (!corpus.conversations.empty()) example = replay.key_of(corpus.conversations.front());
    report = replay.run();
  }
  if (session.json()) {
    print_json(session, corpus, report);
  } else {
    print_summary(session, corpus, report);
    if (example && !report.interrupted) print_example(session, *example);
  }
  for (const auto& [line, reason] : corpus.damaged) {
    Session::complain("line " + std::to_string(line) + ": " + printable(reason) + " (left out)");
  }
  if (report.interrupted) return ExitCode::interrupted;
  if (!report.different.empty()) return ExitCode::no;
  return corpus.damaged.empty() ? ExitCode::ok : ExitCode::damaged;
}

}  // namespace dialogstore::cli
