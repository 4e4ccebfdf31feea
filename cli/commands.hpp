// The commands: what each takes and the function that does it. The parser (command_line.cpp) fills
// the structs; nothing here knows how a command line looks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corpus.hpp"
#include "exit_code.hpp"
#include "session.hpp"

namespace dialogstore::cli {

/// What to do with a key under which something is stored already.
enum class OnExisting : std::uint8_t { fail, skip, overwrite };

struct GetCommand {
  std::string key;
};
ExitCode run(Session& session, const GetCommand& command);

struct SetCommand {
  std::string key;
  std::string file = "-";
  bool create = false;
};
ExitCode run(Session& session, const SetCommand& command);

struct DelCommand {
  std::vector<std::string> keys;
};
ExitCode run(Session& session, const DelCommand& command);

struct HasCommand {
  std::string key;
};
ExitCode run(Session& session, const HasCommand& command);

struct LsCommand {
  bool newest = false;
  std::size_t limit = 0;  ///< 0: all
  std::string prefix;
};
ExitCode run(Session& session, const LsCommand& command);

struct LenCommand {};
ExitCode run(Session& session, const LenCommand& command);

struct ClearCommand {
  bool yes = false;
};
ExitCode run(Session& session, const ClearCommand& command);

struct ShowCommand {
  std::string key;
  std::size_t last = 0;  ///< 0: all
  std::optional<std::int64_t> from, to;
};
ExitCode run(Session& session, const ShowCommand& command);

struct StatsCommand {};
ExitCode run(Session& session, const StatsCommand& command);

struct ExportCommand {
  std::string file = "-";
  std::string prefix;
  bool keep_going = false;
};
ExitCode run(Session& session, const ExportCommand& command);

struct ImportCommand {
  std::string file = "-";
  CorpusFormat format = CorpusFormat::automatic;
  OnExisting on_existing = OnExisting::fail;
  std::string prefix;
  bool keep_going = false;
};
ExitCode run(Session& session, const ImportCommand& command);

struct MigrateCommand {
  std::string source, target;
  OnExisting on_existing = OnExisting::fail;
  bool dry_run = false;
};
ExitCode run(Session& session, const MigrateCommand& command);

struct CheckCommand {
  bool repair = false;
};
ExitCode run(Session& session, const CheckCommand& command);

struct ReencryptCommand {};
ExitCode run(Session& session, const ReencryptCommand& command);

struct WatchCommand {
  std::string key;
  std::optional<std::int64_t> from;  ///< unset: only what is saved from now on
};
ExitCode run(Session& session, const WatchCommand& command);

struct ChatCommand {
  std::string key;   ///< empty: chat:<user>
  std::string user;  ///< empty: the name in the environment
};
ExitCode run(Session& session, const ChatCommand& command);

struct BenchCommand {
  unsigned dialogs = 64;
  unsigned turns = 20;
  std::vector<unsigned> existing{0, 100};
  unsigned bytes = 300;
};
ExitCode run(Session& session, const BenchCommand& command);

struct ReplayCommand {
  std::string file;
  CorpusFormat format = CorpusFormat::automatic;
  std::size_t dialogs = 0;  ///< 0: all
  unsigned concurrency = 64;
  std::string prefix;
  std::optional<History> history;
  bool again = false;
  bool keep_going = false;
};
ExitCode run(Session& session, const ReplayCommand& command);

}  // namespace dialogstore::cli
