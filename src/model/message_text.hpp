// A message in its two spellings: as DFF writes it (the five known fields always present, null when
// unset, then extras) and as it is stored (known fields that are null left out). Values inside stay
// the bytes they came as.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/message.hpp"
#include "model/json_scanner.hpp"

namespace dialogstore {

/// DFF's or any JSON of a message -> stored form: known fields first in DFF's order, null ones left
/// out, extras as they came. Throws FormatError: not an object, a repeated field, `text` neither
/// string nor null, a field nested deeper than limits::json_depth.
std::string to_stored_message(std::string_view json);

/// The stored form of a message. Throws FormatError: not UTF-8, an extra field named as a known
/// one, a field nested deeper than limits::json_depth.
std::string stored_text(const Message& message);

/// Stored form -> DFF's form, appended to `out`. `stored` must come from to_stored_message.
void append_dff_message(std::string& out, std::string_view stored);

/// The known fields in DFF's order.
inline constexpr std::array<std::string_view, 5> message_fields{"text", "commands", "attachments",
                                                                "annotations", "misc"};

/// Where the fields of one message stand in a text.
struct MessageSpans {
  std::array<std::string_view, message_fields.size()> known;         ///< empty when missing
  std::vector<std::pair<std::string_view, std::string_view>> extra;  ///< raw name, value

  void clear();
  /// The size of what `append_stored` appends.
  [[nodiscard]] std::size_t stored_size() const noexcept;
  void append_stored(std::string& out) const;
};

/// Reads the message at the cursor. False with the cursor's fault; `field` is then the known field
/// in which it lies, or empty.
bool read_message(JsonCursor& cursor, MessageSpans& spans, std::string_view& field);

/// The two strings of a label, with their quotes.
struct LabelSpans {
  std::string_view flow;
  std::string_view node;
};

/// Reads the label at the cursor: an array of two strings. False with the cursor's fault.
bool read_label(JsonCursor& cursor, LabelSpans& spans);

}  // namespace dialogstore
