// A small scripted bot: it asks for a name, takes an order for a pizza and helps. All it knows of a
// dialog lies in the context, so that the dialog goes on wherever and whenever the next turn comes.
#pragma once

#include <string>
#include <string_view>

#include "dialogstore/context.hpp"

namespace dialogstore::cli {

struct BotAnswer {
  Label label;
  std::string text;
};

/// Answers a request and keeps what it learned in `context.misc()`. Does not add the turn.
BotAnswer answer(Context& context, std::string_view request);

/// What the bot says to one who comes (back): a greeting, or the name and where the dialog stopped.
std::string welcome(const Context& context);

}  // namespace dialogstore::cli
