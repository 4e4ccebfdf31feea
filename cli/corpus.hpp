// Conversations from files: our export, plain JSON lines, the Schema-Guided Dialogue corpus.
//
// Formats, one JSON object a line, plain or gzip:
//   export         {"dialogstore_export":1,…} first, {"key":…,"context":{…}} for each, and
//                  {"dialogstore_export_end":1,"contexts":N} last
//   conversations  {"id":"42","turns":[{"request":"Hi","response":"Hello!"},…]}; a request or
//                  response may be a DFF message; "label":["flow","node"] and "misc":{…} are
//                  optional
//   sgd            {"dialogue_id":…,"turns":[{"speaker":"USER",…},…]} as published, a line each
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dialogstore/context.hpp"
#include "dialogstore/key.hpp"
#include "exit_code.hpp"
#include "line_reader.hpp"

namespace dialogstore::cli {

enum class CorpusFormat : std::uint8_t { automatic, exported, conversations, sgd };

std::string_view to_string(CorpusFormat format) noexcept;

/// A turn to be played, and what `misc` holds after it.
struct PlayedTurn {
  std::optional<Label> label;
  std::optional<Message> request;
  std::optional<Message> response;
  JsonObject misc;
};

/// One conversation of a file.
struct Conversation {
  ContextKey key{""};
  std::vector<PlayedTurn> turns;
  std::optional<Context> exported;  ///< of an export: the context as it was

  /// A context without turns, under the id that it had or that its key gives it.
  [[nodiscard]] Context fresh_context() const;
  /// The context with all its turns.
  [[nodiscard]] Context to_context() const;
};

/// Puts a turn and its state under the index `index`.
void play(Context& context, std::int64_t index, const PlayedTurn& turn);

/// A line that cannot be understood; the reader can go on behind it.
class CorpusError : public CommandError {
 public:
  CorpusError(std::size_t line, const std::string& reason)
      : CommandError(ExitCode::damaged, "line " + std::to_string(line) + ": " + reason),
        line_(line),
        reason_(reason) {}
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::size_t line_;
  std::string reason_;
};

class CorpusReader {
 public:
  /// @param path "-" is stdin. Throws CommandError (file).
  CorpusReader(const std::string& path, CorpusFormat format);

  /// The next conversation; nullopt at the end. Throws CorpusError for a line that is no
  /// conversation or repeats the key of an earlier one, CommandError when the file cannot be read.
  std::optional<Conversation> next();
  /// Known after the first conversation.
  [[nodiscard]] CorpusFormat format() const noexcept { return format_; }

 private:
  std::optional<Conversation> read_line(const std::string& line);
  void read_header(const JsonObject& object);
  void finish();

  LineReader lines_;
  CorpusFormat format_;
  std::unordered_map<std::string, std::size_t> seen_;  // key → line
  std::uint64_t contexts_ = 0;
  bool header_seen_ = false;
  bool end_seen_ = false;
  bool finished_ = false;
};

struct DamagedLine {
  std::size_t line = 0;
  std::string reason;
};

/// The next sound conversation; damaged lines before it are added to `damaged` when `keep_going`,
/// else the first one is thrown.
std::optional<Conversation> next_sound(CorpusReader& reader, bool keep_going,
                                       std::vector<DamagedLine>& damaged);

/// `[{"line":7,"reason":"…"},…]`
Json to_json(const std::vector<DamagedLine>& damaged);

/// One object of each format. Throws FormatError or std::invalid_argument with the reason.
Conversation read_exported(const JsonObject& object);
Conversation read_conversation(const JsonObject& object);
Conversation read_sgd(const JsonObject& object);

}  // namespace dialogstore::cli
