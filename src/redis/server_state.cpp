#include "redis/server_state.hpp"

#include <charconv>

#include "redis/command.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::string_view meta_format = "1";
constexpr unsigned default_index_shards = 1;
constexpr unsigned max_index_shards = 4096;
constexpr std::span<const std::string_view> no_arguments;

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Failure denied(std::span<const ReplyNode* const> commands, const std::string& user) {
  const std::string who = user.empty() ? "default" : user;
  std::string names;
  std::string grants;
  for (const auto* command : commands) {
    const std::string name(text_of(*command));
    names.append(names.empty() ? "" : ", ").append(name);
    grants.append(" +");
    for (const char c : name) grants += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return {errc::permission_denied, "the Redis user \"" + who + "\" may not run " + names +
                                       " on the namespace's keys, which saving needs; nothing "
                                       "was written. Grant it: ACL SETUSER " +
                                       who + grants};
}

}  // namespace

void ServerState::forget() noexcept {
  clock_.reset();
  rights_known_ = false;
}

void ServerState::notice_new_connections() noexcept {
  const auto connections = calls_.client().statistics().connections;
  if (connections == connections_) return;
  connections_ = connections;
  forget();
}

bool ServerState::is_ready(Need need) noexcept {
  notice_new_connections();
  if (!clock_.is_known() || (need != Need::reading && !rights_known_)) return false;
  // A namespace without settings gets them by the first create; until then others ask again.
  return meta_known_ || need == Need::writing;
}

asio::awaitable<void> ServerState::prepare(Need need, Deadline deadline) {
  if (is_ready(need)) co_return;
  const auto meta = names_.meta();
  const auto nothing = names_.nothing();
  std::vector<Request> requests;
  requests.push_back({meta.slot, encode_command({"TIME"})});
  requests.push_back({meta.slot, encode_command({"HGETALL", meta.text})});
  const bool asks_rights = need != Need::reading && !rights_known_;
  if (asks_rights) {
    auto probe = probe_script().request(ScriptForm::with_text, nothing.text, no_arguments);
    requests.push_back({nothing.slot, std::move(probe)});
  }
  const auto asked = Clock::now();
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  take_time(ends[0], asked);
  take_meta(ends[1]);
  if (asks_rights) take_rights(ends[2]);
  if (need == Need::creating && !meta_known_) co_await write_meta(deadline);
  connections_ = calls_.client().statistics().connections;
}

void ServerState::take_time(const CallEnd& end, Clock::time_point asked) {
  const auto parts = array_of(root_or_throw(end, {}));
  if (parts.size() != 2) throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  const auto seconds = parse_number(text_of(*parts[0]));
  const auto micros = parse_number(text_of(*parts[1]));
  if (!seconds || !micros) {
    throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  }
  clock_.sample(std::chrono::seconds(*seconds) + std::chrono::microseconds(*micros), asked,
                Clock::now());
}

void ServerState::take_rights(const CallEnd& end) {
  const auto commands = array_of(root_or_throw(end, {}));
  if (!commands.empty()) throw denied(commands, user_);
  rights_known_ = true;
}

void ServerState::take_meta(const CallEnd& end) {
  const auto name = names_.meta().text;
  const auto fields = array_of(root_or_throw(end, name));
  meta_known_ = false;
  index_shards_ = default_index_shards;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto field = text_of(*fields[i]);
    const auto value = text_of(*fields[i + 1]);
    if (field == "format") {
      if (value != meta_format) {
        throw Failure{errc::unsupported_format,
                      "the namespace \"" + names_.name_space() + "\" has the format " +
                          ContextKey(value).printable() + ", this version knows 1"};
      }
      meta_known_ = true;
    } else if (field == "index_shards") {
      const auto shards = parse_number(value);
      if (!shards || *shards < 1 || *shards > max_index_shards) {
        throw Failure{errc::corrupt, "the field index_shards of " + name +
                                         " is not a number of 1 to " +
                                         std::to_string(max_index_shards)};
      }
      index_shards_ = static_cast<unsigned>(*shards);
    }
  }
}

// Two that come first at the same time agree: each field is set by whoever was faster, then read.
asio::awaitable<void> ServerState::write_meta(Deadline deadline) {
  const auto meta = names_.meta();
  const auto shards = std::to_string(default_index_shards);
  std::vector<Request> requests;
  requests.push_back({meta.slot, encode_command({"HSETNX", meta.text, "index_shards", shards})});
  requests.push_back({meta.slot, encode_command({"HSETNX", meta.text, "format", meta_format})});
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  for (const auto& end : ends) root_or_throw(end, meta.text);
  Request again{meta.slot, encode_command({"HGETALL", meta.text})};
  take_meta(co_await calls_.try_call(std::move(again), deadline));
}

}  // namespace dialogstore::redis
