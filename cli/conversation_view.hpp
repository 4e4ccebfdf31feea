// A conversation as people read it, and as JSON lines.
#pragma once

#include <string>

#include "dialogstore/context.hpp"
#include "dialogstore/key.hpp"
#include "terminal.hpp"

namespace dialogstore::cli {

/// `"key":"…"`, or `"key_base64":"…"` when the key is not UTF-8: a member for a JSON object.
std::string key_member(const ContextKey& key);

/// The key on one line, unambiguous: control and non-UTF-8 bytes as `\xNN`, a backslash doubled.
std::string key_line(const ContextKey& key);

/// `{"turn":0,"label":["flow","node"],"request":{…},"response":{…}}`; parts that are not there are
/// null.
std::string turn_json(const Turn& turn);

/// One turn, wrapped to the terminal's width, each line ended.
std::string turn_text(const Terminal& terminal, const Turn& turn);

/// Key, id and number of turns on one line.
std::string heading_text(const Terminal& terminal, const ContextKey& key, const Context& context);

/// `misc`, one member a line, cut to the terminal's width; empty when there is none.
std::string misc_text(const Terminal& terminal, const Context& context);

}  // namespace dialogstore::cli
