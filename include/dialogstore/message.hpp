// One utterance of a dialog: DFF 0.7's `Message`, field for field.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialogstore/json.hpp"

namespace dialogstore {

/// The label of a turn: where in the script the dialog stands (DFF's NodeLabel2Type).
struct Label {
  std::string flow;
  std::string node;

  /// `["flow","node"]`
  [[nodiscard]] std::string to_json() const;
  /// Throws FormatError when `text` is not an array of two strings.
  static Label from_json(std::string_view text);
  friend bool operator==(const Label&, const Label&) = default;
};

/// A request or a response. A plain value; a field that is null in DFF is null (or nullopt) here.
struct Message {
  std::optional<std::string> text;  ///< UTF-8
  Json commands;                    ///< null or an array
  Json attachments;                 ///< null or `{"files":[…]}`
  Json annotations;                 ///< null or an object
  Json misc;                        ///< null or an object
  JsonObject extra;                 ///< every other field, kept as it came, in its order

  Message() = default;
  Message(std::string_view message_text) : text(message_text) {}
  Message(const char* message_text) : text(message_text) {}
  Message(std::string message_text) : text(std::move(message_text)) {}

  /// As DFF writes it: text, commands, attachments, annotations, misc (null when unset), then the
  /// extra fields. Throws FormatError when the text is not UTF-8.
  [[nodiscard]] std::string to_json() const;
  /// Throws FormatError naming the field: not an object, `text` neither string nor null.
  static Message from_json(std::string_view text);
  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace dialogstore
