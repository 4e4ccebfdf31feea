#include "corpus.hpp"

#include <stdexcept>
#include <utility>

#include "dialogstore/error.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

CorpusFormat format_of(const JsonObject& object) {
  if (object.contains("dialogstore_export")) return CorpusFormat::exported;
  if (object.contains("dialogue_id")) return CorpusFormat::sgd;
  if (object.contains("turns")) return CorpusFormat::conversations;
  throw std::invalid_argument(
      "neither an export nor a conversation: no member dialogstore_export, turns or dialogue_id");
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

std::string_view to_string(CorpusFormat format) noexcept {
  switch (format) {
    case CorpusFormat::automatic:
      return "auto";
    case CorpusFormat::exported:
      return "export";
    case CorpusFormat::conversations:
      return "conversations";
    case CorpusFormat::sgd:
      return "sgd";
  }
  return "";
}

void play(Context& context, std::int64_t index, const PlayedTurn& turn) {
  if (turn.request) context.set_request(index, *turn.request);
  if (turn.label) context.set_label(index, *turn.label);
  if (turn.response) context.set_response(index, *turn.response);
  for (const auto& [name, value] : turn.misc) {
    const Json* known = context.misc().find(name);
    if (known == nullptr || *known != value) context.set_misc(name, value);
  }
}

Context Conversation::fresh_context() const {
  return exported ? Context(exported->id()) : Context(Json(key.text()));
}

Context Conversation::to_context() const {
  if (exported) return *exported;
  Context context = fresh_context();
  std::int64_t index = 0;
  for (const auto& turn : turns) play(context, index++, turn);
  return context;
}

CorpusReader::CorpusReader(const std::string& path, CorpusFormat format)
    : lines_(path), format_(format) {}

std::optional<Conversation> CorpusReader::next() {
  while (!finished_) {
    const auto line = lines_.next();
    if (!line) {
      finish();
      return std::nullopt;
    }
    if (is_blank(*line)) continue;
    try {
      auto conversation = read_line(*line);
      if (!conversation) continue;
      const auto [first, is_new] = seen_.emplace(conversation->key.text(), lines_.line());
      if (is_new) return conversation;
      throw std::invalid_argument("the key \"" + conversation->key.printable() +
                                  "\" came before, in line " + std::to_string(first->second));
    } catch (const StorageError& error) {
      throw CorpusError(lines_.line(), error.detail());
    } catch (const std::invalid_argument& error) {
      throw CorpusError(lines_.line(), error.what());
    }
  }
  return std::nullopt;
}

// nullopt: a line that belongs to the format but is no conversation.
std::optional<Conversation> CorpusReader::read_line(const std::string& line) {
  const JsonObject object = JsonObject::parse(line);
  if (format_ == CorpusFormat::automatic) format_ = format_of(object);
  switch (format_) {
    case CorpusFormat::sgd:
      return read_sgd(object);
    case CorpusFormat::conversations:
      return read_conversation(object);
    default:
      break;
  }
  if (!header_seen_) {
    header_seen_ = true;
    read_header(object);
    return std::nullopt;
  }
  if (end_seen_) throw std::invalid_argument("behind the end of the export");
  if (const Json* count = object.find("contexts"); object.contains("dialogstore_export_end")) {
    end_seen_ = true;
    if (count == nullptr || count->as_int64() != static_cast<std::int64_t>(contexts_)) {
      throw std::invalid_argument("the export names another number of contexts than it holds");
    }
    return std::nullopt;
  }
  ++contexts_;
  return read_exported(object);
}

void CorpusReader::read_header(const JsonObject& object) {
  const Json* version = object.find("dialogstore_export");
  if (version == nullptr) throw std::invalid_argument("not the first line of an export");
  if (version->as_int64() != 1) {
    finished_ = true;
    throw std::invalid_argument("an export of version " + std::string(version->text()) +
                                "; this program reads version 1");
  }
}

void CorpusReader::finish() {
  finished_ = true;
  if (format_ == CorpusFormat::exported && header_seen_ && !end_seen_) {
    throw CorpusError(lines_.line() + 1, "the export is cut off: its last line is missing");
  }
}

std::optional<Conversation> next_sound(CorpusReader& reader, bool keep_going,
                                       std::vector<DamagedLine>& damaged) {
  while (true) {
    try {
      return reader.next();
    } catch (const CorpusError& error) {
      if (!keep_going) throw;
      damaged.push_back({error.line(), error.reason()});
    }
  }
}

Json to_json(const std::vector<DamagedLine>& damaged) {
  std::vector<Json> items;
  items.reserve(damaged.size());
  for (const auto& [line, reason] : damaged) {
    // A reason may quote bytes of the damaged line.
    items.emplace_back(JsonObject{{"line", line}, {"reason", printable(reason)}});
  }
  return Json::array(items);
}

}  // namespace dialogstore::cli
