#include "redis/sentinel_answers.hpp"

#include <charconv>
#include <map>
#include <utility>

#include "redis/command.hpp"
#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

SentinelAnswer failed(errc code, std::string detail) {
  SentinelAnswer answer;
  answer.failure = Failure{code, std::move(detail)};
  return answer;
}

std::uint64_t epoch_in(const ReplyNode& fields) {
  std::uint64_t epoch = 0;
  if (fields.kind != ReplyKind::array) return epoch;
  for (std::size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
    if (fields.elements[i].text != "config-epoch") continue;
    const auto text = fields.elements[i + 1].text;
    std::from_chars(text.data(), text.data() + text.size(), epoch);
  }
  return epoch;
}

// The one that does not pass by itself says more than a Sentinel that is away.
int weight(errc code) {
  switch (code) {
    case errc::auth_failed:
    case errc::permission_denied:
    case errc::tls_error:
      return 3;
    case errc::invalid_argument:
    case errc::unsupported_server:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

std::string sentinel_question(const std::string& service) {
  return encode_command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", service}) +
         encode_command({"SENTINEL", "MASTER", service});
}

SentinelAnswer read_sentinel_answer(const ExecResult& end, const ServerAddress& sentinel,
                                    const std::string& service, const AddressBook& book) {
  const auto who = "the Sentinel " + to_text(sentinel);
  if (!end.ok()) return failed(end.failure, who + ": " + end.detail);
  if (end.earlier.size() != 1) return failed(errc::protocol_error, who + ": an answer is missing");
  const auto& address = end.earlier.front().root();
  if (address.kind == ReplyKind::error) {
    auto error = read_server_error(address.text);
    return failed(error.code, who + ": " + std::move(error.detail));
  }
  if (address.kind == ReplyKind::nil) {
    return failed(errc::invalid_argument, who + " knows no service \"" +
                                              ContextKey(service).printable() +
                                              "\"; write the name it watches the primary by");
  }
  const bool has_shape = address.kind == ReplyKind::array && address.elements.size() == 2 &&
                         address.elements[0].kind == ReplyKind::string &&
                         !address.elements[0].text.empty();
  const auto host = has_shape ? address.elements[0].text : std::string_view();
  const auto port = has_shape ? address.elements[1].text : std::string_view();
  SentinelAnswer answer;
  answer.primary = book.read(std::string(host) + ":" + std::string(port), sentinel);
  if (host.empty() || !answer.primary) {
    return failed(errc::protocol_error, who + ": the answer is no address");
  }
  answer.epoch = epoch_in(end.reply.root());
  return answer;
}

SentinelAnswer choose_primary(const std::vector<SentinelAnswer>& answers, std::uint64_t followed) {
  struct Votes {
    std::size_t count = 0;
    std::uint64_t epoch = 0;
  };
  std::map<ServerAddress, Votes> votes;
  SentinelAnswer best = failed(errc::unavailable, "no Sentinel answers");
  int best_weight = 0;
  for (const auto& answer : answers) {
    if (answer.primary) {
      auto& vote = votes[*answer.primary];
      ++vote.count;
      vote.epoch = std::max(vote.epoch, answer.epoch);
    } else if (weight(answer.failure->code) > best_weight) {
      best_weight = weight(answer.failure->code);
      best = answer;
    }
  }
  Votes most;
  for (const auto& [address, vote] : votes) {
    const bool is_late = vote.epoch < followed && vote.count * 2 <= answers.size();
    if (is_late && most.count == 0) {
      best = failed(errc::unavailable, "only Sentinels answer that have not heard of the failover");
    }
    if (is_late) continue;
    if (std::pair(vote.count, vote.epoch) < std::pair(most.count, most.epoch)) continue;
    most = vote;
    best = SentinelAnswer{address, vote.epoch, std::nullopt};
  }
  return best;
}

}  // namespace dialogstore::redis
