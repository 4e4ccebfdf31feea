#include "redis/durability.hpp"

#include "redis/command.hpp"
#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

// WAITAOF's own name for the disk of the server itself.
constexpr std::string_view this_server = "1";

std::string_view command_of(const Durability& wanted) {
  return wanted.on_disk ? "WAITAOF" : "WAIT";
}

}  // namespace

std::string Durability::text() const {
  if (!on_disk) return replicas == 0 ? "memory" : "replicas:" + std::to_string(replicas);
  return replicas == 0 ? "aof" : "aof:" + std::to_string(replicas);
}

std::string wait_request(const Durability& wanted, std::chrono::milliseconds patience) {
  const auto replicas = std::to_string(wanted.replicas);
  const auto time = std::to_string(patience.count());
  if (wanted.on_disk) return encode_command({"WAITAOF", this_server, replicas, time});
  return encode_command({"WAIT", replicas, time});
}

Confirmation read_confirmation(const ReplyNode& answer) {
  Confirmation confirmed;
  if (answer.kind == ReplyKind::error) {
    confirmed.refusal = read_server_error(answer.text).detail;
  } else if (answer.kind == ReplyKind::integer) {
    confirmed.replicas = answer.integer;
  } else if (answer.kind == ReplyKind::array && answer.elements.size() == 2) {
    confirmed.on_disk = answer.elements[0].integer >= 1;
    confirmed.replicas = answer.elements[1].integer;
  }
  return confirmed;
}

// Both answer at once where there is nothing to wait for: no replica is asked for, and a connection
// that has written nothing has nothing to sync.
std::string durability_question(const Durability& wanted) {
  Durability alone;
  alone.on_disk = wanted.on_disk;
  return wait_request(alone, std::chrono::milliseconds(1));
}

std::optional<Failure> read_durability_error(const Durability& wanted, std::string_view error,
                                             const std::string& user) {
  const auto says = [&](std::string_view text) {
    return error.find(text) != std::string_view::npos;
  };
  const std::string option = "durability=" + wanted.text();
  const std::string nothing_done = "; nothing was written. ";
  if (error.starts_with("NOPERM")) {
    const std::string who = user.empty() ? "default" : user;
    const std::string name(command_of(wanted));
    return Failure{errc::permission_denied,
                   option + ": the Redis user \"" + who + "\" may not run " + name + nothing_done +
                       "Grant it: ACL SETUSER " + who + (wanted.on_disk ? " +waitaof" : " +wait")};
  }
  if (says("unknown command")) {
    return Failure{errc::unsupported_server,
                   option + ": the server has no " + std::string(command_of(wanted)) +
                       ", which Redis 7.2 and Valkey have" + nothing_done +
                       "Set appendfsync always there and leave the option out, or write "
                       "durability=replicas:N"};
  }
  if (says("appendonly is disabled")) {
    return Failure{errc::unsupported_server, option + ": the server keeps no append-only file" +
                                                 nothing_done +
                                                 "Set appendonly yes there, or write "
                                                 "durability=replicas:N or memory"};
  }
  return std::nullopt;
}

std::optional<Failure> find_shortfall(const Durability& wanted, const Confirmation& confirmed) {
  std::string missing;
  std::string remedy = "look at the replicas";
  if (!confirmed.refusal.empty()) {
    missing = "nobody confirms that it is safe: " + confirmed.refusal;
    remedy = "look at the server";
  } else if (wanted.on_disk && !confirmed.on_disk) {
    missing = "the server has not synced it to its disk yet";
    remedy = "look at its disk and at appendfsync";
  } else if (confirmed.replicas < static_cast<std::int64_t>(wanted.replicas)) {
    missing = "only " + std::to_string(confirmed.replicas) + " of " +
              std::to_string(wanted.replicas) + " replicas have it" +
              (wanted.on_disk ? " on their disks" : "");
  } else {
    return std::nullopt;
  }
  return Failure{errc::not_replicated,
                 "the save was written, but " + missing + " (durability=" + wanted.text() + "); " +
                     remedy + ", then save the same context again",
                 true};
}

}  // namespace dialogstore::redis
