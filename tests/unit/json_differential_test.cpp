// Our scanner against Boost.JSON's parser: both must accept and refuse the same texts.
#include <gtest/gtest.h>

#include <string>

#include "dialogstore/limits.hpp"
#include "model/json_scanner.hpp"
#include "support/json_reference.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

using testing::ReferenceVerdict;

bool we_accept(std::string_view text) {
  JsonCursor cursor(text, limits::json_depth);
  std::string_view span;
  return cursor.value(span) && cursor.at_end();
}

void expect_agreement(std::string_view text) {
  const ReferenceVerdict verdict = testing::reference_verdict(text, limits::json_depth);
  if (verdict == ReferenceVerdict::refuses_exponent) return;
  ASSERT_EQ(we_accept(text), verdict == ReferenceVerdict::accepts) << text;
}

TEST(JsonDifferential, RandomTexts) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    const std::string text = random.json_text(4);
    ASSERT_TRUE(we_accept(text));
    expect_agreement(text);
    if (HasFatalFailure()) return;
  }
}

TEST(JsonDifferential, DamagedTexts) {
  static constexpr std::string_view bytes =
      "{}[]\",:0123456789eE+-.\\u dDbBfFntruals/\x01\n\t\x7f\x80\xA0\xC2\xE0\xED\xF0\xF4\xFF";
  for (std::uint64_t seed = 0; seed < 40'000; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    std::string text = random.json_text(2);
    for (std::size_t i = random.number(3) + 1; i > 0; --i) {
      const std::size_t at = random.number(text.size() + 1);
      const char byte = bytes[random.number(bytes.size())];
      if (at == text.size() || random.chance(3)) {
        text.insert(at, 1, byte);
      } else if (random.chance(3) && text.size() > 1) {
        text.erase(at, 1);
      } else {
        text[at] = byte;
      }
    }
    expect_agreement(text);
    if (HasFatalFailure()) return;
  }
}

TEST(JsonDifferential, EveryShortTextOfSyntaxBytes) {
  static constexpr std::string_view bytes = "{}[]\",:01-.e\\ t";
  for (std::size_t code = 0; code < 15 * 15 * 15 * 15; ++code) {
    std::string text;
    for (std::size_t rest = code; rest > 0; rest /= 15) text += bytes[rest % 15];
    expect_agreement(text);
    if (HasFatalFailure()) return;
  }
}

TEST(JsonDifferential, EscapesAndBytes) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    expect_agreement(std::string("\"\\") + c + '"');
    expect_agreement(std::string("\"") + c + '"');
    expect_agreement(std::string("\"\\u00") + c + "0\"");
    for (int second = 0; second < 256; ++second) {
      expect_agreement(std::string("\"") + c + static_cast<char>(second) + "\x80\"");
    }
  }
  for (const char* high : {"d7ff", "d800", "dbff", "dc00", "dfff", "e000"}) {
    for (const char* low : {"d7ff", "d800", "dbff", "dc00", "dfff", "e000"}) {
      expect_agreement(std::string("\"\\u") + high + "\\u" + low + '"');
    }
    expect_agreement(std::string("\"\\u") + high + '"');
    expect_agreement(std::string("\"\\u") + high + "x\"");
  }
}

TEST(JsonDifferential, DepthBoundary) {
  for (std::size_t depth = limits::json_depth - 2; depth <= limits::json_depth + 2; ++depth) {
    expect_agreement(std::string(depth, '[') + std::string(depth, ']'));
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += "{\"\":";
    expect_agreement(objects + "1" + std::string(depth, '}'));
  }
}

// The known difference, so that a change of either side shows.
TEST(JsonDifferential, HugeExponentsAreOursAlone) {
  for (const char* text : {"1e99999999999", "1e-99999999999"}) {
    EXPECT_TRUE(we_accept(text));
    EXPECT_EQ(testing::reference_verdict(text, limits::json_depth),
              ReferenceVerdict::refuses_exponent);
  }
  EXPECT_EQ(testing::reference_verdict("1e400", limits::json_depth), ReferenceVerdict::accepts);
}

}  // namespace
}  // namespace dialogstore
