#include "redis/server_state.hpp"

#include <charconv>
#include <utility>

#include "redis/command.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::string_view meta_format = "1";
constexpr unsigned default_index_shards = 1;
constexpr unsigned max_index_shards = 4096;
constexpr std::span<const std::string_view> no_arguments;
// More than a guess of the clock is wrong by, unless its round trip took as long.
constexpr std::chrono::seconds largest_drift{1};

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Failure denied(std::span<const ReplyNode> commands, const std::string& user) {
  const std::string who = user.empty() ? "default" : user;
  std::string names;
  std::string grants;
  for (const auto& command : commands) {
    const std::string name(text_of(command));
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
  // What a clock last knew stays its best guess.
  listing_.reset();
  for (auto& [number, server] : servers_) {
    server.clock.reset();
    server.rights_known = false;
  }
}

std::chrono::microseconds ServerState::time_at(std::uint16_t slot, Clock::time_point when) {
  const auto& clock = at(slot).clock;
  return clock.is_known() ? clock.at(when) : listing_.at(when);
}

void ServerState::sample(std::uint16_t slot, std::chrono::microseconds time,
                         Clock::time_point asked) {
  const auto now = Clock::now();
  at(slot).clock.sample(time, asked, now);
  if (calls_.client().server_of(slot) != listed_by_) return;
  const bool was_known = listing_.is_known();
  const auto before = listing_.at(now);
  listing_.sample(time, asked, now);
  if (was_known && listing_.at(now) - before > largest_drift) ++clock_jumps_;
}

Task<void> ServerState::renew_clock(Deadline deadline) {
  const auto slot = names_.index(0).slot;
  Request request{slot, encode_command({"TIME"})};
  const auto asked = Clock::now();
  take_time(co_await calls_.try_call(std::move(request), deadline), slot, asked);
}

void ServerState::notice_new_connections() noexcept {
  const auto connections = calls_.client().statistics().connections;
  if (connections == connections_) return;
  connections_ = connections;
  forget();
}

bool ServerState::knows(Need need, std::uint16_t slot) {
  const auto& server = at(slot);
  return server.clock.is_known() && (need == Need::reading || server.rights_known);
}

bool ServerState::is_ready(Need need, const KeyName& name) {
  notice_new_connections();
  if (!knows(need, name.slot) || !listing_.is_known() || listed_by_ != listing_server()) {
    return false;
  }
  // A namespace without settings gets them by the first create; until then others ask again.
  return meta_known_ || need == Need::writing;
}

// On a name under which nothing is stored, at the server that has the key.
Request ServerState::rights_request(const KeyName& name) const {
  const bool is_only = calls_.client().spans_slots();
  const auto probed = is_only ? names_.nothing() : KeyNames::nothing_beside(name);
  return {probed.slot, probe_script().request(ScriptForm::with_text, probed.text, no_arguments)};
}

Task<void> ServerState::prepare(Need need, KeyName name, Deadline deadline) {
  if (is_ready(need, name)) co_return;
  const auto meta = names_.meta();
  const auto listing = names_.index(0).slot;
  std::vector<Request> requests;
  requests.push_back({listing, encode_command({"TIME"})});
  requests.push_back({meta.slot, encode_command({"HGETALL", meta.text})});
  const bool asks_rights = need != Need::reading && !at(name.slot).rights_known;
  if (asks_rights) requests.push_back(rights_request(name));
  const auto durability = requests.size();
  const bool asks_durability = asks_rights && durability_.waits();
  if (asks_durability) requests.push_back({name.slot, durability_question(durability_)});
  // Of which server each slot is, the first answers may have yet to tell.
  const bool asks_time = need != Need::reading && name.slot != listing &&
                         !calls_.client().spans_slots() && !at(name.slot).clock.is_known();
  if (asks_time) requests.push_back({name.slot, encode_command({"TIME"})});
  const auto asked = Clock::now();
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  // Before what they tell: the connections made meanwhile are those that told it.
  notice_new_connections();
  if (std::exchange(listed_by_, listing_server()) != listed_by_) listing_.reset();
  take_time(ends[0], listing, asked);
  take_meta(ends[1]);
  if (asks_time) take_time(ends.back(), name.slot, asked);
  if (asks_durability) take_durability(ends[durability]);
  if (asks_rights) take_rights(ends[2], name.slot);
  if (need == Need::creating && !meta_known_) co_await write_meta(deadline);
  connections_ = calls_.client().statistics().connections;
}

void ServerState::take_time(const CallEnd& end, std::uint16_t slot, Clock::time_point asked) {
  const auto parts = array_of(root_or_throw(end, {}));
  if (parts.size() != 2) throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  const auto seconds = parse_number(text_of(parts[0]));
  const auto micros = parse_number(text_of(parts[1]));
  if (!seconds || !micros) {
    throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  }
  sample(slot, std::chrono::seconds(*seconds) + std::chrono::microseconds(*micros), asked);
}

// Any other error is no answer to the question, of a replica for example: the save will tell.
void ServerState::take_durability(const CallEnd& end) const {
  if (end.failure) throw Failure(*end.failure);
  const auto& root = end.reply.root();
  if (root.kind != ReplyKind::error) return;
  auto problem = read_durability_error(durability_, root.text, user_);
  if (problem) throw std::move(*problem);
}

void ServerState::take_rights(const CallEnd& end, std::uint16_t slot) {
  const auto commands = array_of(root_or_throw(end, {}));
  if (!commands.empty()) throw denied(commands, user_);
  at(slot).rights_known = true;
}

void ServerState::take_meta(const CallEnd& end) {
  const auto name = names_.meta().text;
  const auto fields = array_of(root_or_throw(end, name));
  meta_known_ = false;
  index_shards_ = default_index_shards;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto field = text_of(fields[i]);
    const auto value = text_of(fields[i + 1]);
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
Task<void> ServerState::write_meta(Deadline deadline) {
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
