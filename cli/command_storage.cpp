// ls, len, clear, stats, check: the storage as a whole.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "commands.hpp"
#include "conversation_view.hpp"
#include "dialogstore/uri.hpp"
#include "interrupt.hpp"
#include "key_listing.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

// Asked on stderr, so that stdout stays what a script reads.
bool agreed(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string contexts_text(std::uint64_t count) {
  return grouped(count) + (count == 1 ? " context" : " contexts");
}

void print_check_json(const CheckReport& report) {
  std::vector<Json> damaged;
  for (const auto& [key, reason] : report.damaged) {
    damaged.emplace_back(JsonObject{{"key", key}, {"reason", printable(reason)}});
  }
  print_line(JsonObject{{"sound", report.sound()},
                        {"contexts", report.contexts},
                        {"unlisted", report.unlisted},
                        {"listed_absent", report.listed_absent},
                        {"repaired", report.repaired},
                        {"damaged", Json::array(damaged)}}
                 .to_text());
}

void print_check(const Terminal& terminal, const CheckReport& report) {
  print_line(contexts_text(report.contexts) + " sound");
  if (report.unlisted > 0) {
    print_line(
        terminal.paint(Style::bad, grouped(report.unlisted) + " stored but not in the index"));
  }
  if (report.listed_absent > 0) {
    print_line(
        terminal.paint(Style::bad, grouped(report.listed_absent) + " in the index but not stored"));
  }
  if (report.repaired > 0) print_line(grouped(report.repaired) + " index entries put right");
  for (const auto& [key, reason] : report.damaged) {
    print_line(terminal.paint(Style::bad, "damaged: ") + key + ": " + printable(reason));
  }
}

}  // namespace

ExitCode run(Session& session, const LsCommand& command) {
  const InterruptGuard guard;
  const auto order = command.newest ? ScanOrder::newest_first : ScanOrder::any;
  std::size_t left = command.limit == 0 ? SIZE_MAX : command.limit;
  for_each_key_page(session.storage(), order, command.prefix, [&](std::vector<ContextKey> keys) {
    for (const auto& key : keys) {
      if (left == 0) return false;
      --left;
      print_line(session.json() ? '{' + key_member(key) + '}' : key_line(key));
    }
    flush_output();
    return left > 0;
  });
  return interrupted() ? ExitCode::interrupted : ExitCode::ok;
}

ExitCode run(Session& session, const LenCommand&) {
  const std::uint64_t contexts = session.storage().len();
  print_line(session.json() ? JsonObject{{"contexts", contexts}}.to_text()
                            : std::to_string(contexts));
  return ExitCode::ok;
}

ExitCode run(Session& session, const ClearCommand& command) {
  if (!command.yes) {
    if (!session.terminal().interactive) {
      throw CommandError(ExitCode::usage,
                         "clear removes every context of the namespace; say --yes");
    }
    const std::string where = redact_uri(session.uri());
    if (!agreed("Remove " + contexts_text(session.storage().len()) + " from " + where + "?")) {
      session.note("nothing was removed");
      return ExitCode::no;
    }
  }
  const std::uint64_t removed = session.storage().clear();
  if (session.json()) {
    print_line(JsonObject{{"removed", removed}}.to_text());
  } else if (!session.quiet()) {
    print_line(contexts_text(removed) + " removed");
  }
  return ExitCode::ok;
}

ExitCode run(Session& session, const StatsCommand&) {
  const Statistics statistics = session.storage().statistics();
  if (session.json()) {
    JsonObject object;
    for (const auto& [name, value] : statistics) object.set(name, value);
    print_line(object.to_text());
    return ExitCode::ok;
  }
  std::size_t columns = 0;
  for (const auto& [name, value] : statistics) columns = std::max(columns, display_width(name));
  for (const auto& [name, value] : statistics) {
    const std::string gap(columns + 2 - display_width(name), ' ');
    print_line(session.terminal().paint(Style::dim, name) + gap + printable(value));
  }
  return ExitCode::ok;
}

ExitCode run(Session& session, const CheckCommand& command) {
  const CheckReport report = session.storage().check(command.repair);
  if (session.json()) {
    print_check_json(report);
  } else {
    print_check(session.terminal(), report);
  }
  const bool repaired = command.repair && report.damaged.empty() &&
                        report.repaired >= report.unlisted + report.listed_absent;
  return report.sound() || repaired ? ExitCode::ok : ExitCode::no;
}

}  // namespace dialogstore::cli
