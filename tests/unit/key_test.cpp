#include "dialogstore/key.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <type_traits>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"

namespace dialogstore {
namespace {

static_assert(std::is_convertible_v<const char*, ContextKey>);
static_assert(std::is_convertible_v<std::string, ContextKey>);
static_assert(std::is_convertible_v<int, ContextKey>);
static_assert(std::is_convertible_v<std::uint64_t, ContextKey>);
static_assert(std::is_convertible_v<Uuid, ContextKey>);
// Python's str(True) is "True" and str('x') is no number: neither may slip in as an integer.
static_assert(!std::is_convertible_v<bool, ContextKey>);
static_assert(!std::is_convertible_v<char, ContextKey>);
static_assert(!std::is_convertible_v<double, ContextKey>);

errc reason_of(const ContextKey& key) {
  try {
    key.check();
  } catch (const StorageError& error) {
    return error.reason();
  }
  return errc{};
}

TEST(ContextKey, IsThePythonStringOfTheValue) {
  EXPECT_EQ(ContextKey(1).text(), "1");
  EXPECT_EQ(ContextKey(-5).text(), "-5");
  EXPECT_EQ(ContextKey(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  EXPECT_EQ(ContextKey(std::numeric_limits<std::uint64_t>::max()).text(), "18446744073709551615");
  EXPECT_EQ(ContextKey("user").text(), "user");
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(0xA0 + i);
  EXPECT_EQ(ContextKey(uuid).text(), "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
  EXPECT_EQ(ContextKey(1), ContextKey("1"));
}

TEST(ContextKey, AnyByteIsLegal) {
  const std::string bytes("a\0\r\n {}\xFF*", 9);
  const ContextKey key(bytes);
  EXPECT_EQ(key.text(), bytes);
  EXPECT_EQ(reason_of(key), errc{});
  EXPECT_NE(ContextKey("\u00e9"), ContextKey("e\u0301"));  // equal only after normalisation
}

TEST(ContextKey, EmptyAndTooLongAreRefused) {
  EXPECT_EQ(reason_of(ContextKey("")), errc::invalid_key);
  EXPECT_EQ(reason_of(ContextKey(std::string(limits::key_bytes, 'k'))), errc{});
  EXPECT_EQ(reason_of(ContextKey(std::string(limits::key_bytes + 1, 'k'))), errc::invalid_key);
}

TEST(ContextKey, PrintableEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(ContextKey("user-1").printable(), "user-1");
  EXPECT_EQ(ContextKey("Аня 😀").printable(), "Аня 😀");
  EXPECT_EQ(ContextKey(std::string("a\0b\x1b\x7f\n", 6)).printable(), "a\\x00b\\x1b\\x7f\\x0a");
  EXPECT_EQ(ContextKey("\xFFz\xC3").printable(), "\\xffz\\xc3");
  EXPECT_EQ(ContextKey("\xC2\x9B[31m").printable(), "\\xc2\\x9b[31m");
  EXPECT_EQ(ContextKey("\xED\xA0\x80").printable(), "\\xed\\xa0\\x80");
}

TEST(ContextKey, PrintableIsCutAfter64Characters) {
  EXPECT_EQ(ContextKey(std::string(64, 'k')).printable(), std::string(64, 'k'));
  EXPECT_EQ(ContextKey(std::string(65, 'k')).printable(), std::string(64, 'k') + "…");
  std::string wide;
  std::string cut;
  for (int i = 0; i < 70; ++i) {
    wide += "ж";
    if (i < 64) cut += "ж";
  }
  EXPECT_EQ(ContextKey(wide).printable(), cut + "…");
}

TEST(ContextKey, HashAndOrderFollowTheText) {
  EXPECT_EQ(std::hash<ContextKey>{}(ContextKey(12)), std::hash<ContextKey>{}(ContextKey("12")));
  EXPECT_LT(ContextKey("a"), ContextKey("b"));
}

TEST(Uuid, RandomIsVersion4) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = Uuid::random().to_string();
    ASSERT_EQ(text.size(), 36U);
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
    for (const std::size_t hyphen : {8U, 13U, 18U, 23U}) EXPECT_EQ(text[hyphen], '-');
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef-"), std::string::npos);
    EXPECT_TRUE(seen.insert(text).second);
  }
}

}  // namespace
}  // namespace dialogstore
