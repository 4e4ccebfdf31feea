#include <deque>
#include <string>
#include <unordered_set>
#include <utility>

#include "commands.hpp"
#include "conversation_view.hpp"
#include "dialogstore/uri.hpp"
#include "interrupt.hpp"
#include "key_listing.hpp"
#include "store_into.hpp"
#include "text_layout.hpp"
#include "whole_json.hpp"

namespace dialogstore::cli {
namespace {

// So many contexts are held in memory at a time.
constexpr std::size_t batch = 32;

// The contexts of the source, pulled one by one and read in batches.
class Contexts {
 public:
  explicit Contexts(DBContextStorage& source) : source_(source) {}

  std::optional<KeyedContext> next() {
    while (read_.empty()) {
      if (ended_) return std::nullopt;
      read_batch();
    }
    KeyedContext item = std::move(read_.front());
    read_.pop_front();
    return item;
  }

 private:
  void read_batch() {
    auto page = source_.scan(cursor_, {.page_size = batch});
    cursor_ = std::move(page.cursor);
    ended_ = cursor_.empty();
    std::erase_if(page.keys,
                  [this](const ContextKey& key) { return !given_.insert(key.text()).second; });
    const auto contexts = source_.get_items(page.keys, whole_history);
    for (std::size_t at = 0; at < contexts.size(); ++at) {
      if (!contexts[at]) continue;
      // By way of its JSON, so that the target does not take it for a context loaded from there.
      read_.emplace_back(page.keys[at],
                         Context::from_json(whole_json(page.keys[at], *contexts[at])));
    }
  }

  DBContextStorage& source_;
  std::deque<KeyedContext> read_;
  std::unordered_set<std::string> given_;
  std::string cursor_;
  bool ended_ = false;
};

// DFF's values are listed only when they are sound: the others would be left behind unnoticed.
std::size_t name_damaged(DBContextStorage& source) {
  const auto damaged = source.check(false).damaged;
  for (const auto& [key, reason] : damaged) {
    Session::complain(key + ": " + printable(reason) + " (left out)");
  }
  return damaged.size();
}

void report(const Session& session, const StoredCounts& counts, std::size_t damaged, bool dry_run) {
  if (session.json()) {
    print_line(JsonObject{{"migrated", counts.stored},
                          {"skipped", counts.skipped},
                          {"damaged", damaged},
                          {"dry_run", dry_run},
                          {"interrupted", interrupted()}}
                   .to_text());
    return;
  }
  if (session.quiet()) return;
  std::string text = interrupted() ? "interrupted: " : "";
  text += grouped(counts.stored) + (dry_run ? " contexts would be migrated" : " contexts migrated");
  if (counts.skipped > 0) text += ", " + grouped(counts.skipped) + " are in the target already";
  if (damaged > 0) text += ", " + grouped(damaged) + " are damaged and left out";
  print_line(text);
}

// Reads everything and writes nothing: also finds what cannot be read.
void try_all(Contexts& contexts, DBContextStorage& target, OnExisting on_existing,
             Progress& progress, StoredCounts& counts) {
  while (!interrupted()) {
    const auto item = contexts.next();
    if (!item) return;
    progress.advance();
    const bool taken = on_existing != OnExisting::overwrite && target.contains(item->first);
    ++(taken ? counts.skipped : counts.stored);
  }
}

}  // namespace

ExitCode run(Session& session, const MigrateCommand& command) {
  if (command.source == command.target) {
    throw CommandError(ExitCode::usage, "source and target are the same storage");
  }
  const InterruptGuard guard;
  const auto source = context_storage_factory(command.source);
  const auto target = context_storage_factory(command.target);
  Contexts contexts(*source);
  StoredCounts counts;
  try {
    Progress progress(session.terminal(), "migrating", source->len());
    if (command.dry_run) {
      try_all(contexts, *target, command.on_existing, progress, counts);
    } else {
      const auto next = [&] {
        progress.advance();
        return contexts.next();
      };
      store_all(*target, command.on_existing, next, counts);
    }
  } catch (...) {
    report(session, counts, 0, command.dry_run);
    throw;
  }
  const bool is_dff = parse_uri(command.source).layout == Layout::dff;
  const std::size_t damaged = is_dff && !interrupted() ? name_damaged(*source) : 0;
  report(session, counts, damaged, command.dry_run);
  if (interrupted()) return ExitCode::interrupted;
  if (damaged > 0) return ExitCode::damaged;
  const bool would_fail =
      command.dry_run && counts.skipped > 0 && command.on_existing == OnExisting::fail;
  return would_fail ? ExitCode::conflict : ExitCode::ok;
}

}  // namespace dialogstore::cli
