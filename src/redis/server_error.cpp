#include "redis/server_error.hpp"

#include <array>

namespace dialogstore::redis {
namespace {

struct KnownError {
  std::string_view word;
  errc code;
  Effect effect;
  std::string_view remedy;
};

// In the save script every error of the second group comes before the first write: the reads raise
// WRONGTYPE, the first write all others.
constexpr auto known_errors = std::to_array<KnownError>({
    {"NOSCRIPT", errc::server_error, Effect::no_script, ""},
    {"LOADING", errc::server_busy, Effect::none_yet, ""},
    {"BUSY", errc::server_busy, Effect::none_yet, ""},
    {"MASTERDOWN", errc::unavailable, Effect::none_yet, ""},
    {"CLUSTERDOWN", errc::unavailable, Effect::none_yet, ""},
    {"TRYAGAIN", errc::unavailable, Effect::none_yet, ""},

    {"OOM", errc::server_out_of_memory, Effect::none, ""},
    {"READONLY", errc::read_only, Effect::none, "connect to the primary"},
    {"MISCONF", errc::storage_full, Effect::none, ""},
    {"NOREPLICAS", errc::unavailable, Effect::none,
     "the server wants more replicas (min-replicas-to-write)"},
    {"WRONGTYPE", errc::wrong_type, Effect::none, ""},
    {"NOAUTH", errc::auth_failed, Effect::none, "give user and password"},
    {"WRONGPASS", errc::auth_failed, Effect::none, "correct user and password"},
    {"NOPERM", errc::permission_denied, Effect::none, "grant it (ACL SETUSER)"},
    {"DENIED", errc::permission_denied, Effect::none, ""},
    {"MOVED", errc::unsupported_server, Effect::none,
     "the server is a node of a cluster; write redis+cluster://"},
    {"ASK", errc::unsupported_server, Effect::none,
     "the server is a node of a cluster; write redis+cluster://"},
    {"CROSSSLOT", errc::unsupported_server, Effect::none,
     "the server is a node of a cluster; write redis+cluster://"},
    {"NOPROTO", errc::unsupported_server, Effect::none, ""},
});

// The server names no code for these.
struct KnownText {
  std::string_view part;
  errc code;
  Effect effect;
};
constexpr auto known_texts = std::to_array<KnownText>({
    // A right was taken away after it was tested: what the script did before stays done.
    {"The user executing the script can't", errc::permission_denied, Effect::unknown},
    {"ACL failure in script", errc::permission_denied, Effect::unknown},
    {"max number of clients", errc::unavailable, Effect::none_yet},
    {"unknown command", errc::unsupported_server, Effect::none},
    {"Unknown Redis command", errc::unsupported_server, Effect::unknown},
    {"Protocol error", errc::protocol_error, Effect::none},
});

bool is_word_end(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == ' ' || text[at] == ':';
}

// Whether `word` is the code of an error that a script passed on: "… @user_script: 5: -OOM command
// …".
bool has_embedded(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at > 0 && (text[at - 1] == ' ' || text[at - 1] == '-');
    if (begins && is_word_end(text, at + word.size())) return true;
  }
  return false;
}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 300;
  // The name of the script and the line in it say nothing to a user.
  if (const auto tail = text.find(" script: "); tail != std::string_view::npos) {
    text = text.substr(0, tail);
  }
  std::string out(text.substr(0, longest));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  }
  return out;
}

ServerError make_error(std::string_view text, errc code, Effect effect, std::string_view remedy) {
  ServerError error{code, effect, "the server says: " + printable(text)};
  if (!remedy.empty()) error.detail.append("; ").append(remedy);
  return error;
}

}  // namespace

ServerError read_server_error(std::string_view text) {
  // First the texts: a script that was refused a command says so behind any code.
  for (const auto& known : known_texts) {
    if (text.find(known.part) != std::string_view::npos) {
      return make_error(text, known.code, known.effect, "");
    }
  }
  const auto word = text.substr(0, text.find(' '));
  for (const auto& known : known_errors) {
    if (word == known.word) return make_error(text, known.code, known.effect, known.remedy);
  }
  if (word == "ERR" && text.find("script") != std::string_view::npos) {
    for (const auto& known : known_errors) {
      if (has_embedded(text, known.word)) {
        return make_error(text, known.code, known.effect, known.remedy);
      }
    }
  }
  return make_error(text, errc::server_error, Effect::unknown, "");
}

}  // namespace dialogstore::redis
