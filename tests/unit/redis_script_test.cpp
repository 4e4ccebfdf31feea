// Without a server: requests of the save script, its answers, the server's errors, and what a save
// makes of each.
#include "redis/script.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "redis/index_entry.hpp"
#include "redis/recent_keys.hpp"
#include "redis/reply_reader.hpp"
#include "redis/save_attempts.hpp"
#include "redis/server_clock.hpp"
#include "redis/server_error.hpp"

namespace dialogstore::redis {
namespace {

using namespace std::chrono_literals;

Reply parse(std::string_view bytes) {
  ReplyReader reader;
  std::vector<Reply> replies;
  EXPECT_TRUE(reader.feed(bytes, replies));
  EXPECT_EQ(replies.size(), 1U);
  return replies.at(0);
}

ExecResult answered(std::string_view bytes) {
  ExecResult result;
  result.reply = parse(bytes);
  return result;
}

ExecResult failed(errc code, Sent sent) {
  ExecResult result;
  result.failure = code;
  result.sent = sent;
  result.detail = "cause";
  return result;
}

constexpr std::string_view header = "D10000000100000000\1\2";

std::string with_header(char letter) {
  return std::string("*2\r\n$1\r\n") + letter + "\r\n$20\r\n" + std::string(header) + "\r\n";
}

// ---- requests and answers
// ------------------------------------------------------------------------

TEST(RedisScript, IsNamedByItsSha1) {
  EXPECT_EQ(Script("return 1").sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  EXPECT_EQ(save_script().sha1().size(), 40U);
  EXPECT_NE(save_script().text().find("redis.call('LSET'"), std::string::npos);
}

TEST(RedisScript, RequestHasExactlyOneKey) {
  format::SaveRequest save;
  save.base = std::string(12, 'b');
  save.op = format::SaveOp::seal;
  save.n = 9;
  save.rows = {"row1", std::string("r\0w", 3)};
  const SaveCopy copy{.ttl = 60'000ms, .fence = 123'456ms, .first = false};
  const auto request = save_request("ns:{k}", save, copy);
  const std::string numbers(
      "\0\0\0\0\xEA\x60"
      "\0\0\0\1\xE2\x40"
      "\0\0\0\x09",
      16);
  EXPECT_EQ(request, "*7\r\n$7\r\nEVALSHA\r\n$40\r\n" + save_script().sha1() +
                         "\r\n$1\r\n1\r\n$6\r\nns:{k}\r\n$30\r\ns2" + numbers +
                         "bbbbbbbbbbbb\r\n$4\r\nrow1\r\n$3\r\n" + std::string("r\0w", 3) + "\r\n");
}

TEST(RedisScript, ReadsEveryAnswer) {
  auto answer = read_save_answer(parse("*2\r\n$1\r\nS\r\n:1700000000123\r\n").root());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->answer, SaveAnswer::saved);
  EXPECT_EQ(answer->server_time, 1700000000123ms);
  for (const char letter : {'A', 'C', 'H', 'D'}) {
    answer = read_save_answer(parse(with_header(letter)).root());
    ASSERT_TRUE(answer) << letter;
    EXPECT_EQ(static_cast<char>(*answer->answer), letter);
    EXPECT_EQ(answer->last_header, header);
  }
  EXPECT_EQ(read_save_answer(parse("*1\r\n$1\r\nG\r\n").root())->answer, SaveAnswer::gone);
  for (const char letter : {'L', 'F', 'X', 'E'}) {
    answer = read_save_answer(parse(std::string("*1\r\n$1\r\n") + letter + "\r\n").root());
    ASSERT_TRUE(answer) << letter;
    EXPECT_EQ(static_cast<char>(*answer->refusal), letter);
  }
}

TEST(RedisScript, RefusesWhatIsNoAnswer) {
  for (const std::string bytes : {"+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n", "*1\r\n:1\r\n",
                                  "*1\r\n$1\r\nZ\r\n", "*1\r\n$2\r\nSS\r\n", "*1\r\n$1\r\nC\r\n",
                                  "*2\r\n$1\r\nC\r\n$3\r\nabc\r\n", "*2\r\n$1\r\nA\r\n:7\r\n"}) {
    EXPECT_FALSE(read_save_answer(parse(bytes).root())) << bytes;
  }
}

// ---- errors
// --------------------------------------------------------------------------------------

struct ErrorCase {
  std::string_view text;
  errc code;
  Effect effect;
};

TEST(RedisErrors, AreKnownByFirstWordOrEmbeddedCode) {
  const ErrorCase cases[] = {
      {"NOSCRIPT No matching script. Please use EVAL.", errc::server_error, Effect::no_script},
      {"LOADING Redis is loading the dataset in memory", errc::server_busy, Effect::none_yet},
      {"BUSY Redis is busy running a script.", errc::server_busy, Effect::none_yet},
      {"OOM command not allowed when used memory > 'maxmemory'. script: be32, on @user_script:91.",
       errc::server_out_of_memory, Effect::none},
      {"ERR Error running script (call to f_be32): @user_script:5: @user_script: 5: -OOM command "
       "not allowed when used memory > 'maxmemory'.",
       errc::server_out_of_memory, Effect::none},
      {"ERR Error running script (call to f_be32): @user_script:1: WRONGTYPE Operation against a "
       "key holding the wrong kind of value",
       errc::wrong_type, Effect::none},
      {"READONLY You can't write against a read only replica.", errc::read_only, Effect::none},
      {"ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You "
       "can't write against a read only replica.",
       errc::read_only, Effect::none},
      {"MISCONF Errors writing to the AOF file: No space left on device", errc::storage_full,
       Effect::none},
      {"NOREPLICAS Not enough good replicas to write.", errc::unavailable, Effect::none},
      {"MASTERDOWN Link with MASTER is down", errc::unavailable, Effect::none_yet},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", errc::wrong_type,
       Effect::none},
      {"NOAUTH Authentication required.", errc::auth_failed, Effect::none},
      {"WRONGPASS invalid username-password pair", errc::auth_failed, Effect::none},
      {"NOPERM this user has no permissions to run the 'evalsha' command", errc::permission_denied,
       Effect::none},
      {"ERR The user executing the script can't run this command or subcommand script: be32, on "
       "@user_script:100.",
       errc::permission_denied, Effect::unknown},
      {"NOPERM ACL failure in script: User u has no permissions to run the 'pexpire' command",
       errc::permission_denied, Effect::unknown},
      {"ERR max number of clients reached", errc::unavailable, Effect::none_yet},
      {"ERR unknown command 'EVALSHA', with args beginning with: ", errc::unsupported_server,
       Effect::none},
      {"MOVED 3999 127.0.0.1:6381", errc::unsupported_server, Effect::none},
      {"ERR something new", errc::server_error, Effect::unknown},
      {"", errc::server_error, Effect::unknown},
      {"OOMPH is not a code", errc::server_error, Effect::unknown},
  };
  for (const auto& one : cases) {
    const auto error = read_server_error(one.text);
    EXPECT_EQ(error.code, one.code) << one.text;
    EXPECT_EQ(error.effect, one.effect) << one.text;
  }
}

TEST(RedisErrors, TextIsPrintableAndWithoutTheScriptsName) {
  const auto error = read_server_error("OOM a\r\nb\x1b script: be32, on @user_script:91.");
  EXPECT_EQ(error.detail, "the server says: OOM a??b?");
}

// ---- what a save makes of the end of a copy
// ------------------------------------------------------

TEST(SaveAttempts, SavedIsTheEnd) {
  SaveAttempts attempts(false);
  EXPECT_TRUE(attempts.is_first());
  const auto decision = attempts.on_end(answered("*2\r\n$1\r\nS\r\n:17\r\n"), false);
  EXPECT_EQ(decision.next, NextStep::finish);
  EXPECT_EQ(decision.result.answer, SaveAnswer::saved);
  EXPECT_FALSE(decision.result.unanswered_copy);
  EXPECT_EQ(decision.server_time, 17ms);
}

TEST(SaveAttempts, ALostReplyMakesTheNextCopyARetry) {
  SaveAttempts attempts(false);
  auto decision = attempts.on_end(failed(errc::unavailable, Sent::maybe), false);
  EXPECT_EQ(decision.next, NextStep::send_after_pause);
  EXPECT_TRUE(decision.is_connection_new);
  EXPECT_FALSE(attempts.is_first());
  decision = attempts.on_end(answered(with_header('H')), false);
  EXPECT_EQ(decision.next, NextStep::finish);
  EXPECT_TRUE(decision.result.unanswered_copy);
}

TEST(SaveAttempts, AnUnsentCopyDoesNotCount) {
  SaveAttempts attempts(false);
  const auto decision = attempts.on_end(failed(errc::unavailable, Sent::no), false);
  EXPECT_EQ(decision.next, NextStep::send_after_pause);
  EXPECT_TRUE(attempts.is_first());
  const auto last = attempts.on_end(failed(errc::unavailable, Sent::no), true);
  EXPECT_EQ(last.next, NextStep::fail);
  EXPECT_EQ(last.failure.code, errc::unavailable);
  EXPECT_FALSE(last.failure.maybe_applied);
}

TEST(SaveAttempts, TheDeadlineOfASentCopyIsOutcomeUnknown) {
  SaveAttempts attempts(false);
  const auto decision = attempts.on_end(failed(errc::timed_out, Sent::maybe), true);
  EXPECT_EQ(decision.next, NextStep::fail);
  EXPECT_EQ(decision.failure.code, errc::outcome_unknown);
  EXPECT_TRUE(decision.failure.maybe_applied);
}

TEST(SaveAttempts, ErrorsProveNothingAfterAnUnansweredCopy) {
  for (const char* text : {"-OOM full\r\n", "-READONLY no\r\n", "-WRONGTYPE x\r\n",
                           "*1\r\n$1\r\nX\r\n", "*1\r\n$1\r\nF\r\n", "*1\r\n$1\r\nE\r\n"}) {
    SaveAttempts only(false);
    auto decision = only.on_end(answered(text), false);
    EXPECT_EQ(decision.next, NextStep::fail) << text;
    EXPECT_FALSE(decision.failure.maybe_applied) << text;
    EXPECT_NE(decision.failure.code, errc::outcome_unknown) << text;
    SaveAttempts second(true);
    decision = second.on_end(answered(text), false);
    EXPECT_TRUE(decision.failure.maybe_applied) << text;
    EXPECT_EQ(decision.failure.code, errc::outcome_unknown) << text;
  }
}

TEST(SaveAttempts, AScriptThatWasRefusedACommandMayHaveWritten) {
  SaveAttempts attempts(false);
  const auto decision = attempts.on_end(
      answered("-ERR The user executing the script can't run this command or subcommand\r\n"),
      false);
  EXPECT_EQ(decision.failure.code, errc::outcome_unknown);
  EXPECT_TRUE(decision.failure.maybe_applied);
}

TEST(SaveAttempts, AnUnknownScriptIsSentWithItsTextOnce) {
  SaveAttempts attempts(false);
  EXPECT_EQ(attempts.form(), ScriptForm::by_name);
  const auto no_script = answered("-NOSCRIPT No matching script.\r\n");
  EXPECT_EQ(attempts.on_end(no_script, false).next, NextStep::send);
  EXPECT_EQ(attempts.form(), ScriptForm::with_text);
  EXPECT_TRUE(attempts.is_first());
  EXPECT_EQ(attempts.on_end(no_script, false).next, NextStep::fail);
}

TEST(SaveAttempts, ABusyServerIsAskedAgainUntilTheDeadline) {
  SaveAttempts attempts(false);
  const auto busy = answered("-BUSY Redis is busy\r\n");
  EXPECT_EQ(attempts.on_end(busy, false).next, NextStep::send_after_pause);
  const auto decision = attempts.on_end(busy, true);
  EXPECT_EQ(decision.next, NextStep::fail);
  EXPECT_EQ(decision.failure.code, errc::server_busy);
  EXPECT_FALSE(decision.failure.maybe_applied);
}

TEST(SaveAttempts, ALateCopyIsSentAgainWithANewFence) {
  SaveAttempts attempts(false);
  const auto late = answered("*2\r\n$1\r\nL\r\n:99\r\n");
  auto decision = attempts.on_end(late, false);
  EXPECT_EQ(decision.next, NextStep::send);
  EXPECT_EQ(decision.server_time, 99ms);
  EXPECT_TRUE(attempts.is_first());
  decision = attempts.on_end(late, true);
  EXPECT_EQ(decision.failure.code, errc::timed_out);
  EXPECT_FALSE(decision.failure.maybe_applied);
}

TEST(SaveAttempts, CancellationBeforeSendingWroteNothing) {
  SaveAttempts unsent(false);
  EXPECT_EQ(unsent.on_end(failed(errc::canceled, Sent::no), true).failure.code, errc::canceled);
  SaveAttempts sent(false);
  EXPECT_EQ(sent.on_end(failed(errc::canceled, Sent::maybe), true).failure.code,
            errc::outcome_unknown);
  SaveAttempts closed(false);
  EXPECT_EQ(closed.on_end(failed(errc::closed, Sent::no), false).failure.code, errc::closed);
}

TEST(SaveAttempts, AnAnswerOfAnotherShapeIsUnknown) {
  SaveAttempts attempts(false);
  const auto decision = attempts.on_end(answered("+OK\r\n"), false);
  EXPECT_EQ(decision.failure.code, errc::outcome_unknown);
  EXPECT_TRUE(decision.failure.maybe_applied);
}

// ---- the clock, recent keys, cursors
// -------------------------------------------------------------

TEST(ServerClock, TakesTheMiddleOfTheShortestTrip) {
  ServerClock clock;
  const ServerClock::Clock::time_point start{1'000s};
  EXPECT_FALSE(clock.is_known());
  clock.sample(5'000'000us, start, start + 100ms);
  EXPECT_EQ(clock.at(start + 50ms), 5'000'000us);
  clock.sample(5'060'000us, start + 100ms, start + 102ms);
  EXPECT_EQ(clock.at(start + 101ms), 5'060'000us);
  clock.sample(5'500'000us, start + 500ms, start + 700ms);  // explained by its long trip
  EXPECT_EQ(clock.at(start + 101ms), 5'060'000us);
}

TEST(ServerClock, FollowsAClockThatWasSet) {
  ServerClock clock;
  const ServerClock::Clock::time_point start{1'000s};
  clock.sample(5'000'000us, start, start + 1ms);
  clock.sample(1'000'000us, start + 10ms, start + 20ms);
  EXPECT_EQ(clock.at(start + 15ms), 1'000'000us);
}

TEST(ServerClock, PrefersANewSampleToAnOldOne) {
  ServerClock clock;
  const ServerClock::Clock::time_point start{1'000s};
  clock.sample(5'000'000us, start, start);
  clock.sample(125'003'000us, start + 120s, start + 120s + 4ms);
  EXPECT_EQ(clock.at(start + 120s + 2ms), 125'003'000us);
}

TEST(RecentKeys, AreDueAfterTheInterval) {
  RecentKeys recent(10, 60s);
  const RecentKeys::Clock::time_point start{1'000s};
  EXPECT_TRUE(recent.is_due("a", start));
  recent.mark("a", start);
  EXPECT_FALSE(recent.is_due("a", start + 59s));
  EXPECT_TRUE(recent.is_due("a", start + 60s));
  recent.forget("a");
  EXPECT_TRUE(recent.is_due("a", start));
}

TEST(RecentKeys, ForgetTheLeastRecentlyListed) {
  RecentKeys recent(3, 60s);
  const RecentKeys::Clock::time_point start{1'000s};
  for (const char* key : {"a", "b", "c", "a", "d"}) recent.mark(key, start);
  EXPECT_EQ(recent.size(), 3U);
  EXPECT_TRUE(recent.is_due("b", start));
  for (const char* key : {"a", "c", "d"}) EXPECT_FALSE(recent.is_due(key, start)) << key;
}

TEST(IndexCursors, ComeBack) {
  const auto walk = read_walk_cursor(write_walk_cursor({2, "18446744073709551615"}), 3);
  EXPECT_EQ(walk.shard, 2U);
  EXPECT_EQ(walk.cursor, "18446744073709551615");
  NewestCursor cursor;
  cursor.floor = "-inf";
  cursor.top = "1700000000000000";
  cursor.last = {std::string("k:\0\xff", 4), "1690000000000000"};
  const auto back = read_newest_cursor(write_newest_cursor(cursor));
  EXPECT_EQ(back.floor, cursor.floor);
  EXPECT_EQ(back.top, cursor.top);
  EXPECT_EQ(back.last.score, cursor.last.score);
  EXPECT_EQ(back.last.key, cursor.last.key);
}

TEST(IndexCursors, RefuseWhatTheyDidNotWrite) {
  for (const char* text :
       {"x", "a", "a:", "a:0", "a:1:0", "a:0:x", "a:-1:0", "n:1:2:3:zz", "n:0"}) {
    EXPECT_THROW((void)read_walk_cursor(text, 1), Failure) << text;
  }
  for (const char* text :
       {"x", "a:0:0", "n", "n:", "n:1:2", "n:1:2:3:4", "n:1:2:3:zz", "n:x:2:3:", "n:(1:2:3:"}) {
    EXPECT_THROW((void)read_newest_cursor(text), Failure) << text;
  }
}

}  // namespace
}  // namespace dialogstore::redis
