// show watch chat, export import migrate replay bench
#include <map>

#include "command_parsers.hpp"
#include "commands.hpp"

namespace dialogstore::cli {
namespace {

constexpr std::int64_t lowest_index = INT32_MIN;
constexpr std::int64_t highest_index = INT32_MAX;

template <class Choice>
CLI::Option* add_choice(CLI::App& parser, const std::string& name, Choice& value,
                        const std::map<std::string, Choice>& choices,
                        const std::string& description) {
  std::string names;
  for (const auto& [text, meaning] : choices) names += (names.empty() ? "" : "|") + text;
  return parser
      .add_option_function<std::string>(
          name, [&value, choices](const std::string& text) { value = choices.at(text); },
          description)
      ->check(CLI::IsMember(choices).description(""))
      ->type_name(names);
}

void add_on_existing(CLI::App& parser, OnExisting& value) {
  add_choice<OnExisting>(parser, "--on-existing", value,
                         {{"fail", OnExisting::fail},
                          {"skip", OnExisting::skip},
                          {"overwrite", OnExisting::overwrite}},
                         "When a key is taken (default: fail)");
}

void add_format(CLI::App& parser, CorpusFormat& value) {
  add_choice<CorpusFormat>(parser, "--format", value,
                           {{"auto", CorpusFormat::automatic},
                            {"export", CorpusFormat::exported},
                            {"conversations", CorpusFormat::conversations},
                            {"sgd", CorpusFormat::sgd}},
                           "What the file holds (default: auto)");
}

constexpr const char* formats_text =
    "Formats, one JSON object a line, plain or gzip:\n"
    "  export         what `dialogstore export` writes\n"
    "  conversations  {\"id\":\"42\",\"turns\":[{\"request\":\"Hi\",\"response\":\"Hello!\"}]}\n"
    "  sgd            dialogues of the Schema-Guided Dialogue corpus\n";

void add_export(CLI::App& app, Invocation& invocation) {
  auto [parser, command] =
      add_command<ExportCommand>(app, invocation, "export", "Write all contexts as JSON lines",
                                 "A file gets its name only when it is complete.\n"
                                 "Examples:\n  dialogstore export backup.jsonl.gz\n"
                                 "  dialogstore export --prefix user- | wc -l");
  parser->add_option("FILE", command->file, "A file, gzip when its name ends in .gz; - is stdout")
      ->capture_default_str();
  parser->add_option("--prefix", command->prefix, "Only keys that begin so")->type_name("TEXT");
  parser->add_flag("--keep-going", command->keep_going, "Leave out damaged contexts (exit code 5)");
}

void add_import(CLI::App& app, Invocation& invocation) {
  auto [parser, command] = add_command<ImportCommand>(
      app, invocation, "import", "Store contexts from an export or from conversations",
      std::string(formats_text) +
          "A damaged line ends the import; what came before it is stored.\n"
          "Examples:\n  dialogstore import backup.jsonl.gz --on-existing skip\n"
          "  zcat dialogues.jsonl.gz | dialogstore import --format sgd --prefix sgd/");
  parser->add_option("FILE", command->file, "A file, plain or gzip; - is stdin")
      ->capture_default_str();
  add_format(*parser, command->format);
  add_on_existing(*parser, command->on_existing);
  parser->add_option("--prefix", command->prefix, "Put before every key")->type_name("TEXT");
  parser->add_flag("--keep-going", command->keep_going, "Leave out damaged lines (exit code 5)");
}

void add_migrate(CLI::App& app, Invocation& invocation) {
  auto [parser, command] = add_command<MigrateCommand>(
      app, invocation, "migrate", "Copy all contexts from one storage to another",
      "The source is only read. --store plays no part.\n"
      "Examples:\n  dialogstore migrate --dry-run 'redis://localhost?layout=dff' "
      "'redis://localhost?namespace=bot'\n"
      "  dialogstore migrate sqlite:///old.db redis://localhost --on-existing skip");
  parser->add_option("SOURCE", command->source, "URI of the storage to read")->required();
  parser->add_option("TARGET", command->target, "URI of the storage to write")->required();
  add_on_existing(*parser, command->on_existing);
  parser->add_flag("--dry-run", command->dry_run, "Read everything, write nothing");
}

void add_replay(CLI::App& app, Invocation& invocation) {
  auto [parser, command] = add_command<ReplayCommand>(
      app, invocation, "replay", "Live through real conversations as a bot would, and time it",
      std::string(formats_text) +
          "Each turn loads the context, adds request, label and response, and saves it. Dialogs\n"
          "that an earlier run stored are compared with the file (exit code 1 when they differ)\n"
          "and not stored twice; one that was interrupted goes on.\n"
          "Examples:\n  dialogstore replay dialogues.jsonl.gz\n"
          "  dialogstore --store redis://localhost replay dialogues.jsonl.gz --dialogs 100 "
          "--concurrency 16");
  parser->add_option("FILE", command->file, "A file, plain or gzip; - is stdin")->required();
  add_format(*parser, command->format);
  parser->add_option("--dialogs", command->dialogs, "Only the first so many (0: all)")
      ->type_name("N");
  parser->add_option("--concurrency", command->concurrency, "Dialogs at once")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str()
      ->type_name("N");
  parser->add_option("--prefix", command->prefix, "Put before every key")->type_name("TEXT");
  add_choice<std::optional<History>>(
      *parser, "--history", command->history, {{"recent", History::recent}, {"all", History::all}},
      "How much of a dialog a turn loads (default: as the URI says)");
  parser->add_flag("--again", command->again, "Stored dialogs go on with the same turns once more");
  parser->add_flag("--keep-going", command->keep_going, "Leave out damaged lines (exit code 5)");
}

void add_bench(CLI::App& app, Invocation& invocation) {
  auto [parser, command] = add_command<BenchCommand>(
      app, invocation, "bench", "Measure turns a second, in the namespace dialogstore-bench",
      "Examples:\n  dialogstore bench\n"
      "  dialogstore --store redis://localhost bench --dialogs 256 --existing 0,100,1000");
  parser->add_option("--dialogs", command->dialogs, "Dialogs at once")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str()
      ->type_name("N");
  parser->add_option("--turns", command->turns, "Turns that each dialog is measured for")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str()
      ->type_name("N");
  parser->add_option("--existing", command->existing, "Turns a dialog has before (several: 0,100)")
      ->delimiter(',')
      ->check(CLI::Range(0, 100'000).description(""))
      ->capture_default_str()
      ->type_name("N,…");
  parser->add_option("--bytes", command->bytes, "Text of a turn")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->capture_default_str()
      ->type_name("N");
}

}  // namespace

void add_bulk_commands(CLI::App& app, Invocation& invocation) {
  add_export(app, invocation);
  add_import(app, invocation);
  add_migrate(app, invocation);
  add_command<ReencryptCommand>(
      app, invocation, "reencrypt", "Write every context with the first of the URI's keys",
      "What is readable, or encrypted with an older key, is written anew; the rest is left as it "
      "is.\n"
      "Bots may go on meanwhile. Afterwards the older keys are needed no more.\n"
      "Examples:\n  dialogstore --store 'redis://localhost?encrypt=file:keys' reencrypt");
  add_replay(app, invocation);
  add_bench(app, invocation);
}

void add_talk_commands(CLI::App& app, Invocation& invocation) {
  {
    auto [parser, command] =
        add_command<ShowCommand>(app, invocation, "show", "Print a dialog as people read it",
                                 "Examples:\n  dialogstore show user-1 --last 5\n  dialogstore "
                                 "show user-1 --from 10 --to 20\n"
                                 "  dialogstore --json show user-1 | jq -r .request.text");
    parser->add_option("KEY", command->key, "The context's key")->required();
    parser->add_option("--last", command->last, "Only the last so many turns")->type_name("N");
    parser->add_option("--from", command->from, "From this turn")
        ->check(CLI::Range(lowest_index, highest_index).description(""))
        ->type_name("TURN");
    parser->add_option("--to", command->to, "Up to this turn, which is left out")
        ->check(CLI::Range(lowest_index, highest_index).description(""))
        ->type_name("TURN");
  }
  {
    auto [parser, command] = add_command<WatchCommand>(
        app, invocation, "watch", "Print the turns of a dialog as they are saved, until Ctrl-C",
        "Examples:\n  dialogstore watch user-1\n  dialogstore --json watch user-1 --from 0");
    parser->add_option("KEY", command->key, "The context's key")->required();
    parser->add_option("--from", command->from, "From this turn (default: only new ones)")
        ->check(CLI::Range(lowest_index, highest_index).description(""))
        ->type_name("TURN");
  }
  {
    auto [parser, command] = add_command<ChatCommand>(
        app, invocation, "chat", "Talk to a small pizza bot that remembers you",
        "Stop it, start it again: the dialog goes on.\n"
        "Examples:\n  dialogstore chat\n  printf 'hi\\nAnn\\npizza\\n' | dialogstore chat --user "
        "ann");
    parser->add_option("KEY", command->key, "The dialog's key (default: chat:USER)");
    parser->add_option("--user", command->user, "Who talks (default: USER in the environment)")
        ->type_name("NAME");
  }
}

}  // namespace dialogstore::cli
