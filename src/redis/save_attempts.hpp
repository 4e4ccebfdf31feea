// The rules of sending one save until its outcome is known (PROTOCOL §2, Retry and Classification),
// without I/O: tell it how a copy ended, do what it says.
//
// A copy went unanswered when it may have reached the server and no reply came. From then on an
// error or a refusal of a later copy says nothing about the save: the unanswered copy may have been
// applied before, or be applied later.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "redis/link.hpp"
#include "redis/script.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

enum class NextStep : std::uint8_t {
  send,              ///< the next copy, now
  send_after_pause,  ///< the server is busy or away
  finish,            ///< `result` is the answer
  fail,              ///< `failure` is
};

struct SaveDecision {
  NextStep next = NextStep::send;
  SaveResult result;
  Failure failure;  ///< also of send_after_pause: what it is when there is no time for a pause
  std::optional<std::chrono::milliseconds> server_time;  ///< a sample of the server's clock
  bool is_connection_new = false;                        ///< the next copy may meet another server
};

class SaveAttempts {
 public:
  /// `resent`: an earlier call left a copy unanswered.
  explicit SaveAttempts(bool resent) : unanswered_(resent) {}

  /// How the next copy is to be sent.
  [[nodiscard]] bool is_first() const noexcept { return !unanswered_; }
  [[nodiscard]] ScriptForm form() const noexcept { return form_; }

  /// `is_over`: the deadline has passed.
  [[nodiscard]] SaveDecision on_end(const ExecResult& end, bool is_over);
  /// What the save ends with when something else ends it before its next copy.
  [[nodiscard]] Failure ended_by(Failure cause) const;

 private:
  [[nodiscard]] SaveDecision pause(errc code, std::string detail) const;
  SaveDecision on_failure(const ExecResult& end, bool is_over);
  SaveDecision on_server_error(std::string_view text, bool is_over);
  SaveDecision on_answer(const ReplyNode& reply, bool is_over);
  SaveDecision on_refusal(Refusal refusal, bool is_over) const;
  [[nodiscard]] SaveDecision fail(errc code, std::string detail) const;

  bool unanswered_;
  ScriptForm form_ = ScriptForm::by_name;
};

}  // namespace dialogstore::redis
