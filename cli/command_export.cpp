#include <algorithm>
#include <exception>
#include <span>

#include "commands.hpp"
#include "conversation_view.hpp"
#include "export_writer.hpp"
#include "interrupt.hpp"
#include "key_listing.hpp"
#include "text_layout.hpp"
#include "whole_json.hpp"

namespace dialogstore::cli {
namespace {

// So many contexts are held in memory at a time.
constexpr std::size_t batch = 16;

class Export {
 public:
  Export(Session& session, const ExportCommand& command, Progress& progress)
      : session_(session), command_(command), progress_(progress), writer_(command.file) {}

  void add(std::span<const ContextKey> keys) {
    std::vector<std::optional<Context>> contexts;
    try {
      contexts = session_.storage().get_items({keys.begin(), keys.end()}, whole_history);
    } catch (const FormatError&) {
      if (!command_.keep_going) throw;
      add_singly(keys);
      return;
    }
    for (std::size_t at = 0; at < keys.size(); ++at) {
      // Deleted since it was listed: not part of what is stored.
      if (contexts[at]) write(keys[at], *contexts[at]);
    }
  }

  ExitCode finish() {
    if (interrupted()) {
      session_.note("interrupted after " + grouped(writer_.contexts()) + " contexts" +
                    (command_.file == "-" ? "" : "; " + command_.file + " was not written"));
      return ExitCode::interrupted;
    }
    writer_.finish();
    const bool to_file = command_.file != "-";
    if (session_.json() && to_file) {
      print_line(JsonObject{{"exported", writer_.contexts()}, {"damaged", damaged_}}.to_text());
    } else {
      session_.note(grouped(writer_.contexts()) + " contexts exported");
    }
    return damaged_ == 0 ? ExitCode::ok : ExitCode::damaged;
  }

 private:
  // One by one, to find the damaged ones among them.
  void add_singly(std::span<const ContextKey> keys) {
    for (const auto& key : keys) {
      try {
        const auto context = session_.storage().find(key, whole_history);
        if (context) write(key, *context);
      } catch (const FormatError& error) {
        leave_out(error);
      }
    }
  }

  void write(const ContextKey& key, const Context& context) {
    std::string json;
    try {
      json = whole_json(key, context);
    } catch (const FormatError& error) {
      if (!command_.keep_going) throw;
      leave_out(error);
      return;
    }
    writer_.add(key, json);
    progress_.advance();
  }

  void leave_out(const FormatError& damage) {
    ++damaged_;
    Session::complain(std::string(damage.what()) + " (left out)");
  }

  Session& session_;
  const ExportCommand& command_;
  Progress& progress_;
  ExportWriter writer_;
  std::uint64_t damaged_ = 0;
};

}  // namespace

ExitCode run(Session& session, const ExportCommand& command) {
  const InterruptGuard guard;
  const std::uint64_t total = command.prefix.empty() ? session.storage().len() : 0;
  Progress progress(session.terminal(), "exporting", total);
  Export output(session, command, progress);
  for_each_key_page(session.storage(), ScanOrder::any, command.prefix,
                    [&output](std::vector<ContextKey> keys) {
                      std::span<const ContextKey> left = keys;
                      while (!left.empty() && !interrupted()) {
                        const auto part = left.first(std::min(batch, left.size()));
                        output.add(part);
                        left = left.subspan(part.size());
                      }
                      return !interrupted();
                    });
  return output.finish();
}

}  // namespace dialogstore::cli
