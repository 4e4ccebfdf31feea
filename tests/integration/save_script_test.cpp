// The save script by itself against a real server: every answer, every refusal, nothing half done.
#include <gtest/gtest.h>

#include <random>

#include "redis/script.hpp"
#include "storage/apply_save.hpp"
#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"
#include "support/scripted_rows.hpp"

namespace dialogstore::test {
namespace {

using format::RowKind;
using format::SaveOp;
using format::SaveRequest;

constexpr std::int64_t far_away = std::int64_t{1} << 47;

struct CopyOptions {
  std::int64_t ttl = 0;
  std::int64_t fence = far_away;
  bool first = true;
};

std::string big_endian(std::int64_t number, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes) & 0xFF);
  return out;
}

/// As save.lua describes it, written here once more.
std::string head_of(const SaveRequest& request, const CopyOptions& options) {
  return std::string(1, static_cast<char>(request.op)) + (options.first ? '1' : '2') +
         big_endian(options.ttl, 6) + big_endian(options.fence, 6) + big_endian(request.n, 4) +
         request.base;
}

class SaveScript : public ::testing::Test {
 protected:
  RedisReply send(const SaveRequest& request, CopyOptions options = {}) {
    std::vector<std::string> words{"EVAL", redis::save_script().text(), "1", key_,
                                   head_of(request, options)};
    words.insert(words.end(), request.rows.begin(), request.rows.end());
    return server_->command(words);
  }
  std::string answer(const SaveRequest& request, CopyOptions options = {}) {
    const auto reply = send(request, options);
    return reply.elements.empty() ? reply.text : reply.elements[0].text;
  }
  std::vector<std::string> rows() { return server_->command({"LRANGE", key_, "0", "-1"}).texts(); }
  std::int64_t ttl() { return server_->command({"PTTL", key_}).integer; }

  /// A page with the token of sequence 1, a keyframe (2) and deltas up to `last`.
  void build_log(std::uint32_t last) {
    tokens_.clear();
    for (std::uint32_t seq = 0; seq <= last; ++seq) tokens_.push_back(random_token());
    server_->command({"DEL", key_});
    format::RowHeader page{.kind = RowKind::page, .version = {1, tokens_[1]}};
    push(format::encode_page(page, std::span(&tokens_[1], 1), 0, "{}"));
    push(make_row(RowKind::keyframe, version(2)));
    for (std::uint32_t seq = 3; seq <= last; ++seq) {
      push(make_row(RowKind::delta, version(seq), static_cast<std::uint16_t>(seq - 2)));
    }
  }
  void push(const std::string& row) { server_->command({"RPUSH", key_, row}); }
  Version version(std::uint32_t seq) const { return {seq, tokens_[seq]}; }

  /// One save of each kind on the log that ends at `last`.
  std::vector<SaveRequest> all_paths(std::uint32_t last) {
    const auto base = format::encode_version(version(last));
    const auto own = random_token();
    const Version next{last + 1, own};
    const auto delta = make_row(RowKind::delta, next, static_cast<std::uint16_t>(last - 1));
    const auto page = make_row(RowKind::page, {last, own});
    const auto keyframe = make_row(RowKind::keyframe, next);
    const auto tail = std::int64_t{last} - 1;
    return {{base, own, SaveOp::append, 0, {delta}},
            {base, own, SaveOp::seal, tail, {page, keyframe}},
            {base, own, SaveOp::edit, -tail - 1, {page, delta}},
            {base, own, SaveOp::drop_head, 1, {delta}},
            {base, own, SaveOp::replace, 0, {page, keyframe}},
            {base, own, SaveOp::erase, 0, {make_row(RowKind::tombstone, next)}},
            {base, own, SaveOp::touch, 0, {}}};
  }

  std::unique_ptr<RedisServer> own_;
  RedisServer* server_ = &shared_redis();
  std::string key_ = unique_name() + ":{k}";
  std::vector<Token> tokens_;
};

class SaveScriptOnItsOwnServer : public SaveScript {
 protected:
  SaveScriptOnItsOwnServer() {
    own_ = std::make_unique<RedisServer>();
    server_ = own_.get();
  }
  void set(const std::string& name, const std::string& value) {
    ASSERT_EQ(server_->command({"CONFIG", "SET", name, value}).text, "OK");
  }
};

TEST_F(SaveScript, EveryPathWritesItsRows) {
  for (std::size_t path = 0; path < 7; ++path) {
    build_log(9);
    const auto before = rows();
    const auto request = all_paths(9)[path];
    ASSERT_EQ(answer(request), "S") << path;
    const auto after = rows();
    auto expected = before;
    switch (request.op) {
      case SaveOp::append:
        expected.push_back(request.rows[0]);
        break;
      case SaveOp::seal:
        expected = {before[0], request.rows[0], request.rows[1]};
        EXPECT_EQ(before.size(), 9U);
        break;
      case SaveOp::edit:
        expected[0] = request.rows[0];
        expected.push_back(request.rows[1]);
        break;
      case SaveOp::drop_head:
        expected.erase(expected.begin());
        expected.push_back(request.rows[0]);
        break;
      case SaveOp::replace:
      case SaveOp::erase:
        expected = request.rows;
        break;
      case SaveOp::touch:
        break;
    }
    EXPECT_EQ(after, expected) << path;
  }
}

TEST_F(SaveScript, AnswersSayWhatIsThere) {
  build_log(9);
  const auto own = random_token();
  const auto append = make_append(version(9), own);
  EXPECT_EQ(answer(append), "S");
  EXPECT_EQ(answer(append), "A");
  EXPECT_EQ(answer(make_append(version(9), random_token())), "C");
  EXPECT_EQ(answer(make_append(version(1), random_token())), "C");  // sealed in the page
  EXPECT_EQ(answer(make_append({9, random_token()}, random_token())), "H");
  EXPECT_EQ(answer(make_append({30, random_token()}, random_token())), "H");
  EXPECT_EQ(answer(make_create(random_token())), "C");
  EXPECT_EQ(answer(make_create(random_token()), {.first = false}), "C");
  EXPECT_EQ(answer(make_create(tokens_[1]), {.first = false}), "A");
  const auto rows_now = rows();
  EXPECT_EQ(send(make_create(random_token())).elements.at(1).text, rows_now.back().substr(0, 20));

  EXPECT_EQ(answer(format::plan_erase({10, own}, random_token())), "S");
  EXPECT_EQ(answer(append), "D");
  EXPECT_EQ(answer(make_create(random_token())), "D");
  server_->command({"DEL", key_});
  EXPECT_EQ(answer(append), "G");
  EXPECT_EQ(answer(make_create(random_token())), "S");
}

TEST_F(SaveScript, EverySaveHasAFence) {
  for (std::size_t path = 0; path < 7; ++path) {
    build_log(5);
    const auto before = rows();
    const auto time = server_->command({"TIME"}).texts();
    const auto now = std::stoll(time.at(0)) * 1000;
    const auto request = all_paths(5)[path];
    const auto reply = send(request, {.ttl = 60'000, .fence = now - 1});
    ASSERT_EQ(reply.elements.at(0).text, "L") << path;
    EXPECT_NEAR(static_cast<double>(reply.elements.at(1).integer), static_cast<double>(now), 5'000);
    EXPECT_EQ(rows(), before) << path;
    EXPECT_EQ(ttl(), -1);
    EXPECT_EQ(answer(request, {.fence = now + 60'000}), "S") << path;
  }
}

TEST_F(SaveScript, ExpiryIsSetOnEveryPathAndTakenAwayWhenThereIsNone) {
  for (std::size_t path = 0; path < 7; ++path) {
    build_log(5);
    ASSERT_EQ(answer(all_paths(5)[path], {.ttl = 60'000}), "S");
    EXPECT_GT(ttl(), 50'000) << path;
    build_log(5);
    server_->command({"PEXPIRE", key_, "60000"});
    ASSERT_EQ(answer(all_paths(5)[path], {.ttl = 0}), "S");
    EXPECT_EQ(ttl(), -1) << path;
  }
}

TEST_F(SaveScript, ARetryThatFindsItselfSetsTheExpiryAgain) {
  build_log(5);
  const auto request = all_paths(5)[0];
  ASSERT_EQ(answer(request), "S");
  ASSERT_EQ(answer(request, {.ttl = 60'000, .first = false}), "A");
  EXPECT_GT(ttl(), 50'000);
}

TEST_F(SaveScript, ReplacingATombstoneDoesNotInheritItsLife) {
  build_log(3);
  const auto own = random_token();
  ASSERT_EQ(answer(format::plan_erase(version(3), own), {.ttl = 60'000}), "S");
  EXPECT_GT(ttl(), 0);
  ASSERT_EQ(answer(make_create(random_token(), Version{4, own})), "S");
  EXPECT_EQ(ttl(), -1);
}

TEST_F(SaveScript, RowsOfANewerFormatAreLeftAlone) {
  build_log(5);
  const auto newest = random_token();
  push(make_row(RowKind::delta, {6, newest}, 4, '3'));
  const auto before = rows();
  EXPECT_EQ(answer(make_append({6, newest}, random_token())), "F");
  EXPECT_EQ(answer(make_create(random_token())), "F");
  EXPECT_EQ(answer(make_append(version(5), random_token()), {.first = false}), "F");
  EXPECT_EQ(rows(), before);
}

TEST_F(SaveScript, EveryFormatByteIsWhatTheLibraryTakesItFor) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto newest = random_token();
    const auto row = make_row(RowKind::delta, {6, newest}, 0, static_cast<std::uint8_t>(byte));
    server_->command({"DEL", key_});
    push(row);
    format::RowHeader header;
    const auto fault = format::decode_header(row, header);
    const std::string expected = fault == format::RowFault::none           ? "S"
                                 : fault == format::RowFault::newer_format ? "F"
                                                                           : "X";
    EXPECT_EQ(answer(make_append({6, newest}, random_token())), expected) << byte;
  }
}

TEST_F(SaveScript, WhatIsNoRowIsLeftAlone) {
  for (const std::string& foreign :
       {std::string(), std::string("hello"), std::string(40, 'D'), "X1" + std::string(30, '\0'),
        std::string("D1") + std::string(21, '\0'), std::string(1000, '\xff')}) {
    server_->command({"DEL", key_});
    push(foreign);
    EXPECT_EQ(answer(make_create(random_token())), "X") << foreign;
    EXPECT_EQ(answer(make_append({1, random_token()}, random_token())), "X") << foreign;
    EXPECT_EQ(rows(), std::vector<std::string>{foreign});
  }
  // In the middle of a log it is met only by a walk.
  server_->command({"DEL", key_});
  push("junk");
  build_log(4);
  server_->command({"LSET", key_, "1", "junk"});
  EXPECT_EQ(answer(make_append({1, random_token()}, random_token())), "X");
}

TEST_F(SaveScript, AKeyOfAnotherTypeIsLeftAlone) {
  server_->command({"SET", key_, "{\"id\":1}"});
  EXPECT_EQ(send(make_create(random_token())).text.substr(0, 9), "WRONGTYPE");
  EXPECT_EQ(server_->command({"GET", key_}).text, "{\"id\":1}");
}

TEST_F(SaveScript, TheNumberOfRowsIsRefusedBeforeAnythingIsWritten) {
  for (const std::size_t count : {std::size_t{3'999}, std::size_t{4'000}, std::size_t{20'000}}) {
    build_log(9);
    const auto before = rows();
    auto request = all_paths(9)[1];
    request.rows.assign(count, request.rows[0]);
    if (count <= 3'999) {
      EXPECT_EQ(answer(request), "S");
      EXPECT_EQ(rows().size(), count + 1);
    } else {
      EXPECT_EQ(answer(request), "E");
      EXPECT_EQ(rows(), before);
    }
  }
}

TEST_F(SaveScriptOnItsOwnServer, AFullServerRefusesEveryPathButDeleteUntouched) {
  for (std::size_t path = 0; path < 7; ++path) {
    build_log(9);
    const auto before = rows();
    const auto request = all_paths(9)[path];
    set("maxmemory", "1");
    const auto text = answer(request, {.ttl = 60'000});
    set("maxmemory", "0");
    if (request.op == SaveOp::erase || request.op == SaveOp::touch) {
      EXPECT_EQ(text, "S") << path;
    } else {
      EXPECT_EQ(text.substr(0, 4), "OOM ") << path;
      EXPECT_EQ(rows(), before) << path;
      EXPECT_EQ(ttl(), -1) << path;
    }
  }
}

TEST_F(SaveScriptOnItsOwnServer, WithoutEnoughReplicasNothingIsWritten) {
  for (std::size_t path = 0; path < 7; ++path) {
    set("min-replicas-to-write", "0");
    build_log(9);
    const auto before = rows();
    const auto request = all_paths(9)[path];
    set("min-replicas-to-write", "1");
    EXPECT_EQ(answer(request, {.ttl = 60'000}).substr(0, 10), "NOREPLICAS") << path;
    EXPECT_EQ(rows(), before) << path;
    EXPECT_EQ(ttl(), -1) << path;
  }
}

// ---- its twin in C++
// -----------------------------------------------------------------------------

TEST_F(SaveScript, AnswersAsItsTwinForOtherBackEnds) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return random() % n; };
  DequeRows twin;
  std::vector<SaveRequest> past;
  std::vector<Version> versions;
  for (int step = 0; step < 600; ++step) {
    SaveRequest request;
    if (!past.empty() && below(4) == 0) {
      request = past[below(past.size())];
    } else {
      const auto own = random_token();
      // A base: the last version, one of the past, or none.
      std::optional<Version> base;
      const auto choice = below(10);
      if (choice < 7 && !versions.empty()) base = versions.back();
      if (choice == 7 && !versions.empty()) base = versions[below(versions.size())];
      if (choice == 8) base = Version{static_cast<std::uint32_t>(below(40)), random_token()};
      const auto kind = below(12);
      if (!base || kind == 0) {
        request = make_create(own, base);
      } else if (kind == 1) {
        request = format::plan_erase(*base, own);
      } else if (kind < 5 && twin.size() > 2) {
        format::RowHeader page{.kind = RowKind::page, .version = *base};
        const auto n = 1 + below(std::min<std::size_t>(twin.size(), 6));
        std::vector<Token> tokens;
        for (auto i = twin.size() - n; i < twin.size(); ++i) {
          format::RowHeader header;
          ASSERT_EQ(format::decode_header(twin.all[i], header), format::RowFault::none);
          if (header.kind != RowKind::page) tokens.push_back(header.version.token);
        }
        request.base = format::encode_version(*base);
        request.own = own;
        request.op = SaveOp::seal;
        request.n = static_cast<std::int64_t>(n);
        request.rows = {format::encode_page(page, tokens, 0, "{}"),
                        make_row(RowKind::keyframe, {base->seq + 1, own})};
      } else {
        request = make_append(*base, own);
      }
      past.push_back(request);
      versions.push_back({request.base.empty() ? 1 : base->seq + 1, own});
    }
    const auto expected = apply_save(twin, request);
    const auto got = send(request, {.first = false});
    ASSERT_FALSE(got.is_error()) << got.text;
    ASSERT_EQ(got.elements.at(0).text, std::string(1, static_cast<char>(expected.answer)))
        << "step " << step;
    const auto now = rows();
    ASSERT_TRUE(std::equal(now.begin(), now.end(), twin.all.begin(), twin.all.end()))
        << "step " << step;
    if (got.elements.size() > 1 && got.elements[1].kind == RedisReply::Kind::bulk) {
      ASSERT_EQ(got.elements[1].text, expected.last_header) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace dialogstore::test
