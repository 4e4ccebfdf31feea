// What Sentinels say, and which of them is believed.
#include "redis/sentinel_answers.hpp"

#include <gtest/gtest.h>

#include "support/faulty_client.hpp"

namespace dialogstore::redis {
namespace {

using test::RedisReply;
using Kind = RedisReply::Kind;

const ServerAddress sentinel{"s", 26379};
const ServerAddress old_primary{"10.0.0.1", 6379};
const ServerAddress new_primary{"10.0.0.2", 6379};

RedisReply bulk(std::string text) {
  return {.kind = Kind::bulk, .text = std::move(text)};
}

ExecResult end_of(const RedisReply& address, const std::string& epoch) {
  auto end =
      test::to_result({.kind = Kind::array,
                       .elements = {bulk("name"), bulk("svc"), bulk("config-epoch"), bulk(epoch)}});
  end.earlier.push_back(test::to_result(address).reply);
  return end;
}

SentinelAnswer read(const ExecResult& end) {
  return read_sentinel_answer(end, sentinel, "svc", {});
}

SentinelAnswer names(const ServerAddress& primary, std::uint64_t epoch) {
  return {primary, epoch, std::nullopt};
}

SentinelAnswer fails(errc code) {
  return {std::nullopt, 0, Failure{code, "why"}};
}

TEST(SentinelAnswers, NameAnAddressAndItsEpoch) {
  const auto answer =
      read(end_of({.kind = Kind::array, .elements = {bulk("10.0.0.1"), bulk("6379")}}, "12"));
  EXPECT_EQ(answer.primary, old_primary);
  EXPECT_EQ(answer.epoch, 12U);
  EXPECT_FALSE(answer.failure);
}

TEST(SentinelAnswers, ThatAreNoneSayWhoAndWhy) {
  const RedisReply nil;
  const RedisReply error{.kind = Kind::error, .text = "NOAUTH Authentication required."};
  const RedisReply no_port{.kind = Kind::array, .elements = {bulk("10.0.0.1"), bulk("x")}};
  const RedisReply no_host{.kind = Kind::array, .elements = {bulk(""), bulk("1")}};
  EXPECT_EQ(read(end_of(nil, "1")).failure->code, errc::invalid_argument);
  EXPECT_NE(read(end_of(nil, "1")).failure->detail.find("\"svc\""), std::string::npos);
  EXPECT_EQ(read(end_of(error, "1")).failure->code, errc::auth_failed);
  EXPECT_EQ(read(end_of(no_port, "1")).failure->code, errc::protocol_error);
  EXPECT_EQ(read(end_of(no_host, "1")).failure->code, errc::protocol_error);
  const auto away = read(test::no_reply(Sent::no));
  EXPECT_EQ(away.failure->code, errc::unavailable);
  EXPECT_NE(away.failure->detail.find("s:26379"), std::string::npos) << away.failure->detail;
}

TEST(SentinelAnswers, TheMajorityIsBelieved) {
  const auto chosen =
      choose_primary({names(old_primary, 99), names(new_primary, 2), names(new_primary, 2)}, 0);
  EXPECT_EQ(chosen.primary, new_primary) << "one that is wrong is alone, whatever its epoch";
  EXPECT_FALSE(chosen.failure);
}

TEST(SentinelAnswers, OfTwoTheNewerConfiguration) {
  EXPECT_EQ(choose_primary({names(new_primary, 3), names(old_primary, 2)}, 0).primary, new_primary);
  EXPECT_EQ(choose_primary({names(old_primary, 2), names(new_primary, 3)}, 0).primary, new_primary);
}

// The others are slow to answer, and this one has not heard of the failover yet.
TEST(SentinelAnswers, AFewDoNotLeadBackToADeposedPrimary) {
  const auto away = fails(errc::timed_out);
  const auto late = choose_primary({names(old_primary, 2), away, away}, 3);
  EXPECT_FALSE(late.primary);
  EXPECT_EQ(late.failure->code, errc::unavailable);
  EXPECT_NE(late.failure->detail.find("failover"), std::string::npos) << late.failure->detail;
  EXPECT_EQ(choose_primary({names(new_primary, 3), away, away}, 3).primary, new_primary);
  EXPECT_EQ(choose_primary({names(old_primary, 4), away, away}, 3).primary, old_primary)
      << "it was made the primary again";
  EXPECT_EQ(choose_primary({names(old_primary, 1), names(old_primary, 1), away}, 3).primary,
            old_primary)
      << "most of them tell it: they were set up anew";
  EXPECT_EQ(choose_primary({names(old_primary, 1)}, 3).primary, old_primary)
      << "it is all there are";
}

TEST(SentinelAnswers, OneAddressIsWorthMoreThanAllFailures) {
  const auto chosen = choose_primary({fails(errc::auth_failed), names(old_primary, 0)}, 0);
  EXPECT_EQ(chosen.primary, old_primary);
}

TEST(SentinelAnswers, WithoutAnAddressTheFailureThatLastsIsNamed) {
  EXPECT_EQ(choose_primary({}, 0).failure->code, errc::unavailable);
  EXPECT_EQ(
      choose_primary({fails(errc::unavailable), fails(errc::invalid_argument)}, 0).failure->code,
      errc::invalid_argument);
  EXPECT_EQ(
      choose_primary({fails(errc::auth_failed), fails(errc::invalid_argument)}, 0).failure->code,
      errc::auth_failed);
}

}  // namespace
}  // namespace dialogstore::redis
