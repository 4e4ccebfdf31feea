#include "redis/dff_values.hpp"

#include <algorithm>
#include <charconv>

#include "dialogstore/context.hpp"
#include "redis/command.hpp"
#include "redis/save_attempts.hpp"

namespace dialogstore::redis {
namespace {

// DFF's pydantic writes all fields in this order and without spaces.
constexpr std::string_view first_field = R"({"id":)";
constexpr std::string_view other_fields[] = {R"("labels":)", R"("requests":)", R"("responses":)"};

bool looks_like_dff(std::string_view value) {
  if (!value.starts_with(first_field)) return false;
  for (const auto field : other_fields) {
    if (value.find(field) == std::string_view::npos) return false;
  }
  return true;
}

bool is_context(std::string_view value) {
  try {
    (void)Context::from_json(value);
    return true;
  } catch (const StorageError&) {
    return false;
  }
}

std::int64_t number_in(const ReplyNode& node) {
  const auto text = text_of(node);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  }
  return value;
}

KeyName name_of(const std::string& key) {
  return {key, key_slot(key)};
}

// Where a listing goes on: `cursor@server`, and `cursor` alone where there is one server.
struct Place {
  std::string cursor = "0";
  std::string server;
};

Place read_place(std::string_view text) {
  if (text.empty()) return {};
  const auto at = text.find('@');
  const auto server = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return {std::string(text.substr(0, at)), std::string(server)};
}

// One server after the other, in the order of their names.
std::string next_cursor(Place place, const std::vector<std::string>& servers) {
  if (place.cursor == "0") {
    const auto next = std::upper_bound(servers.begin(), servers.end(), place.server);
    if (next == servers.end()) return {};
    place.server = *next;
  }
  return place.server.empty() ? place.cursor : place.cursor + "@" + place.server;
}

SwapResult swap_result(SaveResult result) {
  SwapResult out;
  out.unanswered_copy = result.unanswered_copy;
  if (result.answer == SaveAnswer::conflict) {
    out.answer = SwapAnswer::conflict;
    out.found = result.last_header.substr(0, result.last_header.find(' '));
  }
  return out;
}

}  // namespace

bool is_dff_value(std::string_view value) {
  return looks_like_dff(value) && is_context(value);
}

Task<bool> DffValues::contains(std::string key, Deadline deadline) {
  Request request{key_slot(key), encode_command({"TYPE", key})};
  const auto reply = co_await calls_.call(std::move(request), key, deadline);
  co_return text_of(reply.root()) == "string";
}

Task<std::optional<std::string>> DffValues::get(std::string key, bool refresh, Deadline deadline) {
  Request request{key_slot(key), encode_command({"GET", key})};
  const auto reply = co_await calls_.call(std::move(request), key, deadline);
  if (reply.root().kind == ReplyKind::nil) co_return std::nullopt;
  if (refresh && ttl_.count() > 0) {
    const auto ttl = std::to_string(ttl_.count());
    Request touch{key_slot(key), encode_command({"PEXPIRE", key, ttl})};
    co_await calls_.call(std::move(touch), key, deadline);
  }
  co_return std::string(text_of(reply.root()));
}

Task<void> DffValues::read_clock(std::uint16_t slot, Deadline deadline) {
  const auto asked = Clock::now();
  Request request{slot, encode_command({"TIME"})};
  const auto reply = co_await calls_.call(std::move(request), {}, deadline);
  const auto parts = array_of(reply.root());
  if (parts.size() != 2) throw Failure{errc::protocol_error, "TIME: the answer has not its shape"};
  const auto seconds = std::chrono::seconds(number_in(parts[0]));
  const auto time = seconds + std::chrono::microseconds(number_in(parts[1]));
  if (connections_ != calls_.client().statistics().connections) {
    for (auto& [server, other] : clocks_) other.reset();
  }
  clock(slot).sample(time, asked, Clock::now());
  connections_ = calls_.client().statistics().connections;
}

Task<SwapResult> DffValues::swap(std::string key, std::string expected, std::string value,
                                 bool resent, Deadline deadline) {
  std::vector<std::string> arguments;
  arguments.push_back(std::move(expected));
  arguments.push_back(value.empty() ? std::string() : value_digest(value));
  arguments.push_back(std::to_string(ttl_.count()));
  arguments.emplace_back();  // the fence, for each copy anew
  arguments.push_back(std::move(value));
  co_return co_await send(name_of(key), std::move(arguments), resent, deadline);
}

Task<SwapResult> DffValues::send(KeyName name, std::vector<std::string> arguments, bool resent,
                                 Deadline deadline) {
  constexpr std::size_t fence = 3;
  SaveAttempts attempts(resent);
  Backoff backoff;
  for (;;) {
    if (co_await this_flow::is_cancelled) {
      throw attempts.ended_by(cancelled_between());
    }
    if (!clock(name.slot).is_known() || connections_ != calls_.client().statistics().connections) {
      try {
        co_await read_clock(name.slot, deadline);
      } catch (Failure& failure) {
        throw attempts.ended_by(std::move(failure));
      }
    }
    const auto late =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock(name.slot).at(deadline));
    arguments[fence] = std::to_string(late.count());
    const std::vector<std::string_view> views(arguments.begin(), arguments.end());
    auto bytes = dff_swap_script().request(attempts.form(), name.text, views);
    const auto asked = Clock::now();
    const auto end = co_await calls_.exec(name.slot, std::move(bytes), deadline);
    auto decision = attempts.on_end(end, Clock::now() >= deadline);
    if (decision.server_time) {
      clock(name.slot).sample(*decision.server_time + std::chrono::microseconds(500), asked,
                              Clock::now());
    }
    if (decision.is_connection_new) clock(name.slot).reset();
    if (decision.next == NextStep::finish) co_return swap_result(std::move(decision.result));
    if (decision.next == NextStep::fail) throw std::move(decision.failure);
    if (decision.next != NextStep::send_after_pause) continue;
    const bool has_time = co_await backoff.pause(deadline);
    const bool is_stopped = co_await this_flow::is_cancelled;
    if (!has_time && !is_stopped) throw attempts.ended_by(std::move(decision.failure));
  }
}

Task<DffValues::Page> DffValues::scan(std::string cursor, std::size_t count, Deadline deadline) {
  auto place = read_place(cursor);
  auto servers = co_await client().servers(deadline);
  if (servers.failure) throw std::move(*servers.failure);
  if (place.server.empty() && !servers.names.empty()) place.server = servers.names.front();
  const auto size = std::to_string(count);
  Request request;
  request.bytes = encode_command({"SCAN", place.cursor, "COUNT", size, "TYPE", "string"});
  request.server = place.server;
  const auto reply = co_await calls_.call(std::move(request), {}, deadline);
  const auto parts = array_of(reply.root());
  if (parts.size() != 2) throw Failure{errc::protocol_error, "SCAN: the answer has not its shape"};
  Page page;
  place.cursor = text_of(parts[0]);
  page.cursor = next_cursor(std::move(place), servers.names);
  std::vector<std::string> keys;
  std::vector<Request> requests;
  for (const auto& key : array_of(parts[1])) {
    keys.emplace_back(text_of(key));
    requests.push_back({key_slot(keys.back()), encode_command({"GET", keys.back()})});
  }
  const auto ends = co_await calls_.call_all(std::move(requests), deadline);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i].failure) throw *ends[i].failure;
    const auto& root = ends[i].reply.root();
    if (root.kind != ReplyKind::string || !looks_like_dff(root.text)) continue;
    if (is_context(root.text)) {
      page.values.emplace_back(std::move(keys[i]), std::string(root.text));
    } else {
      page.damaged.push_back(std::move(keys[i]));
    }
  }
  co_return page;
}

}  // namespace dialogstore::redis
