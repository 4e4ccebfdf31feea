// show and watch: a dialog as people read it.
#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <limits>

#include "commands.hpp"
#include "concurrently.hpp"
#include "conversation_view.hpp"
#include "interrupt.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

// The indices asked for: from <= index < to, of those the last few.
std::vector<std::int64_t> chosen(const Context& context, const ShowCommand& command) {
  auto indices = context.turn_indices();
  std::erase_if(indices, [&command](std::int64_t index) {
    return (command.from && index < *command.from) || (command.to && index >= *command.to);
  });
  if (command.last > 0 && indices.size() > command.last) {
    indices.erase(indices.begin(), indices.end() - static_cast<std::ptrdiff_t>(command.last));
  }
  return indices;
}

void print_turn(Session& session, const Turn& turn) {
  if (session.json()) {
    print_line(turn_json(turn));
  } else {
    print(turn_text(session.terminal(), turn));
  }
}

// One past the last turn that is stored now; 0 when there is no such context yet.
std::int64_t next_index(DBContextStorage& storage, const ContextKey& key) {
  const auto context = storage.find(key, {.history = History::recent});
  if (!context) return 0;
  const auto indices = context->turn_indices();
  return indices.empty() ? 0 : indices.back() + 1;
}

asio::awaitable<void> watch(Session& session, ContextKey key, std::int64_t from) {
  while (true) {
    auto update = co_await session.storage().watch_async(key, from, asio::use_awaitable);
    for (const auto& turn : update.turns) {
      print_turn(session, turn);
      from = std::max(from, turn.index + 1);
    }
    flush_output();
    from = std::max(from, update.next_index);
  }
}

}  // namespace

ExitCode run(Session& session, const ShowCommand& command) {
  const ContextKey key = session.key(command.key);
  const Context context = session.storage().get_item(key, whole_history);
  const auto indices = chosen(context, command);
  if (!session.json()) print(heading_text(session.terminal(), key, context));
  for (const auto index : indices) {
    if (const auto turn = context.turn(index)) print_turn(session, *turn);
  }
  if (!session.json()) print(misc_text(session.terminal(), context));
  return ExitCode::ok;
}

ExitCode run(Session& session, const WatchCommand& command) {
  const InterruptGuard guard;
  const ContextKey key = session.key(command.key);
  const std::int64_t from = command.from ? *command.from : next_index(session.storage(), key);
  session.note("watching " + key_line(key) + " from turn " + std::to_string(from) +
               "; Ctrl-C ends it");
  run_until_interrupted(watch(session, key, from));
  return ExitCode::interrupted;
}

}  // namespace dialogstore::cli
