#include "redis/handshake.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "redis/command.hpp"

namespace dialogstore::redis {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void erase_secret(std::string& text, const std::string& secret) {
  if (secret.empty()) {
    return;
  }
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
}

// A server that does not know AUTH quotes its arguments.
std::string printable_error(const SetupStep& step, std::string_view error,
                            const LinkSettings& settings) {
  std::string text(error.substr(0, error.find(", with args")));
  erase_secret(text, settings.password);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return std::string(name_of(step.kind)) + ": " + text;
}

errc code_of_step(SetupKind kind, std::string_view error) {
  switch (kind) {
    case SetupKind::auth:
      return errc::auth_failed;  // servers before 6 say "ERR invalid password"
    case SetupKind::select:
      return errc::invalid_argument;  // the index is out of range, or the server is a cluster
    default:
      return contains(error, "unknown command") ? errc::unsupported_server : errc::server_error;
  }
}

LinkFailure judge_error(const SetupStep& step, std::string_view error,
                        const LinkSettings& settings) {
  const std::string_view word = error.substr(0, error.find(' '));
  LinkFailure failure{errc::unavailable, false, printable_error(step, error, settings)};
  if (is_one_of(word, {"LOADING", "BUSY"})) {
    failure.code = errc::server_busy;
  } else if (is_one_of(word, {"MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}) ||
             contains(error, "max number of clients")) {
    failure.code = errc::unavailable;
  } else {
    failure.definitive = true;
    if (is_one_of(word, {"WRONGPASS", "NOAUTH"})) {
      failure.code = errc::auth_failed;
    } else if (is_one_of(word, {"NOPERM", "DENIED"})) {
      failure.code = errc::permission_denied;
    } else if (word == "READONLY") {
      failure.code = errc::read_only;
    } else {
      failure.code = code_of_step(step.kind, error);
    }
  }
  return failure;
}

LinkFailure judge_role(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::array || reply.elements.empty() ||
      reply.elements[0].kind != ReplyKind::string) {
    return {errc::protocol_error, true, "ROLE: the answer has not the shape it should have"};
  }
  const std::string_view role = reply.elements[0].text;
  if (role == "master") {
    return {};
  }
  if (role == "slave" || role == "replica") {
    return {errc::read_only, true, "ROLE: the server is a replica, the primary is needed"};
  }
  if (role == "sentinel") {
    return {errc::unsupported_server, true, "ROLE: the server is a Sentinel, it stores no data"};
  }
  return {errc::unsupported_server, true, "ROLE: the server names a role that is not known"};
}

}  // namespace

std::vector<SetupStep> setup_steps(const LinkSettings& settings) {
  std::vector<SetupStep> steps;
  if (!settings.password.empty() || !settings.user.empty()) {
    steps.push_back(
        {SetupKind::auth, settings.user.empty()
                              ? encode_command({"AUTH", settings.password})
                              : encode_command({"AUTH", settings.user, settings.password})});
  }
  if (settings.tracking) {
    steps.push_back({SetupKind::protocol, encode_command({"HELLO", "3"})});
    steps.push_back({SetupKind::tracking, encode_command({"CLIENT", "TRACKING", "ON", "NOLOOP"})});
  }
  if (settings.database != 0) {
    steps.push_back(
        {SetupKind::select, encode_command({"SELECT", std::to_string(settings.database)})});
  }
  if (!settings.client_name.empty()) {
    steps.push_back(
        {SetupKind::set_name, encode_command({"CLIENT", "SETNAME", settings.client_name})});
  }
  if (settings.require_master) {
    steps.push_back({SetupKind::role, encode_command({"ROLE"})});
  }
  for (const std::string& request : settings.setup_requests) {
    steps.push_back({SetupKind::probe, request});
  }
  return steps;
}

LinkFailure judge_setup_reply(const SetupStep& step, const ReplyNode& reply,
                              const LinkSettings& settings) {
  if (reply.kind != ReplyKind::error) {
    if (step.kind == SetupKind::role) {
      return judge_role(reply);
    }
    const bool must_be_ok = step.kind == SetupKind::auth || step.kind == SetupKind::select;
    if (must_be_ok && (reply.kind != ReplyKind::status || reply.text != "OK")) {
      return {errc::protocol_error, true,
              std::string(name_of(step.kind)) + ": the answer is not OK"};
    }
    return {};
  }
  LinkFailure failure = judge_error(step, reply.text, settings);
  const bool is_for_tracking = step.kind == SetupKind::protocol || step.kind == SetupKind::tracking;
  if (is_for_tracking && failure.definitive && failure.code != errc::auth_failed) {
    failure.detail += "; cache_max_staleness needs it: grant it, or leave the option out";
  }
  if (step.kind == SetupKind::set_name && failure.code != errc::auth_failed) {
    return {};  // the name is only for the server's operator to see
  }
  if (step.kind == SetupKind::role && failure.code == errc::permission_denied) {
    return {};  // a user without rights to ask: a write tells soon enough
  }
  return failure;
}

std::string_view name_of(SetupKind kind) noexcept {
  switch (kind) {
    case SetupKind::auth:
      return "AUTH";
    case SetupKind::protocol:
      return "HELLO 3";
    case SetupKind::tracking:
      return "CLIENT TRACKING";
    case SetupKind::select:
      return "SELECT";
    case SetupKind::set_name:
      return "CLIENT SETNAME";
    case SetupKind::role:
      return "ROLE";
    case SetupKind::probe:
      break;
  }
  return "setup";
}

}  // namespace dialogstore::redis
