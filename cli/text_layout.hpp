// Stored text made fit for a terminal: nothing in it may move the cursor or change colours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dialogstore::cli {

/// Control characters, bytes that are not UTF-8 and characters that turn the direction of writing
/// become `\xNN`; a backslash is doubled when `escape_backslash`, which makes the form unambiguous.
std::string printable(std::string_view text, bool escape_backslash = false);

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// How many columns a terminal uses for this printable UTF-8 text.
std::size_t display_width(std::string_view text) noexcept;

/// Printable lines of at most `width` columns, broken at spaces where possible; line breaks in the
/// text are kept. At least one line.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// At most `width` columns, with an ellipsis when something was cut.
std::string shorten(std::string_view text, std::size_t width);

/// 1234567 as "1 234 567".
std::string grouped(std::uint64_t value);

}  // namespace dialogstore::cli
