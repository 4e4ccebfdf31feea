// get, set, del, has: one context each.
#include "commands.hpp"
#include "conversation_view.hpp"
#include "line_reader.hpp"
#include "whole_json.hpp"

namespace dialogstore::cli {
namespace {

Json key_json(const ContextKey& key) {
  return Json::from_valid_text('{' + key_member(key) + '}');
}

}  // namespace

ExitCode run(Session& session, const GetCommand& command) {
  const ContextKey key = session.key(command.key);
  print_line(whole_json(key, session.storage().get_item(key, whole_history)));
  return ExitCode::ok;
}

ExitCode run(Session& session, const SetCommand& command) {
  const ContextKey key = session.key(command.key);
  Context context = Context::from_json(read_whole(command.file));
  if (command.create) {
    session.storage().create(key, context);
  } else {
    session.storage().set_item(key, context);
  }
  if (session.json()) {
    print_line('{' + key_member(key) + ",\"turns\":" + std::to_string(context.turn_count()) + '}');
  }
  return ExitCode::ok;
}

ExitCode run(Session& session, const DelCommand& command) {
  std::uint64_t deleted = 0;
  std::vector<Json> absent;
  for (const auto& key : session.keys(command.keys)) {
    if (session.storage().del_item(key)) {
      ++deleted;
      continue;
    }
    absent.push_back(key_json(key));
    if (!session.json()) Session::complain("no context is stored under " + key_line(key));
  }
  if (session.json()) {
    print_line(JsonObject{{"deleted", deleted}, {"absent", Json::array(absent)}}.to_text());
  }
  return absent.empty() ? ExitCode::ok : ExitCode::no;
}

ExitCode run(Session& session, const HasCommand& command) {
  const ContextKey key = session.key(command.key);
  const bool stored = session.storage().contains(key);
  if (session.json()) {
    print_line('{' + key_member(key) + ",\"stored\":" + (stored ? "true" : "false") + '}');
  } else if (!session.quiet()) {
    print_line(stored ? "yes" : "no");
  }
  return stored ? ExitCode::ok : ExitCode::no;
}

}  // namespace dialogstore::cli
