#include "commands.hpp"
#include "conversation_view.hpp"
#include "interrupt.hpp"
#include "store_into.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

void report(const Session& session, const StoredCounts& counts,
            const std::vector<DamagedLine>& damaged) {
  if (session.json()) {
    print_line(JsonObject{{"imported", counts.stored},
                          {"skipped", counts.skipped},
                          {"damaged", to_json(damaged)},
                          {"interrupted", interrupted()}}
                   .to_text());
  } else if (!session.quiet()) {
    std::string text = interrupted() ? "interrupted: " : "";
    text += grouped(counts.stored) + " contexts imported";
    if (counts.skipped > 0) text += ", " + grouped(counts.skipped) + " were there already";
    if (!damaged.empty()) text += ", " + grouped(damaged.size()) + " damaged lines left out";
    print_line(text);
  }
  for (const auto& [line, reason] : damaged) {
    Session::complain("line " + std::to_string(line) + ": " + printable(reason));
  }
}

}  // namespace

ExitCode run(Session& session, const ImportCommand& command) {
  const InterruptGuard guard;
  CorpusReader reader(command.file, command.format);
  std::vector<DamagedLine> damaged;
  StoredCounts counts;
  try {
    Progress progress(session.terminal(), "importing", 0);
    const auto next = [&]() -> std::optional<KeyedContext> {
      auto conversation = next_sound(reader, command.keep_going, damaged);
      if (!conversation) return std::nullopt;
      progress.advance();
      return KeyedContext(command.prefix + conversation->key.text(), conversation->to_context());
    };
    store_all(session.storage(), command.on_existing, next, counts);
  } catch (...) {
    // What came before the failure is stored; say so before the failure itself is reported.
    report(session, counts, damaged);
    throw;
  }
  report(session, counts, damaged);
  if (interrupted()) return ExitCode::interrupted;
  return damaged.empty() ? ExitCode::ok : ExitCode::damaged;
}

}  // namespace dialogstore::cli
