#include <poll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "commands.hpp"
#include "concurrently.hpp"
#include "conversation_view.hpp"
#include "interrupt.hpp"
#include "pizza_bot.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

constexpr std::size_t longest_request = std::size_t{64} * 1024;

// Lines of stdin; unlike a stream it gives up waiting when the program is interrupted.
class Keyboard {
 public:
  std::optional<std::string> next_line() {
    std::size_t end = buffer_.find('\n');
    while (end == std::string::npos) {
      if (!read_more()) {
        if (buffer_.empty() || interrupted()) return std::nullopt;
        end = buffer_.size();
        break;
      }
      end = buffer_.find('\n');
      if (buffer_.size() > longest_request && end == std::string::npos) {
        throw CommandError(ExitCode::full, "a line of more than 64 KiB is no chat");
      }
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  bool read_more() {
    std::array<char, 4096> chunk{};
    while (!interrupted()) {
      // A signal may arrive just before the wait, which then does not notice it: look up often.
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (::poll(&input, 1, 100) <= 0) continue;
      const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
      return true;
    }
    return false;
  }

  std::string buffer_;
};

std::string user_name(const ChatCommand& command) {
  if (!command.user.empty()) return command.user;
  for (const char* variable : {"USER", "LOGNAME"}) {
    const char* name = std::getenv(variable);
    if (name != nullptr && *name != '\0') return name;
  }
  return "you";
}

// One turn as every bot lives it: load, answer, save. By value: a coroutine outlives its caller's
// temporaries.
asio::awaitable<void> take_turn(DBContextStorage& storage, ContextKey key, std::string request,
                                Turn& turn) {
  Context context = co_await storage.get_async(key, Context{}, asio::use_awaitable);
  BotAnswer bot = answer(context, request);
  turn.index = context.add_request(request);
  context.add_label(bot.label);
  context.add_response(bot.text);
  co_await storage.set_item_async(key, context, asio::use_awaitable);
  turn.label = std::move(bot.label);
  turn.request = Message(std::move(request));
  turn.response = Message(std::move(bot.text));
}

void say(const Session& session, const std::string& text) {
  const Terminal& terminal = session.terminal();
  std::string lead = "bot  ";
  for (const auto& line : wrap(text, terminal.width - lead.size())) {
    print_line(terminal.paint(Style::bot, lead) + line);
    lead.assign(lead.size(), ' ');
  }
}

void ask(const Session& session) {
  if (session.terminal().interactive && !session.json()) print("you  ");
  flush_output();
}

}  // namespace

ExitCode run(Session& session, const ChatCommand& command) {
  const InterruptGuard guard;
  const ContextKey key =
      command.key.empty() ? ContextKey("chat:" + user_name(command)) : session.key(command.key);
  auto& storage = session.storage();
  if (!session.json()) say(session, welcome(storage.get(key, Context{})));
  Keyboard keyboard;
  while (true) {
    ask(session);
    const auto request = keyboard.next_line();
    if (!request) break;
    if (request->find_first_not_of(' ') == std::string::npos) continue;
    if (!is_utf8(*request)) {
      Session::complain("that line is not UTF-8; it was not stored");
      continue;
    }
    Turn turn;
    run(take_turn(storage, key, *request, turn));
    if (session.json()) {
      print_line_now(turn_json(turn));
    } else {
      say(session, turn.response->text.value_or(""));
    }
    if (turn.label == Label{"greeting", "bye"}) break;
  }
  if (!interrupted()) return ExitCode::ok;
  session.note("\nthe dialog is stored; it goes on with: dialogstore chat " + key_line(key));
  return ExitCode::interrupted;
}

}  // namespace dialogstore::cli
