#include "conversation_view.hpp"

#include <algorithm>

#include "base64.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

constexpr std::size_t speaker_columns = 9;

std::string counted(std::size_t count, std::string_view noun) {
  return grouped(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

// What the message has beside its text, so that nobody takes a picture for silence.
std::string beside_text(const Message& message) {
  std::string names;
  const auto name = [&names](std::string_view text) {
    names.append(names.empty() ? "" : ", ").append(text);
  };
  if (!message.commands.is_null()) name("commands");
  if (!message.attachments.is_null()) name("attachments");
  if (!message.annotations.is_null()) name("annotations");
  if (!message.misc.is_null()) name("misc");
  for (const auto& [member, value] : message.extra) name(printable(member));
  return names;
}

std::string utterance_text(const Terminal& terminal, std::string_view speaker, Style style,
                           const Message& message) {
  const std::string aside = beside_text(message);
  std::string out;
  std::string lead = "  " + std::string(speaker);
  lead.resize(speaker_columns, ' ');
  lead = terminal.paint(style, lead);
  if (message.text) {
    for (const auto& line : wrap(*message.text, terminal.width - speaker_columns)) {
      out.append(lead).append(line).append("\n");
      lead.assign(speaker_columns, ' ');
    }
    return out;
  }
  const std::string instead = aside.empty() ? "(nothing)" : "(no text; " + aside + ")";
  return lead + terminal.paint(Style::dim, shorten(instead, terminal.width - speaker_columns)) +
         "\n";
}

}  // namespace

std::string key_member(const ContextKey& key) {
  if (is_utf8(key.text())) return "\"key\":" + Json(key.text()).text();
  return "\"key_base64\":\"" + to_base64(key.text()) + '"';
}

std::string key_line(const ContextKey& key) {
  return printable(key.text(), true);
}

std::string turn_json(const Turn& turn) {
  std::string out = "{\"turn\":" + std::to_string(turn.index);
  out += ",\"label\":" + (turn.label ? turn.label->to_json() : "null");
  out += ",\"request\":" + (turn.request ? turn.request->to_json() : "null");
  out += ",\"response\":" + (turn.response ? turn.response->to_json() : "null");
  return out + '}';
}

std::string turn_text(const Terminal& terminal, const Turn& turn) {
  std::string out = terminal.paint(Style::bold, "turn " + std::to_string(turn.index));
  if (turn.label) {
    const std::string label = turn.label->flow + " / " + turn.label->node;
    out += "  " + terminal.paint(Style::dim, shorten(label, terminal.width - 16));
  }
  out += '\n';
  if (turn.request) out += utterance_text(terminal, "user", Style::user, *turn.request);
  if (turn.response) out += utterance_text(terminal, "bot", Style::bot, *turn.response);
  return out;
}

std::string heading_text(const Terminal& terminal, const ContextKey& key, const Context& context) {
  const std::string about =
      "  " + counted(context.turn_count(), "turn") + "  id " + shorten(context.id().text(), 48);
  const std::size_t room = terminal.width - std::min(terminal.width, display_width(about));
  return terminal.paint(Style::bold, shorten(key_line(key), std::max<std::size_t>(room, 16))) +
         terminal.paint(Style::dim, about) + '\n';
}

std::string misc_text(const Terminal& terminal, const Context& context) {
  if (context.misc().empty()) return {};
  std::size_t name_columns = 4;
  for (const auto& [name, value] : context.misc()) {
    name_columns =
        std::max(name_columns, std::min<std::size_t>(display_width(printable(name)), 24));
  }
  std::string out = terminal.paint(Style::bold, "misc") + '\n';
  for (const auto& [name, value] : context.misc()) {
    std::string lead = shorten(name, name_columns);
    lead.append(name_columns - std::min(name_columns, display_width(lead)) + 2, ' ');
    const std::size_t used = name_columns + 4;
    const std::size_t room = terminal.width > used + 8 ? terminal.width - used : 8;
    out += "  " + lead + terminal.paint(Style::dim, shorten(value.text(), room)) + '\n';
  }
  return out;
}

}  // namespace dialogstore::cli
