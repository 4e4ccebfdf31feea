// The commands' arguments, in two files because the parsing library compiles slowly.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "command_line.hpp"

namespace dialogstore::cli {

void add_item_commands(CLI::App& app, Invocation& invocation);
void add_storage_commands(CLI::App& app, Invocation& invocation);
void add_bulk_commands(CLI::App& app, Invocation& invocation);
void add_talk_commands(CLI::App& app, Invocation& invocation);

/// A subcommand whose options fill a `Command`, and which then is the invocation's command.
template <class Command>
std::pair<CLI::App*, std::shared_ptr<Command>> add_command(CLI::App& app, Invocation& invocation,
                                                           const std::string& name,
                                                           const std::string& description,
                                                           const std::string& examples) {
  CLI::App* parser = app.add_subcommand(name, description);
  // --store and its like may come behind the command too.
  parser->fallthrough();
  parser->footer(examples);
  auto command = std::make_shared<Command>();
  parser->callback([&invocation, command] {
    invocation.command = [command](Session& session) { return run(session, *command); };
  });
  return {parser, std::move(command)};
}

}  // namespace dialogstore::cli
