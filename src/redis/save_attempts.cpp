#include "redis/save_attempts.hpp"

#include <utility>

#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

SaveDecision step(NextStep next) {
  SaveDecision decision;
  decision.next = next;
  return decision;
}

// Unsent requests fail for these only when the link has given up or been told to.
bool is_worth_another_try(errc code) {
  return code == errc::unavailable || code == errc::protocol_error || code == errc::timed_out ||
         code == errc::server_busy;
}

}  // namespace

SaveDecision SaveAttempts::on_end(const ExecResult& end, bool is_over) {
  if (!end.ok()) return on_failure(end, is_over);
  const auto& reply = end.reply.root();
  if (reply.kind == ReplyKind::error) return on_server_error(reply.text, is_over);
  return on_answer(reply, is_over);
}

Failure SaveAttempts::ended_by(Failure cause) const {
  return fail(cause.code, std::move(cause.detail)).failure;
}

SaveDecision SaveAttempts::on_failure(const ExecResult& end, bool is_over) {
  if (end.sent == Sent::maybe) unanswered_ = true;
  const bool is_final = end.failure == errc::canceled || end.failure == errc::closed;
  const bool try_again = end.sent == Sent::maybe || is_worth_another_try(end.failure);
  if (is_over || is_final || !try_again) return fail(end.failure, end.detail);
  auto decision = pause(end.failure, end.detail);
  decision.is_connection_new = true;
  return decision;
}

SaveDecision SaveAttempts::on_server_error(std::string_view text, bool is_over) {
  auto error = read_server_error(text);
  switch (error.effect) {
    case Effect::no_script:
      if (form_ == ScriptForm::with_text) return fail(error.code, std::move(error.detail));
      form_ = ScriptForm::with_text;
      // Also when the time is over: the link refuses to send it and says so.
      return step(NextStep::send);
    case Effect::none_yet:
      if (is_over) return fail(error.code, std::move(error.detail));
      return pause(error.code, std::move(error.detail));
    case Effect::none:
      return fail(error.code, std::move(error.detail));
    case Effect::unknown:
      unanswered_ = true;
      break;
  }
  return fail(error.code, std::move(error.detail));
}

SaveDecision SaveAttempts::on_answer(const ReplyNode& reply, bool is_over) {
  auto answer = read_save_answer(reply);
  if (!answer) {
    unanswered_ = true;
    return fail(errc::protocol_error, "the answer of the save script has not its shape");
  }
  auto decision = answer->refusal ? on_refusal(*answer->refusal, is_over) : step(NextStep::finish);
  decision.server_time = answer->server_time;
  if (answer->answer) {
    decision.result = {*answer->answer, std::move(answer->last_header), unanswered_};
  }
  return decision;
}

SaveDecision SaveAttempts::on_refusal(Refusal refusal, bool is_over) const {
  switch (refusal) {
    case Refusal::late:
      // Only the fence differs in the next copy, so it is still the same save.
      if (!is_over) return step(NextStep::send);
      return fail(errc::timed_out, "the save reached the server after its deadline");
    case Refusal::newer_format:
      return fail(errc::unsupported_format,
                  "the context was last saved by a newer version of this library");
    case Refusal::not_ours:
      return fail(errc::corrupt, "the last row stored there is damaged or not of this library");
    case Refusal::too_many_rows:
      break;
  }
  return fail(errc::too_large, "the save has more rows than the script takes");
}

SaveDecision SaveAttempts::pause(errc code, std::string detail) const {
  auto decision = fail(code, std::move(detail));
  decision.next = NextStep::send_after_pause;
  return decision;
}

SaveDecision SaveAttempts::fail(errc code, std::string detail) const {
  auto decision = step(NextStep::fail);
  decision.failure = {code, std::move(detail), unanswered_};
  if (unanswered_) {
    decision.failure.code = errc::outcome_unknown;
    decision.failure.detail =
        "the save was sent and its outcome is not known: " + decision.failure.detail;
  }
  return decision;
}

}  // namespace dialogstore::redis
