// get set del has ls len clear stats check
#include "command_parsers.hpp"
#include "commands.hpp"

namespace dialogstore::cli {

void add_item_commands(CLI::App& app, Invocation& invocation) {
  {
    auto [parser, command] = add_command<GetCommand>(
        app, invocation, "get", "Print a context as DFF's JSON",
        "Examples:\n  dialogstore get user-1\n  dialogstore get user-1 | jq .misc");
    parser->add_option("KEY", command->key, "The context's key")->required();
  }
  {
    auto [parser, command] = add_command<SetCommand>(
        app, invocation, "set", "Store a context from DFF's JSON, in place of what is stored",
        "Examples:\n  dialogstore set user-1 context.json\n"
        "  dialogstore get user-1 | dialogstore set user-2 --create");
    parser->add_option("KEY", command->key, "The context's key")->required();
    parser->add_option("FILE", command->file, "A file, plain or gzip; - is stdin")
        ->capture_default_str();
    parser->add_flag("--create", command->create, "Only when nothing is stored (else exit code 4)");
  }
  {
    auto [parser, command] = add_command<DelCommand>(
        app, invocation, "del", "Remove contexts; exit code 1 when one was not there",
        "Examples:\n  dialogstore del user-1 user-2\n  dialogstore del -- -key-with-a-dash");
    parser->add_option("KEY", command->keys, "Keys of contexts")->required();
  }
  {
    auto [parser, command] = add_command<HasCommand>(
        app, invocation, "has", "Say whether a context is stored; exit code 0 yes, 1 no",
        "Examples:\n  dialogstore has user-1\n"
        "  dialogstore --quiet has user-1 && echo \"we know each other\"");
    parser->add_option("KEY", command->key, "The context's key")->required();
  }
}

void add_storage_commands(CLI::App& app, Invocation& invocation) {
  {
    auto [parser, command] = add_command<LsCommand>(
        app, invocation, "ls", "List the keys, one a line",
        "Control and non-UTF-8 bytes are shown as \\xNN; --json gives every key exactly.\n"
        "Examples:\n  dialogstore ls --newest --limit 10\n  dialogstore --json ls --prefix user-");
    parser->add_flag("--newest", command->newest, "Most recently used first");
    parser->add_option("--limit", command->limit, "At most so many (0: all)")->type_name("N");
    parser->add_option("--prefix", command->prefix, "Only keys that begin so")->type_name("TEXT");
  }
  add_command<LenCommand>(app, invocation, "len", "Print how many contexts are stored",
                          "Examples:\n  dialogstore len\n"
                          "  dialogstore --store 'redis://localhost?namespace=bot' len");
  {
    auto [parser, command] = add_command<ClearCommand>(
        app, invocation, "clear", "Remove every context of the namespace, and nothing else",
        "Examples:\n  dialogstore clear\n"
        "  dialogstore --store 'redis://localhost?namespace=test' clear --yes");
    parser->add_flag("--yes", command->yes, "Do not ask (needed when not on a terminal)");
  }
  add_command<StatsCommand>(app, invocation, "stats", "Print sizes and counters of the storage",
                            "Examples:\n  dialogstore stats\n  dialogstore --json stats");
  {
    auto [parser, command] = add_command<CheckCommand>(
        app, invocation, "check", "Verify the index and every context; exit code 1 when unsound",
        "Contexts are never changed: a damaged one is reported and left as it is.\n"
        "Examples:\n  dialogstore check\n  dialogstore check --repair");
    parser->add_flag("--repair", command->repair, "Put the index right");
  }
}

}  // namespace dialogstore::cli
