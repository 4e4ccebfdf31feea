// Looking what lies under contexts' names: an entry of the listing may outlive its context, and
// another application may have put something in its place.
#include <algorithm>
#include <span>

#include "redis/command.hpp"
#include "redis/context_index.hpp"

namespace dialogstore::redis {
namespace {

// Names in one run of the script, which keeps the server from other work.
constexpr std::size_t names_at_once = 500;

// Of a command that wants a list; none when the key holds something else.
const ReplyNode* reply_of_a_list(const CallEnd& end) {
  if (end.failure) throw *end.failure;
  const auto& root = end.reply.root();
  if (root.kind != ReplyKind::error) return &root;
  auto failure = failure_of(root.text, {});
  if (failure.code != errc::wrong_type) throw failure;
  return nullptr;
}

}  // namespace

Task<std::vector<ContextIndex::Presence>> ContextIndex::look_up(std::vector<std::string> keys,
                                                                Deadline deadline) {
  if (calls_.client().spans_slots()) {
    auto presences = co_await look_up_at_once(keys, deadline);
    if (presences) co_return std::move(*presences);
  }
  co_return co_await look_up_each(std::move(keys), deadline);
}

Task<std::optional<std::vector<ContextIndex::Presence>>> ContextIndex::look_up_at_once(
    std::vector<std::string> keys, Deadline deadline) {
  std::vector<Request> requests;
  for (std::size_t from = 0; from < keys.size(); from += names_at_once) {
    const auto until = std::min(from + names_at_once, keys.size());
    std::vector<std::string> names;
    for (auto i = from; i < until; ++i) names.push_back(names_.context(keys[i]).text);
    const std::vector<std::string_view> views(names.begin(), names.end());
    requests.push_back({key_slot(names.front()), presences_script().request_for(views)});
  }
  std::vector<Presence> presences;
  presences.reserve(keys.size());
  bool is_sound = true;
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  for (const auto& end : ends) {
    if (end.failure) throw *end.failure;
    const auto& root = end.reply.root();
    if (root.kind == ReplyKind::error) {
      auto failure = failure_of(root.text, {});
      // A user who may only read may run no script.
      if (failure.code == errc::permission_denied) co_return std::nullopt;
      throw failure;
    }
    const auto letters = text_of(root);
    is_sound = is_sound && letters.find_first_not_of("-XTC") == std::string_view::npos;
    for (const char letter : letters) presences.push_back(static_cast<Presence>(letter));
  }
  if (!is_sound || presences.size() != keys.size()) {
    throw Failure{errc::protocol_error, "the answer of a script has not its shape"};
  }
  co_return presences;
}

Task<std::vector<CallEnd>> ContextIndex::ask_each(std::string_view command,
                                                  const std::vector<std::string>& keys,
                                                  std::string_view last, Deadline deadline) {
  std::vector<Request> requests;
  requests.reserve(keys.size());
  for (const auto& key : keys) {
    const auto name = names_.context(key);
    requests.push_back({name.slot, last.empty() ? encode_command({command, name.text})
                                                : encode_command({command, name.text, last})});
  }
  return calls_.call_all(std::move(requests), deadline);
}

ContextIndex::Presence ContextIndex::presence_of(const CallEnd& last_row) {
  const auto* reply = reply_of_a_list(last_row);
  if (reply == nullptr) return Presence::foreign;
  if (reply->kind == ReplyKind::nil) return Presence::absent;
  return text_of(*reply).starts_with('T') ? Presence::tombstone : Presence::context;
}

// As the script does it, and so that few rows travel.
Task<std::vector<ContextIndex::Presence>> ContextIndex::look_up_each(std::vector<std::string> keys,
                                                                     Deadline deadline) {
  std::vector<Presence> presences(keys.size(), Presence::absent);
  std::vector<std::size_t> short_ones;
  const auto lengths = co_await ask_each("LLEN", keys, {}, deadline);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto* reply = reply_of_a_list(lengths[i]);
    const auto length = reply == nullptr ? 0 : integer_of(*reply);
    if (reply == nullptr) presences[i] = Presence::foreign;
    if (length > 1) presences[i] = Presence::context;
    if (length == 1) short_ones.push_back(i);
  }
  for (std::size_t from = 0; from < short_ones.size(); from += Calls::max_at_once) {
    const auto some =
        std::span(short_ones).subspan(from, std::min(Calls::max_at_once, short_ones.size() - from));
    std::vector<std::string> some_keys;
    for (const auto i : some) some_keys.push_back(std::move(keys[i]));
    const auto rows = co_await ask_each("LINDEX", some_keys, "-1", deadline);
    for (std::size_t j = 0; j < rows.size(); ++j) presences[some[j]] = presence_of(rows[j]);
  }
  co_return presences;
}

}  // namespace dialogstore::redis
