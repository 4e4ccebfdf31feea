#include "command_line.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "command_parsers.hpp"
#include "commands.hpp"
#include "dialogstore/uri.hpp"
#include "dialogstore/version.hpp"

namespace dialogstore::cli {
namespace {

constexpr const char* footer_text = R"(Storages:
  sqlite:///file.db  sqlite:////absolute/file.db      a file, no server
  redis://host:6379/0  rediss://host  redis+unix:///path.sock
  redis+cluster://host1,host2/  redis+sentinel://host1,host2/service
  options follow as ?name=value&…: namespace, ttl, timeout, history, on_conflict, …
  A password is better kept in DIALOGSTORE_URI than in --store, which every user of the machine sees.

Exit codes:
  0 done, or yes       1 no: absent, unsound, different     2 wrong arguments, URI or key
  3 unavailable        4 conflict, or outcome unknown       5 damaged or unknown format
  6 denied             7 too large or full                  8 a file cannot be read or written
  130 interrupted (what was done is done wholly)

`dialogstore COMMAND --help` shows the arguments of a command and examples.)";

void add_global_options(CLI::App& app, GlobalOptions& global) {
  app.add_option("--store", global.store,
                 "The storage's URI (default: the file dialogstore/dialogs.db in the folder\n"
                 "XDG_DATA_HOME or ~/.local/share)")
      ->envname("DIALOGSTORE_URI")
      ->type_name("URI");
  app.add_flag("--json", global.json, "Answer in JSON: one document, or a line for each item");
  app.add_flag("--no-color", global.no_color, "No colour (also NO_COLOR in the environment)");
  app.add_flag("--quiet", global.quiet, "No remarks and no progress");
  app.add_flag("--base64", global.base64_keys, "KEY arguments are base64, for keys of any bytes");
}

// The parser quotes arguments it does not expect; one of them may be a URI with a password, or
// meant to be one.
bool may_hold_password(std::string_view argument) {
  for (const std::string_view mark : {"//", "@", "password"}) {
    if (argument.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

std::string without_passwords(std::string text, int count, const char* const* arguments) {
  for (int at = 1; at < count; ++at) {
    const std::string_view argument = arguments[at];
    if (!may_hold_password(argument)) continue;
    const std::string redacted = redact_uri(argument);
    for (auto found = text.find(argument); found != std::string::npos;
         found = text.find(argument, found + redacted.size())) {
      text.replace(found, argument.size(), redacted);
    }
  }
  return text;
}

// The parser says only that a command is missing, also when there is a misspelt one.
std::string without_command(const CLI::App& app) {
  const auto words = app.remaining();
  const auto misspelt =
      std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  std::string text = misspelt != words.end() ? "there is no command \"" + *misspelt + "\""
                                             : "a command is missing";
  text += "; the commands are";
  for (const CLI::App* command : app.get_subcommands({})) text += " " + command->get_name();
  return text;
}

}  // namespace

std::optional<Invocation> parse_command_line(int count, const char* const* arguments) {
  Invocation invocation;
  CLI::App app("Stores the contexts of dialogs in Redis or in a file.", "dialogstore");
  app.set_version_flag("--version", "dialogstore " + std::string(version));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(footer_text);
  add_global_options(app, invocation.global);
  add_item_commands(app, invocation);
  add_storage_commands(app, invocation);
  add_bulk_commands(app, invocation);
  add_talk_commands(app, invocation);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& help) {
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    const bool lacks_command =
        app.get_subcommands().empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
    const std::string text = lacks_command ? without_command(app) : error.what();
    throw CommandError(ExitCode::usage,
                       without_passwords(text, count, arguments) + " (see --help)");
  }
  return invocation;
}

}  // namespace dialogstore::cli
