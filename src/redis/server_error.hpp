// What an error reply of the server means. The first word is the code; inside a script's error the
// code may come later: servers before 7 put their own words in front.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dialogstore/error.hpp"

namespace dialogstore::redis {

/// What an error reply to a save proves about that one copy.
enum class Effect : std::uint8_t {
  none,       ///< nothing was written, and sending it again will not help
  none_yet,   ///< nothing was written; sending it again later may succeed
  no_script,  ///< nothing was written: the server wants the text of the script
  unknown,    ///< a script stopped half-way, or the text says nothing about it
};

struct ServerError {
  errc code = errc::server_error;
  Effect effect = Effect::unknown;
  std::string detail;  ///< the server's text, printable, with the remedy where there is one
};

[[nodiscard]] ServerError read_server_error(std::string_view text);

}  // namespace dialogstore::redis
